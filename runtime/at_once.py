"""Answers that lie ready, given by the web server's main loop itself: see `routers.at_once`.

A request that waits for a thread, and a thread that waits for the interpreter, cost several times what such an answer does. Nothing here
reads from the client's socket or writes to it.
"""

from __future__ import annotations

import logging
from typing import Any

from gunicorn.http.errors import ParseException
from gunicorn.http.message import Request
from gunicorn.http.unreader import IterUnreader
from gunicorn.http.wsgi import create

from routers.at_once import AT_ONCE, NotAtOnce
from runtime.connections import Connection, Ready

log = logging.getLogger(__name__)


class _Collected:
    """What gunicorn writes, in the place of a socket."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    def sendall(self, data: bytes) -> None:
        """Take a piece."""
        self.pieces.append(data)

    send = sendall


def answer(cfg: Any, wsgi: Any, conn: Connection, *, stays: bool) -> Ready | None:
    """The answer to the one request whose head has come, and nothing behind it; None where a thread has to look at it.

    `stays`: the connection may be used again.
    """
    head = bytes(conn.head.data)
    if not head.endswith(b"\r\n\r\n") or head.find(b"\r\n\r\n") != len(head) - 4:
        return None
    collected = _Collected()
    try:
        request = Request(cfg, IterUnreader([head]), conn.client)
        response, environ = create(request, collected, conn.client, conn.server, cfg)
        if "CONTENT_LENGTH" in environ or "HTTP_TRANSFER_ENCODING" in environ:
            return None
        environ["wsgi.multithread"], environ[AT_ONCE] = True, True
        if not stays:
            response.force_close()
        for piece in wsgi(environ, response.start_response):
            response.write(piece)
        response.close()
    except (NotAtOnce, ParseException):
        return None
    except Exception:
        log.exception("a request could not be answered at once, and is given to a thread")
        return None
    return Ready(b"".join(collected.pieces), response.should_close())
