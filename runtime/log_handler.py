"""The handler of all log lines. A line is written at once, but for those that may wait (`record.may_wait`: the access log's), which a
thread of its own writes many at a time: a request does not wait for the log, nor does it give up its turn for it.

Any other line is written behind those that wait, so that the log is in the order of what happened. What waits is written after `WAIT_S`,
when the process ends in order, and whenever `flush` is called; a process that is killed loses it. Where the log is written more slowly
than lines come (somebody reads it through a pipe, and has stopped), those beyond `MOST_WAITING` are left out, and how many they were is
said as soon as that is possible.
"""

from __future__ import annotations

import logging
import os
import threading
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    StreamHandler = logging.StreamHandler[TextIO]
else:  # Python 3.10's takes no type
    StreamHandler = logging.StreamHandler

log = logging.getLogger(__name__)

WAIT_S = 0.1
MOST_WAITING = 20_000


class LogHandler(StreamHandler):
    """Thread-safe. In a forked process it begins anew: what waited is the parent's."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._begin()

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._waiting: deque[logging.LogRecord] = deque()
        self._there, self._ended = threading.Event(), threading.Event()
        self._left_out = 0
        self._writer: threading.Thread | None = None

    def handle(self, record: logging.LogRecord) -> bool:
        """See `logging.Handler.handle`; a line that may wait is filtered when it is written."""
        if not getattr(record, "may_wait", False) or self._ended.is_set():
            return super().handle(record)
        if self._writer is None or self._pid != os.getpid():
            self._start()
        if len(self._waiting) >= MOST_WAITING:
            self._left_out += 1
            return False
        self._waiting.append(record)
        if not self._there.is_set():
            self._there.set()
        return True

    def emit(self, record: logging.LogRecord) -> None:
        """Write the line behind those that wait."""
        self._write([*self._taken(), record])

    def flush(self) -> None:
        """Write what waits."""
        self.acquire()
        try:
            waiting = self._taken()
            if waiting:
                self._write(waiting)
        finally:
            self.release()

    def close(self) -> None:
        """Write what waits, and let nothing wait any more."""
        self._ended.set()
        self.flush()
        self._there.set()  # for the thread, which ends
        super().close()

    def _start(self) -> None:
        self.acquire()
        try:
            if self._pid != os.getpid():
                self._begin()
            if self._writer is None:
                self._writer = threading.Thread(target=self._run, name="log", daemon=True)
                self._writer.start()
        finally:
            self.release()

    def _run(self) -> None:
        while not self._ended.is_set():
            self._there.wait()
            self._ended.wait(WAIT_S)
            self.flush()

    def _taken(self) -> list[logging.LogRecord]:
        """What waits, in order, taken out. Called under the lock."""
        if self._pid != os.getpid():
            self._begin()
        self._there.clear()  # first: a line that comes from here on is seen by the next look
        waiting = [self._waiting.popleft() for _ in range(len(self._waiting))]
        taken = [record for record in waiting if self.filter(record)]
        if self._left_out:
            left_out, self._left_out = self._left_out, 0
            text = "%d lines of requests were left out: more come than can be written"
            said = log.makeRecord(log.name, logging.WARNING, __file__, 0, text, (left_out,), None)
            taken += [said] if self.filter(said) else []
        return taken

    def _write(self, records: Sequence[logging.LogRecord]) -> None:
        lines = []
        for record in records:
            try:
                lines.append(self.format(record) + self.terminator)
            except Exception:  # noqa: BLE001 - as the library does: a line that cannot be written ends nothing
                self.handleError(record)
        try:
            self.stream.write("".join(lines))
            self.stream.flush()
        except Exception:  # noqa: BLE001
            self.handleError(records[-1])
