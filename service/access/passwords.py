"""Passwords, hashed by argon2id: a guess costs 64 MiB and the time that they take to fill."""

from __future__ import annotations

import threading
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from common.errors import InvalidInput, TooManyRequests

AT_ONCE = 2
WAIT_S = 10.0
SHORTEST, LONGEST = 10, 1024  # characters

_turns = threading.BoundedSemaphore(AT_ONCE)


def share(processes: int) -> None:
    """Leave this process, one of so many, its part of the places; one at least."""
    global _turns  # noqa: PLW0603 - a process-wide limit is what this is
    _turns = threading.BoundedSemaphore(max(1, AT_ONCE // processes))


def hashed(password: str) -> str:
    """What is stored of a password. Raises `InvalidInput` for one that is too short or too long."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise InvalidInput("password", f"密码须为 {SHORTEST} 到 {LONGEST} 个字符")
    with _turn():
        return _hasher().hash(password)


def holds(password: str, stored: str | None) -> bool:
    """Whether this is the password; of None, which is nobody's, it says no after the same time."""
    with _turn():
        try:
            right = _hasher().verify(stored or _nobodys(), password[:LONGEST])
        except (Argon2Error, InvalidHashError):
            return False
        return right and stored is not None


class _turn:  # noqa: N801 - reads like a function
    """A place among those that hash at once; raises `TooManyRequests` where none is free for long."""

    def __enter__(self) -> None:
        if not _turns.acquire(timeout=WAIT_S):
            raise TooManyRequests("登录请求过多，请稍后重试", limit=AT_ONCE, retry_after_s=int(WAIT_S))

    def __exit__(self, *_: object) -> None:
        _turns.release()


@cache
def _hasher() -> PasswordHasher:
    return PasswordHasher()


@cache
def _nobodys() -> str:
    return _hasher().hash("nobody's password")
