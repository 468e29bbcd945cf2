from __future__ import annotations

import pytest

from tests.conftest import UNEVEN


def test_every_test_runs_as_often_over_postgresql_as_over_mariadb(request: pytest.FixtureRequest) -> None:
    """Of all tests that were collected with this one."""
    assert request.config.stash[UNEVEN] == []
