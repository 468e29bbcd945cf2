"""The table keeps up with the code: what it says is quick to check, and so is checked with all other tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.mutants.faults import Mutant
from tests.mutants.table import MUTANTS

ROOT = Path(__file__).resolve().parents[2]


def test_every_fault_has_a_name_of_its_own() -> None:
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)


@pytest.mark.parametrize("mutant", MUTANTS, ids=[mutant.name for mutant in MUTANTS])
def test_every_fault_fits_the_code(mutant: Mutant) -> None:
    mutant.fault.prepare()


@pytest.mark.parametrize("mutant", MUTANTS, ids=[mutant.name for mutant in MUTANTS])
def test_every_test_is_there(mutant: Mutant) -> None:
    assert mutant.tests
    for test in mutant.tests:
        file, _, name = test.partition("::")
        assert f"def {name.partition('[')[0]}" in (ROOT / file).read_text("utf-8")
