"""Logging to standard error: text for people, or a JSON object a line for machines; each line names the request that it belongs to, and
its trace, where that does not follow from it.

Much of what is logged was written by a stranger: a client, a model node. None of it may end a line and begin one of its own, move a
terminal's cursor or turn the direction of writing: characters that cannot be seen are escaped. Secrets are masked.
"""

from __future__ import annotations

import json
import logging
import sys
import time
import traceback
from collections.abc import Iterator
from types import TracebackType
from typing import Any, TextIO

from common.hidden_credentials import without_credentials
from common.request_id import served, trace_of
from runtime.log_handler import LogHandler

TEXT = "%(asctime)s %(levelname)-7s %(process_name)s%(name)s%(request)s: %(message)s"
NEWLINE = "\n"
KEPT = "\u3000"  # the blank of Chinese texts
QUIET = ("rq", "urllib3", "PIL", "hypothesis")  # libraries whose INFO tells an operator nothing

_encode = json.JSONEncoder(ensure_ascii=False).encode
_named = [""]  # this process's name

_ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


def set_up_logging(level: str, form: str, stream: TextIO | None = None) -> None:
    """Send every logger's lines to `stream` (standard error). May be called again; only the last call counts."""
    handler = LogHandler(stream or sys.stderr)
    handler.addFilter(_add_request)
    handler.setFormatter(_JsonFormatter() if form == "json" else _TextFormatter(TEXT))
    root = logging.getLogger()
    before, root.handlers[:] = root.handlers[:], [handler]
    for each in before:
        if isinstance(each, LogHandler):
            each.close()
    root.setLevel(level)
    for name in QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


def flush() -> None:
    """Write the lines that wait, before the process ends by `os._exit`."""
    for handler in logging.getLogger().handlers:
        handler.flush()


def name_process(name: str) -> None:
    """From here on this process's lines name it: one of several that write into the same log."""
    _named[0] = name


def _add_request(record: logging.LogRecord) -> bool:
    now, process = vars(record).get("served") or served(), _named[0]
    request, trace = ("", "") if now is None else (now.request_id, now.trace_id)
    shown = f" [{request}]" if trace == trace_of(request) else f" [{request} trace {trace}]"
    record.__dict__.update(
        request_id=request,
        trace_id=trace,
        request=shown if request else "",
        process_name=f"{process} " if process else "",
    )
    return True


class _TextFormatter(logging.Formatter):
    """One line a record. A traceback's lines stand below it, each of what an exception says being one of them."""

    _second = (0, "")  # the latest, and how it is written: many lines come in one

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802 - the library's name
        second, shown = self._second
        if second != int(record.created):
            second, shown = int(record.created), time.strftime(self.default_time_format, time.localtime(record.created))
            self._second = second, shown
        return f"{shown},{int(record.msecs):03d}"

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


class _JsonFormatter(logging.Formatter):
    """One object a line; a record's `fields` are keys of their own."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(record.created))}.{int(record.msecs):03d}+00:00",
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "thread": record.threadName,
        }
        if _named[0]:
            line["process"] = _named[0]
        request = getattr(record, "request_id", "")  # set by _add_request
        if request:
            line["request_id"], line["trace_id"] = request, getattr(record, "trace_id", "")
        line.update(getattr(record, "fields", {}))
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        text = without_credentials(_encode(line))
        return text if text.isprintable() else "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in text)
