"""Every fault of the table, put into the server, makes the tests that guard against it fail."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.mutants.faults import Mutant
from tests.mutants.table import MUTANTS

pytestmark = pytest.mark.mutants

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT_S = 200
SHORT_TEST_S = 60  # a fault may make a test wait for what never comes


@pytest.mark.parametrize("mutant", MUTANTS, ids=[mutant.name for mutant in MUTANTS])
def test_the_suite_finds_the_fault(mutant: Mutant) -> None:
    pytest_ = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-o", f"timeout={SHORT_TEST_S}"]
    done = subprocess.run(
        [*pytest_, "-p", "tests.mutants.plugin", "--mutant", mutant.name, *mutant.tests],
        check=False,
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if name != "CI" and not name.startswith("PYTEST")},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )
    said = done.stdout[-3000:] + done.stderr
    assert done.returncode in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED), f"the tests did not run:\n{said}"
    assert done.returncode == pytest.ExitCode.TESTS_FAILED, f"the fault is not found:\n{said}"
    assert " failed" in done.stdout.splitlines()[-1], said
