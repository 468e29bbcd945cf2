"""Logging to standard error, every line with the id of the request that it belongs to."""

from __future__ import annotations

import json
import logging
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_request_id: ContextVar[str] = ContextVar("request_id", default="-")

_ALLOWED = re.compile(r"[\w.:@/+=-]{1,128}", re.ASCII)
_ESCAPED = {code: repr(chr(code))[1:-1] for code in (*range(32), *range(0x7F, 0xA0), 0x2028, 0x2029)}
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")


def choose_request_id(request_id: str, traceparent: str) -> str:
    """The caller's id where it is fit for a log line, else the trace id of a W3C traceparent, else a fresh one."""
    if _ALLOWED.fullmatch(request_id):
        return request_id
    trace = _TRACEPARENT.fullmatch(traceparent)
    return trace.group(1) if trace else uuid.uuid4().hex


@contextmanager
def bound_request_id(request_id: str) -> Iterator[None]:
    """Log lines of this block carry the id."""
    token = _request_id.set(request_id)
    try:
        yield
    finally:
        _request_id.reset(token)


def current_request_id() -> str:
    """The id of the request being served."""
    return _request_id.get()


class _WithRequestId(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = _request_id.get()
        return True


class _TextLines(logging.Formatter):
    """One line a record (and a traceback's below it): what others sent cannot end it and start one of its own."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the library's name
        return super().formatMessage(record).translate(_ESCAPED)


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        fields = {
            "time": self.formatTime(record),
            "level": record.levelname,
            "logger": record.name,
            "request_id": getattr(record, "request_id", "-"),
            "message": record.getMessage(),
        }
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        return json.dumps(fields, ensure_ascii=False)


def set_up_logging(form: str) -> None:
    """`form` is "text" or "json"."""
    handler = logging.StreamHandler()
    handler.addFilter(_WithRequestId())
    text = _TextLines("%(asctime)s %(levelname)s %(name)s [%(request_id)s] %(message)s")
    handler.setFormatter(_JsonLines() if form == "json" else text)
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.getLogger("uvicorn.access").setLevel(logging.WARNING)
