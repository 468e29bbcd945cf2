"""Requests with an Idempotency-Key: what is asked for twice is made once.

The row that names the request is the first thing that its commit writes, and what was made is written into it before the commit ends. So
the twin that comes meanwhile waits for that commit, at the row's own lock, and then gets what the first one made; and a server that dies
leaves either both or nothing.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import delete, insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from common.errors import KeyReused, StoryToVideoError
from models import idempotency
from models.idempotency import Idempotency
from service.container import Services

KEPT = timedelta(hours=24)
TRIES = 3
CLEAN_EVERY_S, CLEAN_AT_ONCE = 600.0, 1000

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True)
class Asked:
    """A request by its key; `body_hash` says what it asks for."""

    owner: str
    route: str
    key: str
    body_hash: Callable[[], str]


class TwinRequest(StoryToVideoError):
    """Another request with the same key was first."""


_asked: ContextVar[Asked | None] = ContextVar("asked", default=None)
_cleaned = [0.0]


def serve(asked: Asked | None) -> None:
    """From here on this request is served; None: one without a key."""
    _asked.set(asked)


@contextmanager
def under(asked: Asked) -> Iterator[None]:
    """Within, it is this request, whatever key it came with."""
    before = _asked.set(asked)
    try:
        yield
    finally:
        _asked.reset(before)


@contextmanager
def part(number: int) -> Iterator[None]:
    """Within, it is one of several requests in one, with a key of its own."""
    asked = _asked.get()
    if asked is None:
        yield
        return
    own = f"{hashlib.sha256(asked.key.encode()).hexdigest()} {number}"  # with a blank, which no client's own key has
    with under(replace(asked, key=own)):
        yield


def check_part(services: Services, number: int) -> None:
    """Raise `KeyReused` where the part's key came with another request."""
    with part(number):
        asked = _asked.get()
        if asked is not None:
            _kept(services, asked)


def begin(session: Session, now: datetime) -> None:
    """Begin the commit of what the request asks for; where it has no key this does nothing."""
    asked = _asked.get()
    if asked is None:
        return
    session.execute(delete(Idempotency).where(*_same(asked), Idempotency.created_at < now - KEPT))
    row = {"owner": asked.owner, "route": asked.route, "request_key": asked.key, "body_hash": asked.body_hash()}
    try:
        session.execute(insert(Idempotency).values(**row, result={}, created_at=now))
    except IntegrityError as error:
        raise TwinRequest from error


def made(session: Session, value: Any) -> None:
    """Keep what the use case returns, in the commit that makes it."""
    asked = _asked.get()
    if asked is not None:
        idempotency.keep(session, asked.owner, asked.route, asked.key, {"value": value})


def once(
    restore: Callable[[Services, Any], T],
) -> Callable[[Callable[Concatenate[Services, P], T]], Callable[Concatenate[Services, P], T]]:
    """A use case that makes something: asked again under the same key, it returns what it made (`restore` of what was kept).

    Raises `KeyReused` where the key came with another request.
    """

    def decorate(use_case: Callable[Concatenate[Services, P], T]) -> Callable[Concatenate[Services, P], T]:
        @wraps(use_case)
        def wrapped(services: Services, /, *args: P.args, **kwargs: P.kwargs) -> T:
            asked = _asked.get()
            if asked is None:
                return use_case(services, *args, **kwargs)
            for _ in range(TRIES):
                found = _kept(services, asked)
                if found is not None:
                    return restore(services, found.get("value", ""))
                try:
                    return use_case(services, *args, **kwargs)
                except TwinRequest:
                    continue
            raise KeyReused("Idempotency-Key 正被另一个请求使用，请稍后重试")

        return wrapped

    return decorate


def as_kept(_services: Services, value: Any) -> str:
    """What was kept is the id that the use case returned."""
    return str(value)


def _kept(services: Services, asked: Asked) -> dict[str, Any] | None:
    _clean(services)
    with services.database.read() as session:
        row = idempotency.find(session, asked.owner, asked.route, asked.key)
    if row is None or row.created_at < services.clock.now() - KEPT:
        return None
    if row.body_hash != asked.body_hash():
        raise KeyReused("Idempotency-Key 已用于另一个请求，请换一个")
    return row.result or {}


def _clean(services: Services) -> None:
    """Forget old rows, a few times an hour."""
    if _cleaned[0] and time.monotonic() - _cleaned[0] < CLEAN_EVERY_S:
        return
    _cleaned[0] = time.monotonic()
    with services.database.write() as session:
        idempotency.forget(session, services.clock.now() - KEPT, CLEAN_AT_ONCE)


def _same(asked: Asked) -> tuple[Any, ...]:
    return Idempotency.owner == asked.owner, Idempotency.route == asked.route, Idempotency.request_key == asked.key
