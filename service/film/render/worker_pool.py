"""The worker processes of one film, from the parent's side: start, jobs, messages, kill."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import selectors
import tempfile
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final

from common.errors import DiskFull, HostUnavailable
from common.host_faults import raise_if_killed
from service.film.cache import take
from service.film.encoding.ffmpeg import last_lines
from service.film.errors import FilmError
from service.film.render.launcher import Launcher
from service.film.render.segments import Segment

STAGE: Final = "picture"
POLL_S = 0.05  # how soon a cancel is seen
_FAULTS = {fault.__name__: fault for fault in (HostUnavailable, DiskFull)}


@dataclass(frozen=True)
class Job:
    """A segment to make. The worker writes `temporary`; once whole, it becomes `output`. `frame` asks for a cover of it instead."""

    segment: Segment
    temporary: Path
    output: Path
    frame: int | None = None

    def complete(self) -> None:
        """Put what the worker wrote in its place."""
        self.output.parent.mkdir(parents=True, exist_ok=True)
        take(self.temporary, self.own)
        self.temporary.replace(self.output)

    @property
    def own(self) -> Path:
        """A second name of `output`, in the film's folder: another film may prune the cache before this one is joined."""
        return self.temporary.with_suffix(self.output.suffix)

    @property
    def frames(self) -> int:
        """How much work it is."""
        return self.segment.frames if self.frame is None else 0

    def order(self, number: int) -> dict[str, Any]:
        """The job as the worker's protocol says it."""
        order = {"id": number, "segment": self.segment.to_json(), "output": str(self.temporary)}
        if self.frame is not None:
            return order | {"task": "cover", "frame": self.frame}
        return order | {"task": "segment"}


class Worker:
    """One process, with at most one job."""

    def __init__(self, launcher: Launcher, number: int) -> None:
        self._launcher, self._number = launcher, number
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `close`
        theirs, orders = os.pipe()
        self.descriptor, own = os.pipe()
        self._orders = os.fdopen(orders, "wb")
        self._messages = os.fdopen(self.descriptor, "rb", buffering=0)
        launcher.start(number, theirs, own, self._log.fileno())
        for descriptor in (theirs, own):
            os.close(descriptor)
        self.job: Job | None = None
        self.frames = 0
        self._rest = b""

    def give(self, job: Job, number: int) -> None:
        """Hand a job over. A dead worker is noticed when its output is read."""
        self.job, self.frames = job, 0
        line = json.dumps(job.order(number)) + "\n"
        with contextlib.suppress(BrokenPipeError):
            self._orders.write(line.encode())
            self._orders.flush()

    def messages(self) -> list[dict[str, Any]]:
        """What it has said since; waits for at least a part of a line.

        Raises FilmError when the process has ended, `HostUnavailable` when it was killed.
        """
        data = os.read(self.descriptor, 1 << 16)
        if not data:
            code = self._launcher.exit_code(self._number)
            raise_if_killed(code, "制作画面的进程")
            shot = self.job.segment.sources[-1].order if self.job else None
            raise FilmError(STAGE, f"工作进程意外结束（{code}）", shot=shot, log=self._tail())
        *lines, self._rest = (self._rest + data).split(b"\n")
        return [json.loads(line) for line in lines]

    def close(self) -> None:
        """Let go of it, once it is gone."""
        while os.read(self.descriptor, 1 << 16):
            continue  # its output ends with it
        for stream in (self._orders, self._messages, self._log):
            with contextlib.suppress(BrokenPipeError):
                stream.close()

    def _tail(self) -> str:
        self._log.seek(0)
        return last_lines(self._log.read().decode("utf-8", "replace")) or self._launcher.last_words()


class WorkerPool:
    """Use it in a `with` block: on the way out, all processes are gone."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._launcher: Launcher | None = None
        self._workers: list[Worker] = []
        self._numbers = itertools.count()

    def __enter__(self) -> WorkerPool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._launcher is not None:
            self._launcher.kill()
            self._launcher = None
        for worker in self._workers:
            worker.close()
        self._workers.clear()

    def start(self, jobs: int) -> None:
        """Start as many processes as `jobs` jobs can use; their imports take a moment, so the sooner the better."""
        self._launcher = self._launcher or Launcher()
        while len(self._workers) < min(self._count, jobs):
            self._workers.append(Worker(self._launcher, len(self._workers)))

    def run(self, jobs: Sequence[Job], progress: Callable[[int], None], check: Callable[[], None]) -> None:
        """Do all jobs. `progress` gets the frames made so far, `check` is called every few hundredths of a second and may raise."""
        self.start(len(jobs))
        queues = share(jobs, len(self._workers))
        made, left = 0, len(jobs)
        with selectors.DefaultSelector() as selector:
            for index, worker in enumerate(self._workers):
                selector.register(worker.descriptor, selectors.EVENT_READ, index)
                self._next(index, queues)
            while left:
                check()
                for key, _ in selector.select(POLL_S):
                    worker = self._workers[key.data]
                    for message in worker.messages():
                        _raise_told(message)
                        if "frames" in message:
                            made += message["frames"] - worker.frames
                            worker.frames = message["frames"]
                            progress(made)
                        if "done" in message and worker.job is not None:
                            worker.job.complete()
                            left -= 1
                            self._next(key.data, queues)

    def _next(self, index: int, queues: list[deque[Job]]) -> None:
        """The next job of its own stretch; when that is done, the last of the longest other one."""
        worker = self._workers[index]
        worker.job = None
        longest = max(queues, key=len)
        if queues[index]:
            worker.give(queues[index].popleft(), next(self._numbers))
        elif longest:
            worker.give(longest.pop(), next(self._numbers))


def _raise_told(message: dict[str, Any]) -> None:
    """Raise again what stopped a job in its process."""
    if "error" in message:
        fields = message["error"]
        raise FilmError(fields["stage"], fields["message"], shot=fields["shot"], log=fields["log"])
    if "fault" in message:
        raise _FAULTS[message["fault"]](message["message"])


def share(jobs: Sequence[Job], count: int) -> list[deque[Job]]:
    """Cut jobs into `count` stretches of about the same number of frames: neighbours share images, so they belong to one worker."""
    queues: list[deque[Job]] = [deque() for _ in range(count)]
    total = sum(job.frames for job in jobs) or 1
    passed = 0
    for job in jobs:
        middle = passed + job.frames / 2
        queues[min(count - 1, int(middle * count / total))].append(job)
        passed += job.frames
    return queues
