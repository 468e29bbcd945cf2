"""Every kind of database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timezone, tzinfo
from pathlib import Path

import pytest
from sqlalchemy import URL

from models.bootstrap import open_server, open_sqlite
from models.db import Database
from tests.support.columns import DATABASES

Open = Callable[..., Database]
_before_postgresql = pytest.mark.mariadb_alone  # see tests/conftest.py
BEFORE_POSTGRESQL = [pytest.param(kind, marks=_before_postgresql) for kind in DATABASES[:2]]
ORIGINS = [
    *((kind, "new") for kind in DATABASES),
    *(pytest.param(kind, "go", marks=_before_postgresql) for kind in DATABASES[:2]),
]
"""Which tables a server finds: none, or those of the Go backend."""


@pytest.fixture(params=DATABASES)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> URL:
    """An empty database: a file that is not there yet, or a fresh one of a server."""
    return empty_database(request, tmp_path)


def empty_database(request: pytest.FixtureRequest, tmp_path: Path) -> URL:
    """One of the kind that is the fixture's parameter."""
    if request.param == "sqlite":
        return URL.create("sqlite", database=str(tmp_path / "storytovideo.db"))
    found: URL = request.getfixturevalue("mysql_url" if request.param == "mariadb" else "empty_postgresql")
    return found


@pytest.fixture
def open_url() -> Iterator[Open]:
    """Open a database as a server does at start; closed with the test."""
    opened: list[Database] = []

    def open_(url: URL, zone: tzinfo = timezone.utc, statement_timeout_s: int = 30) -> Database:
        if url.drivername == "sqlite":
            opened.append(open_sqlite(Path(str(url.database))))
        else:
            opened.append(open_server(url, zone=zone, pool_size=8, statement_timeout_s=statement_timeout_s))
        return opened[-1]

    yield open_
    for database in opened:
        database.close()


@pytest.fixture
def database(url: URL, open_url: Open) -> Database:
    """A new database with our tables."""
    return open_url(url)
