"""The parent of a server's processes: gunicorn's arbiter, which looks after the processor's process as it does after those of the web.

Each process has a place: a name, for the log, and a number, under which it counts. One that dies or stands still is replaced there.
"""

from __future__ import annotations

import logging
import os
import select
import time
from dataclasses import dataclass

from gunicorn.arbiter import Arbiter as GunicornArbiter

from runtime.memory import described

log = logging.getLogger(__name__)

MEMORY_AFTER_S = 3.0  # from the start to the line on memory: by then all have what they begin with


@dataclass(frozen=True)
class Place:
    """A process that there is to be: a worker of this class. `number` is the web process's, from 0; None for the processor's."""

    name: str
    kind: type
    number: int | None


class Gate:
    """Closed until the processor has started, or died of it: requests come last in the start order.

    It is a pipe whose writing end the processor's process alone holds: the end of that tells all who wait.
    """

    def __init__(self) -> None:
        reader, writer = os.pipe()
        self._reader, self._writer = os.fdopen(reader, "rb"), os.fdopen(writer, "wb")

    def let_go(self) -> None:
        """Called by whoever is not to hold it closed (any more)."""
        self._writer.close()

    def wait(self) -> None:
        """Until it is open."""
        select.select([self._reader], [], [])


class Arbiter(GunicornArbiter):  # type: ignore[misc]  # gunicorn carries no types
    """One worker for each of the application's places, in their order."""

    def __init__(self, app: object) -> None:
        super().__init__(app)
        self._place: Place | None = None
        self._say_memory_at = time.monotonic() + MEMORY_AFTER_S

    def spawn_workers(self) -> None:
        """Without gunicorn's pauses between them."""
        for _ in range(self.num_workers - len(self.WORKERS)):
            self.spawn_worker()

    def spawn_worker(self) -> int:
        """Fork a process for the first place that has none."""
        taken = {worker.place for worker in self.WORKERS.values()}
        place: Place = next(place for place in self.app.places if place not in taken)
        self.worker_class, self._place = place.kind, place
        pid: int = super().spawn_worker()
        if place.number is None:
            self.app.gate.let_go()
        return pid

    @property
    def next_place(self) -> Place | None:
        """Of the worker that is about to be forked."""
        return self._place

    def murder_workers(self) -> None:
        """Called about once per second. The server stops by itself when the embedded parts have exited."""
        super().murder_workers()
        if self.app.should_exit():
            raise StopIteration  # what SIGTERM does
        if time.monotonic() >= self._say_memory_at:
            self._say_memory_at = float("inf")
            self.handle_usr1()

    def handle_usr1(self) -> None:
        """Say how much memory the processes have."""
        pids = {worker.place.name or "server": pid for pid, worker in self.WORKERS.items()}
        if text := described({"main": os.getpid(), **dict(sorted(pids.items()))}):
            log.info("memory: %s", text)

    def handle_hup(self) -> None:
        """Nothing: settings are read at the start, and a terminal that goes is no reason to drop connections."""

    def handle_ttin(self) -> None:
        """Nothing: there are as many processes as places."""

    def handle_ttou(self) -> None:
        """The same."""
