"""How much memory a server under test takes for what it is sent."""

from __future__ import annotations

import threading

import psutil
from typing_extensions import Self

from tests.support.server_process import ServerUnderTest

LOOK_S = 0.01


class Peak:
    """The most memory (RSS, bytes) beyond what it was: `bytes` of the server and all below it, `of_the_server` of its greatest process
    among those that were there before.
    """

    def __init__(self, server: ServerUnderTest) -> None:
        self.bytes = self.of_the_server = 0
        self._own = psutil.Process(server.process.pid)
        self._done = threading.Event()
        self._before = self._resident()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._done.wait(LOOK_S):
            now = self._resident()
            self.bytes = max(self.bytes, sum(now.values()) - sum(self._before.values()))
            grown = [now[pid] - before for pid, before in self._before.items() if pid in now]
            self.of_the_server = max(self.of_the_server, *grown)

    def _resident(self) -> dict[int, int]:
        found = {}
        for process in [self._own, *self._own.children(recursive=True)]:
            try:
                found[process.pid] = process.memory_info().rss
            except psutil.NoSuchProcess:
                continue
        return found
