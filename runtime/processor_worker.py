"""The processor in a process of its own, which gunicorn's arbiter starts, watches and replaces like one of its web workers."""

from __future__ import annotations

import os
import select
import signal
import threading
from typing import Any

from gunicorn.workers.base import Worker

from runtime.arbiter import Place

LOOK_S = 1.0


class ProcessorWorker(Worker):  # type: ignore[misc]  # gunicorn carries no types
    """Runs tasks until the signal to end. Its main thread says that it lives; the work is in others."""

    place: Place

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.ending: list[threading.Thread] = []

    def load_wsgi(self) -> None:
        """Start the work, where gunicorn's worker loads its application."""
        for listener in self.sockets:  # requests are the others'
            listener.close()
        self.app.begin_work()

    def run(self) -> None:
        while self.alive and os.getppid() == self.ppid:
            self.notify()
            select.select([self.PIPE[0]], [], [], LOOK_S)  # a signal writes there

    def init_signals(self) -> None:
        super().init_signals()
        for number in (signal.SIGINT, signal.SIGHUP, signal.SIGUSR1):  # a terminal's go to the arbiter too
            signal.signal(number, signal.SIG_IGN)

    def handle_quit(self, sig: int, frame: Any) -> None:
        """What the arbiter sends after Ctrl-C; it ends the same way."""
        self.handle_exit(sig, frame)
