"""What a database's refusal at start means, and what to do about it."""

from __future__ import annotations

from sqlalchemy import URL
from sqlalchemy.exc import DBAPIError

_NONE_LEFT = (
    "no connection is left: raise the server's max_connections or the account's limit, or lower mysql.pool_size"
)
ADVICE = {
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
}
SQLITE_ADVICE = {
    "unable to open": "is the folder there, and may this user write to it?",
    "readonly": "may this user write to the file and to its folder?",
    "not a database": "the file holds something else; move it away, or set another data_dir",
    "is full": "the disk is full",
}


def explain(error: DBAPIError, where: str, url: URL | None) -> str:
    """One line for an operator: which database, what it said, what to do. Never the password."""
    arguments = error.orig.args if error.orig is not None else ()
    code = arguments[0] if arguments else ""
    said = str(arguments[-1]) if arguments else type(error).__name__
    if isinstance(code, int):
        advice = ADVICE.get(code, "").format(database=url.database if url is not None else "")
    else:
        advice = next((hint for words, hint in SQLITE_ADVICE.items() if words in said), "")
    return f"cannot use the database {where}: {said}" + (f" — {advice}" if advice else "")
