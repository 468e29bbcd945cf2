"""What holds the parts of one film together: when to stop, what to tell, and work beside other work."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from common.errors import Cancelled
from service.film.errors import FilmError
from service.film.spec import Cancel, OnProgress, Progress


class Stop:
    """Cancelled by the user or by the time limit; `is_set` is a `Cancel` for the parts."""

    def __init__(self, cancel: Cancel, timeout_s: float | None) -> None:
        self._cancel = cancel
        self._started: float | None = None
        self.timeout_s = timeout_s

    def begin(self) -> None:
        """The time limit counts from here: waiting for other films is not the film's own time."""
        self._started = time.monotonic()

    def is_set(self) -> bool:
        return self._cancel.is_set() or self._late()

    def check(self) -> None:
        """Raise Cancelled or FilmError when it is time to stop."""
        if self._cancel.is_set():
            raise Cancelled("影片合成已取消")
        if self._late():
            raise FilmError("timeout", f"影片合成超过时限 {self.timeout_s:g} 秒")

    def left(self) -> float:
        """Seconds until the time limit."""
        if self.timeout_s is None or self._started is None:
            return float("inf")
        return max(0.0, self.timeout_s - (time.monotonic() - self._started))

    def _late(self) -> bool:
        return self.left() <= 0.0


class Teller:
    """Reports progress that never goes back."""

    def __init__(self, progress: OnProgress) -> None:
        self._progress, self._fraction = progress, 0.0

    def __call__(self, stage: str, fraction: float, message: str) -> None:
        self._fraction = min(1.0, max(self._fraction, fraction))
        self._progress(Progress(stage, self._fraction, message))


class Beside:
    """A piece of work in a thread, which is handed a `Cancel`: `Stop`'s, or set by `abandon`. What it raises is kept in `error`."""

    def __init__(self, work: Callable[[Cancel], None], stop: Stop) -> None:
        self.error: BaseException | None = None
        self._stop, self._work = stop, work
        self._abandoned = threading.Event()
        self._thread = threading.Thread(target=self._run, name="film-sound")
        self._thread.start()

    def is_set(self) -> bool:
        return self._abandoned.is_set() or self._stop.is_set()

    def check(self) -> None:
        """Raise what `Stop.check` does, or what the work raised: that it was stopped is only what follows from the first."""
        self._stop.check()
        if self.error is not None:
            raise self.error

    def wait(self) -> None:
        """Until it is done; raises as `check` does."""
        while self._thread.is_alive():
            self.check()
            self._thread.join(0.02)
        self.check()

    def abandon(self) -> None:
        """Stop it, and wait until it has."""
        self._abandoned.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            self._work(self)
        except BaseException as error:  # noqa: BLE001 - handed over to the thread that waits
            self.error = error
