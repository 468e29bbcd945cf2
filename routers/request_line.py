"""The bound of the request line.

Whole stories travel in query strings, so the web server's own bound (8 KB at most) is switched off, and this one stands in its place.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING

from routers.errors import envelope

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


def length(environ: WSGIEnvironment) -> int:
    """Bytes of the request line as the client sent it (percent-encoded), its line end left out."""
    target = environ.get("RAW_URI") or environ.get("REQUEST_URI")
    if target is None:  # a server that hands on the parts only; the path is then counted decoded
        query = environ.get("QUERY_STRING", "")
        target = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "") + ("?" + query if query else "")
    return len(environ["REQUEST_METHOD"]) + len(target) + len(environ.get("SERVER_PROTOCOL", "")) + 2


class RequestLineLimit:
    """Answers 414 to a request line of more than `limit` bytes."""

    def __init__(self, application: WSGIApplication, limit: int) -> None:
        self._application = application
        self._limit = limit

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if length(environ) <= self._limit:
            return self._application(environ, start_response)
        body = envelope(HTTPStatus.REQUEST_URI_TOO_LONG, f"请求行过长：最多 {self._limit} 字节，请改用 JSON 请求体")
        start_response("414 URI Too Long", [("Content-Type", "application/json"), ("Connection", "close")])
        return [json.dumps(body, ensure_ascii=False).encode()]
