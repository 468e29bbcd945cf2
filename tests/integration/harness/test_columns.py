from __future__ import annotations

import pytest

from tests.conftest import UNEVEN


def test_no_test_runs_less_often_over_postgresql_than_over_mariadb(request: pytest.FixtureRequest) -> None:
    """Of all tests that were collected with this one."""
    assert request.config.stash[UNEVEN] == []
