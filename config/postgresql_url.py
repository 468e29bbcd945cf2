"""The address of a PostgreSQL database: `postgresql://user:password@host:5432/database?sslmode=require`.

User, password and database are written with %-escapes where they hold `@`, `:`, `/`, `?`, `#` or `%`. Without a host the server's own
socket is meant, in the folder that `?host=/var/run/postgresql` names.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote, urlsplit

from common.errors import StartError
from config.go_dsn import HOST

if TYPE_CHECKING:
    from sqlalchemy import URL

DRIVER = "postgresql+psycopg"
DEFAULT_PORT = 5432
FORM = "postgresql://user:password@host:5432/database"
SCHEMES = ("postgresql", "postgres")
PARAMETERS = frozenset(
    {
        *("host", "sslmode", "sslrootcert", "sslcert", "sslkey", "sslcrl", "sslnegotiation", "channel_binding"),
        *("connect_timeout", "application_name", "target_session_attrs", "gssencmode", "require_auth"),
        *("keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout"),
    }
)
_BAD_ESCAPE = re.compile("%(?![0-9A-Fa-f]{2})")


class PostgresqlUrlError(StartError, ValueError):
    """The text is no address in this form; the message says what is wrong with it, never the password.

    A ValueError as well, which pydantic takes for a finding about the key.
    """


def parse(text: str) -> URL:
    """Read an address; raises `PostgresqlUrlError`."""
    scheme, separator, rest = text.partition("://")
    if not separator or scheme not in SCHEMES:
        raise PostgresqlUrlError(f"must begin with postgresql://; the form is {FORM}")
    if "#" in rest or _BAD_ESCAPE.search(rest):
        raise PostgresqlUrlError(f"a '#' is written %23 and a '%' %25; the form is {FORM}")
    host, port = _host_and_port(rest)
    parts = urlsplit(f"postgresql://{rest}")
    name = unquote(parts.path.removeprefix("/"))
    if not name or "/" in name:
        raise PostgresqlUrlError(f"the database's name after the host is missing or holds a '/'; the form is {FORM}")
    query = _parameters(parts.query)
    if host and "host" in query:
        raise PostgresqlUrlError("the host stands there twice: before the database's name and as a parameter")
    from sqlalchemy import URL  # noqa: PLC0415 - only where there is such a database: it takes a good part of a start

    user, colon, password = parts.netloc.rpartition("@")[0].partition(":")
    return URL.create(
        DRIVER,
        username=unquote(user) or None,
        password=unquote(password) if colon else None,
        host=host or None,
        port=port if host else None,
        database=name,
        query=query,
    )


def _host_and_port(rest: str) -> tuple[str, int]:
    place = re.split(r"[/?]", rest, maxsplit=1)[0]
    credentials, _, address = place.rpartition("@")
    if "@" in credentials:
        raise PostgresqlUrlError(f"an '@' in user or password is written %40; the form is {FORM}")
    match = re.fullmatch(r"(?:\[(?P<ipv6>[^\]]*)\]|(?P<name>[^:\[\]]*))(?::(?P<port>[0-9]{0,5}))?", address)
    if match is None:
        raise PostgresqlUrlError(
            f"host and port cannot be told apart (an IPv6 address stands in []); the form is {FORM}"
        )
    host, port = match["ipv6"] or match["name"] or "", int(match["port"] or DEFAULT_PORT)
    if host and not HOST.fullmatch(host):
        raise PostgresqlUrlError(f"the host is {host!r}; it must be a name or an IP address")
    if port > 65_535:
        raise PostgresqlUrlError(f"the port is {port}; it must be a number from 0 to 65535")
    return host, port


def _parameters(text: str) -> dict[str, str]:
    query = dict(parse_qsl(text, keep_blank_values=True))
    unknown = sorted(set(query) - PARAMETERS)
    if unknown:
        raise PostgresqlUrlError(f"{unknown[0]!r} is no parameter here; allowed are {', '.join(sorted(PARAMETERS))}")
    return query
