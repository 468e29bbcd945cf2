"""Time, handed to whoever needs it so that tests can hold it."""

from __future__ import annotations

import threading
import time
from datetime import datetime, timezone


class Clock:
    """The real clock; tests pass one of their own."""

    def now(self) -> datetime:
        """The time as an aware UTC datetime."""
        return datetime.now(timezone.utc)

    def monotonic(self) -> float:
        """Seconds that never go back; only differences mean something."""
        return time.monotonic()

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Wait for an event, at most so many seconds; returns whether it is set."""
        return event.wait(seconds)
