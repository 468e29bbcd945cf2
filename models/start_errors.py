"""What a database's refusal at start means, and what to do about it, in one line. Never the password."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import URL
from sqlalchemy.exc import DBAPIError

from common.errors import DatabaseUnavailable
from models.driver_errors import code_of, is_of_postgresql

_NONE_LEFT = (
    "no connection is left: raise the server's max_connections or the account's limit, or lower mysql.pool_size"
)
ADVICE: dict[int | str, str] = {
    1040: _NONE_LEFT,
    1044: "the account may not use this database: GRANT ALL ON `{database}`.* TO it",
    1045: "user or password in mysql.dsn is wrong, or the account may not connect from this machine",
    1049: "there is no such database. Make it: CREATE DATABASE `{database}` CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci",
    1142: "the account needs CREATE, ALTER, INDEX and REFERENCES besides SELECT, INSERT, UPDATE and DELETE",
    1203: _NONE_LEFT,
    1205: "another program holds the tables; stop the Go backend, or end its transaction, and start again",
    1226: _NONE_LEFT,
    1698: "the account signs in by a plugin that needs no password, which works on the server's own socket only",
    2003: "nothing answers there: is the server running, are host and port in mysql.dsn right?",
    2005: "the host in mysql.dsn is unknown",
    "25006": "the server is a standby, or only reads for another reason: name the one that takes writes",
    "42501": 'the account may not make tables here: ALTER DATABASE "{database}" OWNER TO it',
    "55P03": "another program holds the tables; stop the other server, or end its transaction, and start again",
}
CONNECTING = {
    "password authentication failed": "user or password in database.url is wrong",
    "no password supplied": "database.url has no password, and this account needs one",
    "no pg_hba.conf entry": "the server lets this account in from this machine only once its pg_hba.conf says so",
    'database "': "there is no such database. Make it: CREATE DATABASE \"{database}\" ENCODING 'UTF8' LOCALE 'C.UTF-8' TEMPLATE template0",
    "too many c": _NONE_LEFT.replace("mysql.", "database."),
    "remaining connection slots": _NONE_LEFT.replace("mysql.", "database."),
    "onnection refused": "nothing answers there: is the server running, are host and port in database.url right?",
    "timeout expired": "nothing answers there: is the server running, are host and port in database.url right?",
    "could not translate host name": "the host in database.url is unknown",
    "failed to resolve host": "the host in database.url is unknown",
    "starting up": "the server is about to start; try again in a moment",
}
"""Words of PostgreSQL's answer to who connects, for which its driver has no letters."""
SQLITE_ADVICE = {
    "unable to open": "is the folder there, and may this user write to it?",
    "readonly": "may this user write to the file and to its folder?",
    "not a database": "the file holds something else; move it away, or set another data_dir",
    "is full": "the disk is full",
}


@contextmanager
def with_error_hint(where: str, url: URL | None = None) -> Iterator[None]:
    """Raise `DatabaseUnavailable` with a hint for what the driver raises."""
    try:
        yield
    except DBAPIError as error:
        raise DatabaseUnavailable(error_hint(error, where, url)) from error


def error_hint(error: DBAPIError, where: str, url: URL | None) -> str:
    """One line for an operator: which database, what it said, what to do."""
    arguments = error.orig.args if error.orig is not None else ()
    said = " ".join(str(arguments[-1]).split()) if arguments else type(error).__name__
    advice = ADVICE.get(code_of(error), "") or _by_words(error, said)
    advice = advice.format(database=url.database if url is not None else "")
    return f"cannot use the database {where}: {said}" + (f" — {advice}" if advice else "")


def _by_words(error: DBAPIError, said: str) -> str:
    if isinstance(code_of(error), int):
        return ""
    known = CONNECTING if is_of_postgresql(error) else SQLITE_ADVICE
    return next((hint for words, hint in known.items() if words in said), "")


def place_of(url: URL) -> str:
    """Which database, for a person."""
    return f"{url.database} on {url.host or 'its socket'}"
