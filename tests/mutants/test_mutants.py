"""Every fault of the table, put into a copy of the tree, makes the tests that guard against it fail."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeAlias, TypeGuard

import pytest

from tests.mutants.table import MUTANTS, Mutant

Run: TypeAlias = "subprocess.CompletedProcess[str]"

pytestmark = pytest.mark.mutants

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("common", "config", "models", "processor", "routers", "service", "tests", "worker_node", "doc", "examples")
FILES = ("main.py", "pyproject.toml", "config.yaml")
TIMEOUT_S = 200
SHORT_TEST_S = 60  # a fault may make a test wait for what never comes
FAILED, NONE_FOUND, USAGE = 1, 5, 4


@pytest.fixture(scope="module")
def runs(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Future[Run]]]:
    """The tests of every mutant that is asked for, as many at once as there are cores: most of their time is start-up."""
    asked = {item.callspec.params["mutant"] for item in request.session.items if _is_ours(item)}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        yield {
            mutant.name: pool.submit(_run, mutant, tmp_path_factory.mktemp("tree"))
            for mutant in MUTANTS
            if mutant in asked
        }


@pytest.mark.timeout(TIMEOUT_S * len(MUTANTS))  # the first one waits for those that were begun before it
@pytest.mark.parametrize("mutant", MUTANTS, ids=[mutant.name for mutant in MUTANTS])
def test_the_suite_finds_the_fault(mutant: Mutant, runs: dict[str, Future[Run]]) -> None:
    done = runs[mutant.name].result()
    assert done.returncode not in (NONE_FOUND, USAGE), f"its tests are not there any more:\n{done.stdout}{done.stderr}"
    assert done.returncode == FAILED, f"the fault is not found ({done.returncode}):\n{done.stdout[-3000:]}{done.stderr}"
    assert " failed" in done.stdout.splitlines()[-1], done.stdout[-3000:]


def _is_ours(item: pytest.Item) -> TypeGuard[pytest.Function]:
    return isinstance(item, pytest.Function) and item.function is test_the_suite_finds_the_fault


def _run(mutant: Mutant, tree: Path) -> Run:
    source = (ROOT / mutant.file).read_text(encoding="utf-8")
    count = source.count(mutant.find)
    assert count == 1, f"{mutant.file} holds {mutant.find!r} {count} times: bring tests/mutants/table.py up to date"
    _copy(tree)
    (tree / mutant.file).write_text(source.replace(mutant.find, mutant.replace), encoding="utf-8")
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-x",
            "-p",
            "no:cacheprovider",
            "-o",
            f"timeout={SHORT_TEST_S}",
            *mutant.tests,
        ],
        check=False,
        cwd=tree,
        env={name: value for name, value in os.environ.items() if name not in ("CI", "PYTEST_CURRENT_TEST")},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )


def _copy(tree: Path) -> None:
    for name in COPIED:
        shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    for name in FILES:
        shutil.copy(ROOT / name, tree / name)
