"""The outermost WSGI middleware: a request's id and trace, and when it is over its line in the access log and its part of the metrics.

It keeps to what costs next to nothing: an answer that comes as a list is counted where it is returned, any other when it is closed.
"""

from __future__ import annotations

import os
import random
import re
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from flask import Flask, request

from common.request_id import Served, bound, goes_to, trace_in
from routers import access_log
from routers.access_log import Answered
from routers.at_once import AT_ONCE
from service.metrics import requests

if TYPE_CHECKING:
    from _typeshed import OptExcInfo
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

REQUEST_ID_HEADER = "X-Request-ID"
UNKNOWN = "other"  # the route of what has none: one name, however many addresses are tried
UPGRADED, FAILED = 101, "500"
LONGEST_ID = 64
_OWN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}")

# Ids are no secrets, and the system's own source would have each request give up its turn.
_random = random.Random()  # noqa: S311
os.register_at_fork(after_in_child=_random.seed)

Done = Callable[[int], None]
"""Called with the bytes of the body when it is sent."""


def accepted_id(header: str, traceparent: str) -> str:
    """The caller's id: `X-Request-ID` where it is 1 to 64 harmless characters, else the trace id of a W3C `traceparent`, else a new one."""
    if header and _OWN.fullmatch(header):
        return header
    return trace_in(traceparent) or f"{_random.getrandbits(128):032x}"


def install(app: Flask) -> None:
    """Note where each request goes, before anything else is looked at."""

    @app.before_request
    def _note() -> None:
        if request.url_rule is not None:
            task_id = (request.view_args or {}).get("task_id", "")
            goes_to(request.url_rule.rule, task_id[:LONGEST_ID])


class Observed:
    """Binds id and trace while `application` answers, adds the id to the answer's headers, and tells of the request when it is over.

    `logs`: write the line of the access log.
    """

    def __init__(self, application: WSGIApplication, *, logs: bool = True) -> None:
        self._application, self._logs = application, logs

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        began = time.perf_counter()
        traceparent = environ.get("HTTP_TRACEPARENT", "")
        value = accepted_id(environ.get("HTTP_X_REQUEST_ID", ""), traceparent)
        started = _Started()

        def start(
            status: str, headers: list[tuple[str, str]], exc_info: OptExcInfo | None = None, /
        ) -> Callable[[bytes], object]:
            started.status, started.headers = status, headers
            return start_response(status, [*headers, (REQUEST_ID_HEADER, value)], exc_info)

        with bound(value, trace_in(traceparent)) as served:

            def done(size: int) -> None:
                self._tell(environ, started.code, time.perf_counter() - began, size, served)

            try:
                answer = self._application(environ, start)
            except BaseException as error:
                if AT_ONCE in environ:  # a thread is to serve it
                    raise
                if not isinstance(error, StopIteration):  # how a WebSocket ends that was served here
                    started.status = started.status or FAILED
                done(0)
                raise
            return _watched(answer, environ, started, done)

    def refused(self, method: str, client: str, status: int, size: int, served: Served) -> None:
        """Tell of what the web server refused itself, since it is no request: of its address nothing is sure, nor when it began."""
        requests.count(UNKNOWN, method, status, None)
        if self._logs:
            environ: WSGIEnvironment = {"REQUEST_METHOD": method, "PATH_INFO": "-", "REMOTE_ADDR": client}
            access_log.write(environ, Answered(UNKNOWN, status, 0.0, size), served)

    def _tell(self, environ: WSGIEnvironment, status: int, seconds: float, size: int, served: Served) -> None:
        route = served.route or UNKNOWN
        requests.count(route, environ["REQUEST_METHOD"], status, None if status == UPGRADED else seconds)
        if self._logs:
            access_log.write(environ, Answered(route, status, seconds, size), served)


class _Started:
    """How the answer begins. A WebSocket's is written by its library."""

    __slots__ = ("headers", "status")

    def __init__(self) -> None:
        self.status = ""
        self.headers: list[tuple[str, str]] = []

    @property
    def code(self) -> int:
        return int(self.status[:3]) if self.status else UPGRADED

    def length(self) -> int:
        """What the answer says of its body."""
        said = next((text for name, text in self.headers if name.lower() == "content-length"), "0")
        return int(said) if said.isdigit() else 0


def _watched(answer: Iterable[bytes], environ: WSGIEnvironment, started: _Started, done: Done) -> Iterable[bytes]:
    """The answer, with `done` called at its end. A file stays one: the web server has the kernel send it."""
    if isinstance(answer, list):
        done(sum(map(len, answer)))
        return answer
    wrapper = environ.get("wsgi.file_wrapper")
    if isinstance(wrapper, type) and isinstance(answer, wrapper):
        _on_close(answer, started.length(), done)
        return answer
    return _Pieces(answer, done)


def _on_close(file: Any, size: int, done: Done) -> None:
    close = getattr(file, "close", None)

    def closed() -> None:
        try:
            if close is not None:
                close()
        finally:
            done(size)

    file.close = closed


class _Pieces:
    """An answer whose pieces are counted."""

    def __init__(self, answer: Iterable[bytes], done: Done) -> None:
        self._answer, self._done, self._size = answer, done, 0

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._answer:
            self._size += len(piece)
            yield piece

    def close(self) -> None:
        try:
            close = getattr(self._answer, "close", None)
            if close is not None:
                close()
        finally:
            self._done(self._size)
