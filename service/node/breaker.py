"""The circuit breaker of one model node: whether it is to be given work."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

FAILURES = 3  # requests in a row without an answer, after which a node counts as away
FIRST_PAUSE_S, LONGEST_PAUSE_S = 5.0, 60.0


class Breaker:
    """Thread-safe. Open after `FAILURES` requests in a row without an answer, or once a job was not taken; then for a pause, twice as long
    each time, after which one job is let through to see.

    An answer closes what silence opened; what a job that was not taken opened is closed by one that is.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic, self._lock = monotonic, threading.Lock()
        self._failures, self._pause_s = 0, FIRST_PAUSE_S
        self._open_until: float | None = None
        self._not_taken = False

    def allows(self) -> bool:
        """Whether the node may be given a job now."""
        with self._lock:
            return self._open_until is None or self._monotonic() >= self._open_until

    def chosen(self) -> None:
        """A job is on its way to the node: the others wait for what becomes of it where the breaker was open until now."""
        with self._lock:
            if self._open_until is not None:
                self._open_until = self._monotonic() + self._pause_s

    def answered(self) -> None:
        """A request had an answer, whatever it was."""
        with self._lock:
            self._failures = 0
            if not self._not_taken:
                self._close()

    def took(self) -> None:
        """A job was taken."""
        with self._lock:
            self._failures = 0
            self._close()

    def silent(self) -> None:
        """A request had no answer."""
        with self._lock:
            self._failures += 1
            if self._failures >= FAILURES and (self._open_until is None or self._monotonic() >= self._open_until):
                self._open()

    def not_taken(self) -> None:
        """A job was not taken."""
        with self._lock:
            self._not_taken = True
            self._open()

    def _open(self) -> None:
        self._open_until = self._monotonic() + self._pause_s
        self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)

    def _close(self) -> None:
        self._open_until, self._not_taken, self._pause_s = None, False, FIRST_PAUSE_S
