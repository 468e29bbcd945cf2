"""Which request the running code serves: for log lines, and for what the request starts (a task keeps the id in its row)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_request_id: ContextVar[str] = ContextVar("request_id", default="")


def request_id() -> str:
    """The id of the request (or of the request that made the task) being served; "" outside of any."""
    return _request_id.get()


@contextmanager
def bound(value: str) -> Iterator[None]:
    """Serve the request of this id until the block ends."""
    token = _request_id.set(value)
    try:
        yield
    finally:
        _request_id.reset(token)
