"""Ending a job between two of its steps, so that its worker process, and the model in it, lives on."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from worker_node.errors import Cancelled

ASK = signal.SIGUSR1


class Stopping:
    """Of one worker process. A provider that can end early says so by `steps` and looks by `check`; any other is killed."""

    def __init__(self) -> None:
        self._asked, self._looking = False, False

    def listen(self) -> None:
        """From here on the signal `ASK` asks for an end."""
        signal.signal(ASK, lambda *_: self.ask())

    def ask(self) -> None:
        """End what is being done: at its next step, or with the process where nobody looks."""
        if not self._looking:
            os.killpg(0, signal.SIGKILL)
        self._asked = True

    @contextmanager
    def steps(self) -> Iterator[None]:
        """What happens within has steps, between which `check` is called."""
        self._asked, self._looking = False, True
        try:
            yield
        finally:
            self._looking = False

    def check(self) -> None:
        """Raise `Cancelled` where the job is not wanted any more."""
        if self._asked:
            raise Cancelled


STOPPING = Stopping()
"""That of this process."""
