"""The head of a request while it comes: whether a thread can go on with it.

A thread that waits for a client's next byte is a thread that serves nobody, so none is given to a head before gunicorn's parser will
either have a request out of it or an error, without reading on.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from gunicorn.http.errors import (
    InvalidHeader,
    InvalidRequestLine,
    LimitRequestHeaders,
    LimitRequestLine,
    ParseException,
)

_NO_TEXT = re.compile(rb"[\x00-\x1f\x7f]")  # in a request line: whoever speaks TLS here is told at once
_REQUEST_LINE = re.compile(rb"[^ ]+ [^ ]+ HTTP/\d\.\d")
_BARE_LF = re.compile(rb"(?<!\r)\n")
_SHOWN = 200  # bytes of a bad request line that go to the log


@dataclass(frozen=True)
class HeadLimits:
    """Bytes: of the request line, and of all headers."""

    line: int
    headers: int


class RequestHead:
    """What has come of one request. Every byte is looked at once, however small the pieces are."""

    def __init__(self, limits: HeadLimits) -> None:
        self.data = bytearray()
        self.fault: ParseException | None = None
        self._limits = limits
        self._line_end = -1

    def add(self, piece: bytes) -> bool:
        """Take the next piece; True once a thread can go on: the blank line has come (and maybe more), or `fault` says what is wrong."""
        seen = max(0, len(self.data) - 3)  # a blank line may have begun in the piece before
        self.data += piece
        if self._line_end < 0:
            self.fault = self._look_at_line(seen)
        if self._line_end < 0 or self.fault is not None:
            return self.fault is not None
        if self.data.find(b"\r\n\r\n", max(self._line_end, seen)) >= 0:
            return True
        self.fault = self._look_at_headers(seen)
        return self.fault is not None

    def _look_at_line(self, seen: int) -> ParseException | None:
        start = 2 if self.data.startswith(b"\r\n") else 0  # one empty line before it is allowed (RFC 9112, 2.2)
        end = self.data.find(b"\r\n", max(start, seen))
        fresh = self.data[max(start, seen) : end if end >= 0 else None]
        if end < 0 and fresh.endswith(b"\r"):
            del fresh[-1:]
        size = (end if end >= 0 else len(self.data)) - start
        if size > self._limits.line + 2 * (end < 0):
            return LimitRequestLine(size, self._limits.line)
        line = self.data[start : start + size]
        if _NO_TEXT.search(fresh) or (end >= 0 and not _REQUEST_LINE.fullmatch(line)):
            return InvalidRequestLine(line[:_SHOWN].decode("latin-1"))
        self._line_end = end
        return None

    def _look_at_headers(self, seen: int) -> ParseException | None:
        if len(self.data) - self._line_end - 2 > self._limits.headers:
            return LimitRequestHeaders("max buffer headers")
        if _BARE_LF.search(self.data, max(self._line_end + 2, seen)):
            return InvalidHeader("bare LF as line terminator")
        return None
