"""On whose behalf the running code works: whose rows it may see, and whose the rows are that it makes.

Where everybody may do everything nobody is named: every row is seen, and new ones have no owner.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True)
class Caller:
    """An account. `sees_all`: an admin, or a processor that works for whoever asked for its task."""

    account_id: str | None
    sees_all: bool = False


_EVERYBODY = Caller(None, sees_all=True)
_caller: ContextVar[Caller] = ContextVar("caller", default=_EVERYBODY)


def owner_of_new_rows() -> str | None:
    """The account that owns what is made now, or None."""
    return _caller.get().account_id


def restricted_to() -> str | None:
    """The account whose rows alone may be seen; None where all may."""
    caller = _caller.get()
    return None if caller.sees_all else caller.account_id or ""


def current() -> Caller:
    """The caller."""
    return _caller.get()


@contextmanager
def calling(caller: Caller) -> Iterator[None]:
    """Work on the caller's behalf until the block ends."""
    token = _caller.set(caller)
    try:
        yield
    finally:
        _caller.reset(token)
