"""The access log: one line for each request, when its last byte was handed over. Nobody's query, header or body is in it.

Its text is made where it is written, which a thread does for many at a time (`runtime.log_handler`): a request's own thread notes what
happened, and no more.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

from common.request_id import Served

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

log = logging.getLogger("access")

LONGEST = 300  # characters of what a client says
_PLAIN = re.compile(rf"[A-Za-z0-9_.~/:@!$'()*,;=-]{{0,{LONGEST}}}")  # is the same in an address


class Answered(NamedTuple):
    """A request that is over. `route` is its template, `seconds` are those from its head to its end; `size` bytes were sent as body."""

    route: str
    status: int
    seconds: float
    size: int


def write(environ: WSGIEnvironment, answered: Answered, served: Served) -> None:
    """Write the line, at once or soon."""
    if log.isEnabledFor(logging.INFO):
        said = environ["REQUEST_METHOD"][:LONGEST], environ.get("PATH_INFO", ""), environ.get("REMOTE_ADDR", "")
        log.handle(_Line(said, answered, served))


class _Line(logging.LogRecord):
    """A record that holds what its text is made of; `said` are the method, the path and the address of the client.

    It is made without `LogRecord`'s own beginning, which looks for the place in the code and takes several times as long.
    """

    may_wait = True

    def __init__(self, said: tuple[str, str, str], answered: Answered, served: Served) -> None:
        now = time.time()
        self.__dict__ = {
            **_SAME,
            "created": now,
            "msecs": int(now * 1000) % 1000,
            "threadName": threading.current_thread().name,
            "said": said,
            "answered": answered,
            "served": served,
        }

    @property
    def fields(self) -> dict[str, Any]:
        """What is known of the request, for lines in JSON; what is "" is left out."""
        method, path, client = self.__dict__["said"]
        answered, served = self.__dict__["answered"], self.__dict__["served"]
        found = {
            "method": method,
            "path": _quoted(path, "latin-1"),
            "route": answered.route,
            "status": answered.status,
            "ms": round(answered.seconds * 1000, 2),
            "upstream_ms": round(served.upstream_s * 1000, 2),
            "bytes": answered.size,
            "client": client,
            "user": served.user,
            "task": _quoted(served.task_id, "utf-8"),  # a client's word, there or not
        }
        return {name: value for name, value in found.items() if value != ""}

    def getMessage(self) -> str:  # noqa: N802 - the library's name
        """The line for people."""
        method, path, client = self.__dict__["said"]
        answered, served = self.__dict__["answered"], self.__dict__["served"]
        user = f", user {served.user}" if served.user else ""
        task = f", task {_quoted(served.task_id, 'utf-8')}" if served.task_id else ""
        return (
            f"{method} {_quoted(path, 'latin-1')} {answered.status} {round(answered.seconds * 1000, 2)} ms, "
            f"upstream {round(served.upstream_s * 1000, 2)} ms, {answered.size} bytes, {client}{user}{task}"
        )


_SAME = dict(
    logging.LogRecord(log.name, logging.INFO, __file__, 0, "", None, None, write.__name__).__dict__, taskName=None
)


def _quoted(said: str, encoding: str) -> str:
    """As it stands in an address, and no longer than is worth reading."""
    if _PLAIN.fullmatch(said):
        return said
    quoted = quote(said, safe="/:@!$'()*,;=", encoding=encoding, errors="replace")
    return quoted if len(quoted) <= LONGEST else f"{quoted[:LONGEST]}..."
