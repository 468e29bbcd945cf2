"""A database as a person names it on the command line, of whichever kind."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timezone, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from config import go_dsn, postgresql_url
from config.go_dsn import DsnError

if TYPE_CHECKING:
    from sqlalchemy import URL

FORMS = (
    "a file of SQLite, user:password@tcp(host:3306)/database, mysql://user:password@host/database or "
    + postgresql_url.FORM
)


@dataclass(frozen=True)
class DatabaseAddress:
    """`zone` is that of the times in tables that are not this server's own."""

    url: URL
    zone: tzinfo = timezone.utc

    @property
    def path(self) -> Path | None:
        """Of SQLite's file."""
        return Path(str(self.url.database)) if self.url.get_backend_name() == "sqlite" else None


def parse(text: str) -> DatabaseAddress:
    """Raises `DsnError` or `PostgresqlUrlError`, which say what is wrong, never the password."""
    scheme = text.partition("://")[0] if "://" in text else ""
    if scheme in postgresql_url.SCHEMES:
        return DatabaseAddress(postgresql_url.parse(text))
    if scheme in ("mysql", "mariadb"):
        found = go_dsn.parse(_as_dsn(text))
        return DatabaseAddress(found.url, found.zone)
    if scheme not in ("", "sqlite") or not text:
        raise DsnError(f"must be {FORMS}")
    if "@" in text and "(" in text:
        found = go_dsn.parse(text)
        return DatabaseAddress(found.url, found.zone)
    from sqlalchemy import URL  # noqa: PLC0415 - takes a good part of a start

    return DatabaseAddress(URL.create("sqlite", database=text.removeprefix("sqlite://").replace("//", "/", 1)))


def _as_dsn(text: str) -> str:
    parts = urlsplit(text)
    credentials, _, place = parts.netloc.rpartition("@")
    user, colon, password = credentials.partition(":")
    query = f"?{parts.query}" if parts.query else ""
    return f"{unquote(user)}{colon}{unquote(password)}@tcp({place}){parts.path}{query}"
