"""Services over either database, without a processor."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from service.container import Services
from tests.support.web_app import make_settings, open_services


@pytest.fixture(params=["sqlite", "mariadb"])
def services(request: pytest.FixtureRequest, tmp_path: Path, redis_url: str) -> Iterator[Services]:
    dsn = request.getfixturevalue("mysql_dsn") if request.param == "mariadb" else ""
    with open_services(make_settings(tmp_path, dsn), redis_url) as parts:
        yield parts
