"""Both kinds of database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timezone, tzinfo
from pathlib import Path

import pytest
from sqlalchemy import URL

from models.bootstrap import open_mysql, open_sqlite
from models.db import Database

Open = Callable[..., Database]


@pytest.fixture(params=["sqlite", "mysql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> URL:
    """An empty database: a file that is not there yet, or a fresh MySQL or MariaDB database."""
    if request.param == "sqlite":
        return URL.create("sqlite", database=str(tmp_path / "storytovideo.db"))
    found: URL = request.getfixturevalue("mysql_url")
    return found


@pytest.fixture
def open_url() -> Iterator[Open]:
    """Open a database as a server does at start; closed with the test."""
    opened: list[Database] = []

    def open_(url: URL, zone: tzinfo = timezone.utc, statement_timeout_s: int = 30) -> Database:
        if url.drivername == "sqlite":
            opened.append(open_sqlite(Path(str(url.database))))
        else:
            opened.append(open_mysql(url, zone=zone, pool_size=8, statement_timeout_s=statement_timeout_s))
        return opened[-1]

    yield open_
    for database in opened:
        database.close()


@pytest.fixture
def database(url: URL, open_url: Open) -> Database:
    """A new database with our tables."""
    return open_url(url)
