"""When a call, or all calls of a job, must have ended; `time_limit` sees to it."""

from __future__ import annotations

import time


class Deadline:
    """A moment `seconds` from now, on the monotonic clock."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._ends_at = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds until then; 0 when it has passed."""
        return max(0.0, self._ends_at - time.monotonic())
