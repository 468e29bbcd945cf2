"""A program that the supervisor restarts when it exits."""

from __future__ import annotations

import logging
import subprocess
import time
from abc import ABC, abstractmethod

from common.errors import StartError
from common.parent_death import guarded

log = logging.getLogger(__name__)

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
STEADY_S = 60.0  # one that ran this long is restarted after the shortest pause
STOP_S = 2.0


class ChildFailed(StartError):
    """The program did not come up; the text says why and what to do."""


class Child(ABC):
    """Started once by `start`; `wait` returns when it serves. `supervise` restarts it when it has exited, after a pause that doubles
    with each exit and each start that fails."""

    name: str

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._started = self._start_again = 0.0
        self._pause = FIRST_PAUSE_S

    @abstractmethod
    def start(self) -> None:
        """Start it, without waiting; raises `ChildFailed` where it cannot run at all."""

    @abstractmethod
    def wait(self) -> str:
        """Wait until it serves, and say at which address; raises `ChildFailed`."""

    @abstractmethod
    def start_again(self) -> None:
        """Start it at the same address, without waiting; raises `OSError` where that cannot be done now."""

    def supervise(self) -> None:
        """Restart it if it has exited; called several times a second."""
        now = time.monotonic()
        if self._process is not None and self._process.poll() is not None:
            if now - self._started > STEADY_S:
                self._pause = FIRST_PAUSE_S
            self._back_off(f"exited with status {self._process.returncode}")
            self._process = None
        if self._process is None and now >= self._start_again:
            try:
                self.start_again()
            except OSError as error:
                self._back_off(f"cannot be started: {error}")

    def stop(self) -> None:
        """End it, by force after `STOP_S` seconds."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()

    def _back_off(self, why: str) -> None:
        log.error("%s %s; restarting in %.1f s", self.name, why, self._pause)
        self._start_again = time.monotonic() + self._pause
        self._pause = min(2 * self._pause, LONGEST_PAUSE_S)

    def _spawn(
        self, command: list[str], *, env: dict[str, str] | None = None, stdout: int = subprocess.DEVNULL
    ) -> subprocess.Popen[bytes]:
        self._started = time.monotonic()
        self._process = subprocess.Popen(guarded(command), stdin=subprocess.DEVNULL, stdout=stdout, env=env)  # noqa: S603 - our own words
        return self._process
