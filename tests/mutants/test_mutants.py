"""Every fault of the table, put into the server, makes the tests that guard against it fail."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.mutants.faults import Mutant
from tests.mutants.run import run_tests
from tests.mutants.table import MUTANTS

pytestmark = pytest.mark.mutants

TIMEOUT_S = 200
SHORT_TEST_S = 60  # a fault may make a test wait for what never comes


@pytest.mark.parametrize("mutant", MUTANTS, ids=[mutant.name for mutant in MUTANTS])
def test_the_suite_finds_the_fault(mutant: Mutant, tmp_path: Path) -> None:
    output = tmp_path / "output"
    code = run_tests(mutant, output, SHORT_TEST_S, TIMEOUT_S)
    said = output.read_text("utf-8")
    assert code in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED), f"the tests did not run:\n{said[-3000:]}"
    assert code == pytest.ExitCode.TESTS_FAILED, f"the fault is not found:\n{said[-3000:]}"
    assert " failed" in said.splitlines()[-1], said[-3000:]
