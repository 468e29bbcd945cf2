"""Which request the running code serves, and what is noted of it meanwhile: for log lines, for what the request starts (a task keeps the id
in its row), and for the model node.

The trace id (W3C Trace Context) is the caller's, where its `traceparent` names one, and follows from the request's id otherwise.
"""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

_TRACE_ID = re.compile(r"(?!0{32})[0-9a-f]{32}")
_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?")


@dataclass
class Served:
    """A request, or a task that one made. `upstream_s` are the seconds that it waited for the database, storage and the model node so far;
    `route` is its route's template, `user` the account that asks, `task_id` the task that it names, or the first that it made.
    """

    request_id: str = ""
    trace_id: str = ""
    upstream_s: float = 0.0
    route: str = ""
    user: str = ""
    task_id: str = ""


_served: ContextVar[Served | None] = ContextVar("served", default=None)


def served() -> Served | None:
    """What is being served; None outside of any request."""
    return _served.get()


def request_id() -> str:
    """The id of the request (or of the request that made the task) being served; "" outside of any."""
    now = _served.get()
    return now.request_id if now is not None else ""


def trace_id() -> str:
    """The trace that it belongs to, 32 hexadecimal digits; "" outside of any."""
    now = _served.get()
    return now.trace_id if now is not None else ""


def traceparent() -> str:
    """What is sent on with a request that is made now; "" outside of any. Each has a span id of its own."""
    trace = trace_id()
    return f"00-{trace}-{os.urandom(8).hex()}-01" if trace else ""


def trace_in(header: str) -> str:
    """The trace id of a `traceparent`; "" where it holds none."""
    found = _TRACEPARENT.fullmatch(header.strip().lower()) if header else None
    return found[1] if found else ""


def is_trace_id(text: str) -> bool:
    """Whether this can be one."""
    return _TRACE_ID.fullmatch(text) is not None


def trace_of(request: str) -> str:
    """The trace id that follows from a request's id: the id itself, where it is one; "" of ""."""
    if not request or is_trace_id(request):
        return request
    return hashlib.blake2b(request.encode(), digest_size=16).hexdigest()


@contextmanager
def bound(value: str, trace: str = "") -> Iterator[Served]:
    """Serve the request of this id, and of this trace, until the block ends."""
    now = Served(value, trace or trace_of(value))
    token = _served.set(now)
    try:
        yield now
    finally:
        _served.reset(token)


def goes_to(route: str, task_id: str = "") -> None:
    """Note where the request goes."""
    now = _served.get()
    if now is not None:
        now.route, now.task_id = route, task_id


def asked_by(user: str) -> None:
    """Note who asks."""
    now = _served.get()
    if now is not None:
        now.user = user


def made_task(task_id: str) -> None:
    """Note the first task that the request makes."""
    now = _served.get()
    if now is not None and not now.task_id:
        now.task_id = task_id


def waited(seconds: float) -> None:
    """Note that so long was waited for somebody else."""
    now = _served.get()
    if now is not None:
        now.upstream_s += seconds


@contextmanager
def upstream() -> Iterator[None]:
    """Note how long the block takes, which waits for somebody else."""
    began = time.perf_counter()
    try:
        yield
    finally:
        waited(time.perf_counter() - began)
