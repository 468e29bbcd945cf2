"""Logging to standard error: text for people, or a JSON object a line for machines; each line names the request that it belongs to."""

from __future__ import annotations

import json
import logging
import sys
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, TextIO

from common.request_id import request_id

if TYPE_CHECKING:
    pass

TEXT = "%(asctime)s %(levelname)-7s %(name)s%(request)s: %(message)s"
QUIET = ("rq", "urllib3", "PIL", "hypothesis")  # libraries whose INFO tells an operator nothing


def set_up_logging(level: str, form: str, stream: TextIO | None = None) -> None:
    """Send every logger's lines to `stream` (standard error). May be called again; only the last call counts."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.addFilter(_add_request)
    handler.setFormatter(_JsonFormatter() if form == "json" else logging.Formatter(TEXT))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


def _add_request(record: logging.LogRecord) -> bool:
    served = request_id()
    record.__dict__.update(request_id=served, request=f" [{served}]" if served else "")
    return True


class _JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, timezone.utc).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "thread": record.threadName,
        }
        request = getattr(record, "request_id", "")  # set by _add_request
        if request:
            line["request_id"] = request
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)
