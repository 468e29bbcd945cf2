"""A plug-in for pytest that puts one fault into the server before the tests run: `-p tests.mutants.plugin --mutant NAME`."""

from __future__ import annotations

import pytest

from tests.mutants.operators import MutationError
from tests.mutants.table import MUTANTS


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--mutant", required=True, choices=[mutant.name for mutant in MUTANTS])


def pytest_configure(config: pytest.Config) -> None:
    [mutant] = [mutant for mutant in MUTANTS if mutant.name == config.getoption("mutant")]
    try:
        install = mutant.fault.prepare()
    except MutationError as error:
        raise pytest.UsageError(str(error)) from error
    install()
