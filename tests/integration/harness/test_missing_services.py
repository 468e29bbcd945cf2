"""A service that is not installed: left out and named here, a failure in CI."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.soak import soaking_rows

ROOT = Path(__file__).resolve().parents[3]


def run_without_redis(ci: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("S2V_")}
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "tests/integration/harness/test_services.py",
        "-k",
        "redis",
    ]
    return subprocess.run(
        command,
        cwd=ROOT,
        env=environment | {"PATH": "/nonexistent", "CI": ci, "S2V_TEST_REDIS": "system"},
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )


def test_here_it_is_left_out_and_named_in_one_line() -> None:
    done = run_without_redis("")
    assert done.returncode == 0, done.stdout
    assert "left out 1 tests: redis-server is not installed" in done.stdout


def test_in_ci_it_is_a_failure() -> None:
    done = run_without_redis("true")
    assert done.returncode == 1, done.stdout
    assert "redis-server is not installed" in done.stdout


@pytest.mark.parametrize(("ci", "status"), soaking_rows([("true", 1), ("", 0)], keep=1))
def test_in_ci_nothing_at_all_may_be_skipped(tmp_path: Path, ci: str, status: int) -> None:
    (tmp_path / "conftest.py").write_text(
        (ROOT / "tests" / "conftest.py").read_text(encoding="utf-8"), encoding="utf-8"
    )
    (tmp_path / "test_it.py").write_text("import pytest\n\ndef test_a():\n    pytest.importorskip('no_such_module')\n")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-c",
        str(ROOT / "pyproject.toml"),
        f"--rootdir={tmp_path}",
        str(tmp_path),
    ]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | {"CI": ci}, capture_output=True, text=True, check=False, timeout=200
    )
    assert done.returncode == status, done.stdout
