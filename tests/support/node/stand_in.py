"""A model node that behaves as it is told to: the fault injector of the tests."""

from __future__ import annotations

import copy
import json
import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from tests.support.node.dialect import OURS, Dialect, Envelope, Job
from tests.support.node.scripts import Script, finished, png, processing, wav
from tests.support.node.server import Exchange, Node

Answer = tuple[int, Any]
LOST: Answer = (404, {"detail": "job not found"})


class StandInNode(Node):
    """Its jobs follow scripts, one for each type of task; how they are put is the dialect's. They live in memory.

    `on_generate` and `on_poll` may return (status, body) to answer instead of the script. `before_piece` is called before each piece of a
    file that it sends, to slow it down. `health`, `stops_when_cancelled` and `scene_count` are the dialect's until a test sets them.

    `started` are the jobs that it ever started, `jobs` those that it knows of, by their ids; `polled` are the ids that it was asked for,
    and `refused` the names of the values that it refused.
    """

    def __init__(self, dialect: Dialect = OURS) -> None:
        super().__init__({"GET": self._get, "POST": self._generate, "DELETE": self._cancel})
        self.dialect = dialect
        self.health: dict[str, Any] = copy.deepcopy(dialect.health)
        self.stops_when_cancelled = dialect.stops_when_cancelled
        self.scene_count = dialect.scene_count
        self.on_generate: Callable[[Envelope], Answer | None] = lambda _envelope: None
        self.on_poll: Callable[[str], Answer | None] = lambda _job_id: None
        self.before_piece: Callable[[], None] = lambda: None
        self.started: list[Job] = []
        self.jobs: dict[str, Job] = {}
        self.polled: list[str] = []
        self.refused: list[str] = []
        self._cancels: list[str] = []
        self._lock = threading.RLock()
        self._scripts: dict[str, Callable[[Envelope], Script]] = {}
        self.script_storyboards()
        self.script("generate_shot", lambda _envelope: finished(png()))
        self.script("generate_audio", lambda _envelope: finished(wav()))
        self.script("generate_video", lambda _envelope: finished(b""))

    def script(self, type_: str, make: Callable[[Envelope], Script]) -> None:
        """Let `make` write the script of each job of this type, from its envelope."""
        self._scripts[type_] = make

    def script_storyboards(self) -> None:
        """Let each storyboard have as many scenes as were asked for, or as the node always makes."""
        self.script("generate_storyboard", self._storyboard)

    def script_quickly(self) -> None:
        """Let every job that a story leads to be done at once."""
        for kind, content in {"generate_shot": png(), "generate_audio": wav()}.items():
            self.script(kind, lambda _envelope, content=content: finished(content))  # type: ignore[misc]  # a default is no parameter
        self.script_storyboards()

    def held_storyboard(self, progress: float = 10) -> threading.Event:
        """Hold storyboards at "processing" until the returned event is set."""
        gate = threading.Event()

        def script(envelope: Envelope) -> Script:
            made = self._storyboard(envelope)
            return Script([processing(progress), *made.reports], made.file, gate)

        self.script("generate_storyboard", script)
        return gate

    def add_job(self, job_id: str, script: Script) -> None:
        """A job that somebody else started before."""
        with self._lock:
            self.jobs[job_id] = Job(job_id, 0, {}, script)

    def forget_jobs(self) -> None:
        """As a node does that is restarted."""
        with self._lock:
            self.jobs.clear()

    @property
    def envelopes(self) -> list[Envelope]:
        """Those that were sent, in order, whatever came of them."""
        return [asked.body for asked in self.asked if asked.method == "POST"]

    def of_type(self, type_: str | None) -> list[Job]:
        """The jobs of this type that were ever started, in order; None: of every type."""
        with self._lock:
            return [job for job in self.started if type_ in (None, job.envelope["type"])]

    def starts(self, type_: str | None = None) -> list[str]:
        """The task ids of those jobs."""
        return [job.envelope["id"] for job in self.of_type(type_)]

    def cancels(self) -> list[str]:
        """Job ids that were asked to stop."""
        with self._lock:
            return list(self._cancels)

    def cancelled(self) -> set[str]:
        """Job ids of those that were stopped."""
        with self._lock:
            return {job.id for job in self.jobs.values() if job.cancelled}

    def _storyboard(self, envelope: Envelope) -> Script:
        asked = (envelope["parameters"].get("shot_defaults") or {}).get("shot_count")
        return finished(json.dumps(self.dialect.scenes(self.scene_count or asked or 3)).encode())

    def _generate(self, exchange: Exchange) -> None:
        envelope: Envelope = exchange.body
        status, body = self.on_generate(envelope) or self._start(envelope)  # not under the lock: it may block
        exchange.json(body, status)

    def _start(self, envelope: Envelope) -> Answer:
        with self._lock:
            wrong = self.dialect.refused(envelope)
            if wrong:
                self.refused += wrong
                return 422, {"detail": [{"loc": ["body", name], "msg": "wrong type"} for name in wrong]}
            known = [
                job for job in self.jobs.values() if job.envelope.get("id") == envelope["id"] and not job.cancelled
            ]
            if known and self.dialect.one_job_per_task:
                return self.dialect.accepted(known[0])
            number = len(self.started) + 1
            script = self._scripts[envelope["type"]](envelope)
            job = Job(f"job-{number}-{envelope['id'][:8]}", number, envelope, script)
            self.started.append(job)
            self.jobs[job.id] = job
            return self.dialect.accepted(job)

    def _get(self, exchange: Exchange) -> None:
        parts = urlsplit(exchange.path).path.split("/")
        if parts == ["", "health"]:
            exchange.json(self.health)
        elif parts[:3] == ["", "v1", "jobs"]:
            status, body = self.on_poll(parts[3]) or self._report(parts[3])
            exchange.json(body, status)
        elif parts[:2] == ["", "files"]:
            self._send(exchange, parts[2])
        else:  # no /v1/download either
            exchange.json({"detail": "Not Found"}, 404)

    def _report(self, job_id: str) -> Answer:
        with self._lock:
            self.polled.append(job_id)
            job = self.jobs.get(job_id)
            if job is None:
                return LOST
            if job.cancelled and self.stops_when_cancelled:
                return 200, {"id": job_id, "status": "cancelled"}
            report = self.dialect.report(job)
            job.polls += 1
            return 200, report

    def _send(self, exchange: Exchange, job_id: str) -> None:
        with self._lock:
            job = self.jobs.get(job_id)

        def hold() -> None:
            self.before_piece()  # it may be another one by then

        content, status = (job.script.file, 200) if job else (b"", 404)
        exchange.answer(status, content, self.dialect.content_type, before_piece=hold)

    def _cancel(self, exchange: Exchange) -> None:
        job_id = urlsplit(exchange.path).path.rsplit("/", 1)[1]
        with self._lock:
            self._cancels.append(job_id)
            job = self.jobs.get(job_id)
            if job is not None:
                job.cancelled = True
        status, body = (200, self.dialect.cancelled) if job else LOST
        exchange.json(body, status)
