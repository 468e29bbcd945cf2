"""What the stages of one film share: the cancel scope, the progress reporter, and background work."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from common.errors import Cancelled
from service.film.errors import FilmError
from service.film.spec import Cancel, OnProgress, Progress


class CancelScope:
    """Cancelled by the user or by the time limit; a `Cancel` for the stages."""

    def __init__(self, cancel: Cancel, timeout_s: float | None) -> None:
        self._cancel = cancel
        self._started: float | None = None
        self.timeout_s = timeout_s

    def begin(self) -> None:
        """The time limit counts from here: waiting for other films is not the film's own time."""
        self._started = time.monotonic()

    def is_set(self) -> bool:
        return self._cancel.is_set() or self._expired()

    def check(self) -> None:
        """Raise Cancelled or FilmError when it is time to stop."""
        if self._cancel.is_set():
            raise Cancelled("影片合成已取消")
        if self._expired():
            raise FilmError("timeout", f"影片合成超过时限 {self.timeout_s:g} 秒")

    def remaining_s(self) -> float:
        """Seconds until the time limit."""
        if self.timeout_s is None or self._started is None:
            return float("inf")
        return max(0.0, self.timeout_s - (time.monotonic() - self._started))

    def _expired(self) -> bool:
        return self.remaining_s() <= 0.0


class ProgressReporter:
    """Reports progress that never goes back."""

    def __init__(self, progress: OnProgress) -> None:
        self._progress, self._fraction = progress, 0.0

    def __call__(self, stage: str, fraction: float, message: str) -> None:
        self._fraction = min(1.0, max(self._fraction, fraction))
        self._progress(Progress(stage, self._fraction, message))


class BackgroundWork:
    """Work in a thread of its own, which is handed a `Cancel`: the scope's, or set by `cancel`. What it raises is kept in `error`."""

    def __init__(self, work: Callable[[Cancel], None], scope: CancelScope) -> None:
        self.error: BaseException | None = None
        self._scope, self._work = scope, work
        self._cancelled = threading.Event()
        self._thread = threading.Thread(target=self._run, name="film-sound")
        self._thread.start()

    def is_set(self) -> bool:
        return self._cancelled.is_set() or self._scope.is_set()

    def check(self) -> None:
        """Raise what `CancelScope.check` does (first, since a cancel makes the work raise too), or what the work raised."""
        self._scope.check()
        if self.error is not None:
            raise self.error

    def wait(self) -> None:
        """Until it is done; raises as `check` does."""
        while self._thread.is_alive():
            self.check()
            self._thread.join(0.02)
        self.check()

    def cancel(self) -> None:
        """Cancel it, and wait until it has ended."""
        self._cancelled.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            self._work(self)
        except BaseException as error:  # noqa: BLE001 - handed over to the thread that waits
            self.error = error
