"""Clocks that a test sets."""

from __future__ import annotations

from datetime import datetime, timedelta

from common.clock import Clock


class MovedClock(Clock):
    """The real clock, moved by a test; or that of a host whose clock is off."""

    def __init__(self, moved: timedelta = timedelta()) -> None:
        self.moved = moved

    def now(self) -> datetime:
        return super().now() + self.moved

    def monotonic(self) -> float:
        return super().monotonic() + self.moved.total_seconds()
