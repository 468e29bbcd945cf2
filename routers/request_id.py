"""The id of a request: taken over from the caller where it is one, drawn otherwise, answered as `X-Request-ID`.

This is WSGI middleware and the outermost layer, so that every answer carries the id, and every log line under it.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from common.request_id import bound

if TYPE_CHECKING:
    from _typeshed import OptExcInfo
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

HEADER = "X-Request-ID"
_OWN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}")
_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?")


def accepted(header: str, traceparent: str) -> str:
    """The caller's id: `X-Request-ID` where it is 1 to 64 harmless characters, else the trace id of a W3C `traceparent`, else a new one."""
    if _OWN.fullmatch(header):
        return header
    trace = _TRACEPARENT.fullmatch(traceparent.strip().lower())
    return trace[1] if trace else uuid.uuid4().hex


class RequestId:
    """Binds the id while the application answers, and adds it to the answer's headers."""

    def __init__(self, application: WSGIApplication) -> None:
        self._application = application

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        value = accepted(environ.get("HTTP_X_REQUEST_ID", ""), environ.get("HTTP_TRACEPARENT", ""))

        def start(
            status: str, headers: list[tuple[str, str]], exc_info: OptExcInfo | None = None, /
        ) -> Callable[[bytes], object]:
            return start_response(status, [*headers, (HEADER, value)], exc_info)

        with bound(value):
            return self._application(environ, start)
