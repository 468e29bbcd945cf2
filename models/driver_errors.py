"""What a driver's error means: the disk is full, another transaction was in the way, the server is away, the statement is wrong.

MySQL and MariaDB have numbers, PostgreSQL has the standard's five letters (`sqlstate`), SQLite has words.
"""

from __future__ import annotations

from sqlalchemy.exc import DBAPIError, InterfaceError, InternalError, OperationalError

from common.host_faults import says_full

CONFLICTS = frozenset(
    {
        *(1020, 1205, 1213),  # changed since it was read, lock wait timeout, deadlock
        *("40001", "40P01", "55P03"),  # serialization failure, deadlock, lock wait timeout
    }
)
FULL = frozenset(
    {
        *(3, 20, 1021, 1114),  # a file or a table cannot grow, two of them as errors of the server's file layer
        "53100",
    }
)
MISTAKES = frozenset({1054})  # an unknown column
AWAY = frozenset({"25006", "25P03", "25P04"})  # a standby, which only reads; a transaction that the server gave up
# Beyond a quota or a limit on a file's size, and where its shared memory finds no room, SQLite calls it an I/O error.
SQLITE_FULL = ("disk is full", "disk I/O error")
SQLITE_MISTAKES = ("no such ", "syntax error", "has no column")
SQLITE_LOCKED = "is locked"


def is_full(error: DBAPIError) -> bool:
    """Whether the database's disk is full. Servers have many numbers for it, and name the system's reason in the text."""
    code = code_of(error)
    if _is_of_sqlite(error):
        return any(words in str(code) for words in SQLITE_FULL)
    return isinstance(error, OperationalError | InternalError) and (code in FULL or says_full(str(error.orig)))


def is_away(error: DBAPIError) -> bool:
    """Whether the server cannot be reached, or does nothing for us now. Drivers class some wrong statements with it."""
    if code_of(error) in AWAY:
        return True
    return isinstance(error, OperationalError | InterfaceError) and not _is_mistake(error)


def is_conflict(error: BaseException | None) -> bool:
    """Whether another transaction was in the way, so that the same work may well succeed now."""
    if not isinstance(error, OperationalError):
        return False
    code = code_of(error)
    return code in CONFLICTS or (_is_of_sqlite(error) and SQLITE_LOCKED in str(code))


def code_of(error: DBAPIError) -> int | str:
    """MySQL's and MariaDB's number, PostgreSQL's letters, SQLite's text; "" where there is none."""
    first: int | str = error.orig.args[0] if error.orig is not None and error.orig.args else ""
    if is_of_postgresql(error):
        return getattr(error.orig, "sqlstate", None) or ""
    return first


def is_of_postgresql(error: DBAPIError) -> bool:
    """Whether PostgreSQL's driver raised it, also of a server that it did not reach."""
    numbered = error.orig is not None and error.orig.args and isinstance(error.orig.args[0], int)
    return hasattr(error.orig, "sqlstate") and not numbered  # PyMySQL has both


def _is_mistake(error: DBAPIError) -> bool:
    code = code_of(error)
    return code in MISTAKES or (_is_of_sqlite(error) and any(words in str(code) for words in SQLITE_MISTAKES))


def _is_of_sqlite(error: DBAPIError) -> bool:
    return isinstance(code_of(error), str) and not is_of_postgresql(error)
