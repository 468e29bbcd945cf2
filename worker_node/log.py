"""Logging to standard error, every line with the id of the request that it belongs to, and its trace, where that is another.

What others sent cannot end a line and begin one of its own, nor steer a terminal: characters that cannot be seen are escaped. Secrets are
masked.
"""

from __future__ import annotations

import json
import logging
import re
import traceback
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import TracebackType
from typing import Any

from worker_node.hidden_credentials import without_credentials

NEWLINE = "\n"
KEPT = "\u3000"  # the blank of Chinese texts
_ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]

_request_id: ContextVar[str] = ContextVar("request_id", default="-")
_trace_id: ContextVar[str] = ContextVar("trace_id", default="")
_form = ["text"]

_ALLOWED = re.compile(r"[\w.:@/+=-]{1,128}", re.ASCII)
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")


def choose_request_id(request_id: str, traceparent: str) -> str:
    """The caller's id where it is fit for a log line, else the trace id of a W3C traceparent, else a fresh one."""
    if _ALLOWED.fullmatch(request_id):
        return request_id
    return trace_in(traceparent) or uuid.uuid4().hex


def trace_in(traceparent: str) -> str:
    """The trace id of a W3C traceparent, "" where it has none."""
    trace = _TRACEPARENT.fullmatch(traceparent)
    return trace.group(1) if trace else ""


@contextmanager
def bound_request_id(request_id: str, trace_id: str = "") -> Iterator[None]:
    """Log lines of this block carry the ids."""
    token, trace = _request_id.set(request_id), _trace_id.set(trace_id)
    try:
        yield
    finally:
        _request_id.reset(token)
        _trace_id.reset(trace)


def current_request_id() -> str:
    """The id of the request being served."""
    return _request_id.get()


def current_trace_id() -> str:
    """The trace that it belongs to, "" where it has none."""
    return _trace_id.get()


class _WithRequestId(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        request, trace = _request_id.get(), _trace_id.get()
        record.request_id, record.trace_id = request, trace
        record.request = request if trace in ("", request) else f"{request} trace {trace}"
        return True


class _TextLines(logging.Formatter):
    """One line a record. A traceback's lines stand below it, each of what an exception says being one of them."""

    def format(self, record: logging.LogRecord) -> str:
        return without_credentials(super().format(record))

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the library's name
        return _visible(super().formatMessage(record))

    def formatException(self, ei: _ExcInfo) -> str:  # noqa: N802 - the library's name
        kind, error, frames = ei
        if kind is None or error is None:
            return "NoneType: None"
        return "".join(_traceback(traceback.TracebackException(kind, error, frames))).rstrip("\n")


def _visible(text: str) -> str:
    """The text with whatever cannot be seen, but the blank, as Python writes it."""
    return text if text.isprintable() else "".join(c if c in KEPT or c.isprintable() else repr(c)[1:-1] for c in text)


def _traceback(found: traceback.TracebackException) -> Iterator[str]:
    """As `found.format()`, which would let what an exception says, and what was noted on it, run over several lines."""
    if found.__cause__ is not None:
        yield from _traceback(found.__cause__)
        yield "The exception above was the cause of:\n"
    elif found.__context__ is not None and not found.__suppress_context__:
        yield from _traceback(found.__context__)
        yield "While that was handled:\n"
    notes: Any = getattr(found, "__notes__", None)  # Python 3.11
    if notes is not None:
        found.__dict__["__notes__"] = [_visible(str(note)) for note in (notes if isinstance(notes, list) else [notes])]
    yield "Traceback (most recent call last):\n"
    yield from found.stack.format()
    yield from (f"{_visible(line.rstrip(NEWLINE))}\n" for line in found.format_exception_only())
    for inner in getattr(found, "exceptions", None) or ():
        yield from _traceback(inner)


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        fields = {
            "time": self.formatTime(record),
            "level": record.levelname,
            "logger": record.name,
            "request_id": getattr(record, "request_id", "-"),
            "trace_id": getattr(record, "trace_id", ""),
            "message": record.getMessage(),
        }
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        text = without_credentials(json.dumps(fields, ensure_ascii=False))
        return text if text.isprintable() else "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in text)


def log_form() -> str:
    """The form that was set up."""
    return _form[0]


def set_up_logging(form: str, level: int = logging.INFO) -> None:
    """`form` is "text" or "json"."""
    _form[0] = form
    handler = logging.StreamHandler()
    handler.addFilter(_WithRequestId())
    text = _TextLines("%(asctime)s %(levelname)s %(name)s [%(request)s] %(message)s")
    handler.setFormatter(_JsonLines() if form == "json" else text)
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.getLogger("uvicorn.access").setLevel(logging.WARNING)
