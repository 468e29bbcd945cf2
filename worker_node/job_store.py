"""The job store: every job that the node knows, the queue of those that wait, and the moves between states.

`pending → processing → finished | failed`, and `cancelled` from either of the first two. An ended job is remembered for a while, bounded
in number and age. All of it is on disk, too (`ledger`): a node that starts again has its ended jobs, and goes on with the others.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from enum import Enum
from itertools import islice
from typing import Any

from worker_node.envelope import Envelope
from worker_node.errors import JobUnknown, QueueFull
from worker_node.job_notes import JobNotes
from worker_node.ledger import Entry, Ledger
from worker_node.requests import KIND_OF_TYPE

RETRY_AFTER_S = 15

log = logging.getLogger(__name__)


class JobStatus(str, Enum):
    """The words of the wire."""

    PENDING = "pending"
    PROCESSING = "processing"
    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"


ENDED = (JobStatus.FINISHED, JobStatus.FAILED, JobStatus.CANCELLED)


@dataclass
class Job:
    """One piece of work. Only the job store changes it, under its lock; `cleaned_up` is set once nothing of the work runs or lies about."""

    id: str
    envelope: Envelope
    request: dict[str, Any]
    request_id: str
    created_at: datetime
    updated_at: datetime
    status: JobStatus = JobStatus.PENDING
    progress: int = 0
    message: str = "排队中"
    result: dict[str, Any] = field(default_factory=dict)
    error: str = ""
    code: int = 0
    notes: JobNotes = field(default_factory=JobNotes)
    trace_id: str = ""
    resumed: bool = False
    started_at: datetime | None = None
    finished_at: datetime | None = None
    ended_monotonic: float = 0.0
    stop: Callable[[], None] | None = None
    cleaned_up: threading.Event = field(default_factory=threading.Event)

    @property
    def kind(self) -> str:
        """llm, t2i, i2v or tts."""
        return KIND_OF_TYPE[self.envelope.type]

    def entry(self, *, known: bool = True) -> Entry:
        """The job for the ledger; `known`: its envelope's id leads to it."""
        shared = {name: getattr(self, name) for name in Entry.__dataclass_fields__ if name not in ("known", "status")}
        return Entry(**shared, known=known, status=self.status.value)

    def view(self) -> dict[str, Any]:
        """The body of GET /v1/jobs/{id}."""
        return {
            "id": self.id,
            "projectId": self.envelope.project_id or "",
            "shotId": self.envelope.shot_id or "",
            "type": self.envelope.type,
            "status": self.status.value,
            "progress": self.progress,
            "message": self.message,
            "parameters": self.envelope.shown_parameters(),
            "result": self.result,
            "error": self.error,
            **({"code": self.code} if self.code else {}),
            "estimatedDuration": self.envelope.estimated_duration or 0,
            "startedAt": _wire_time(self.started_at),
            "finishedAt": _wire_time(self.finished_at),
            "createdAt": _wire_time(self.created_at),
            "updatedAt": _wire_time(self.updated_at),
        }


def _wire_time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def now() -> datetime:
    """The time, in UTC."""
    return datetime.now(timezone.utc)


class JobStore:
    """Thread-safe. `on_end(job)` is called once for every job that finished or failed, outside the lock; `forget(job_id)` removes the
    files of a job that never ran or is no longer remembered; `usage(job)` is what its providers are paid for, which the result says
    however the job ends. Jobs that the ledger knows are there from the start."""

    def __init__(
        self,
        ledger: Ledger,
        *,
        queue: int,
        keep_jobs: int,
        keep_seconds: float,
        on_end: Callable[[Job], None],
        forget: Callable[[str], None],
        usage: Callable[[Job], list[dict[str, Any]]] = lambda _job: [],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._queue_limit = queue
        self._keep_jobs, self._keep_seconds = keep_jobs, keep_seconds
        self._on_end, self._forget, self._usage, self._monotonic = on_end, forget, usage, monotonic
        self._changed = threading.Condition()
        self._jobs: dict[str, Job] = {}
        self._by_envelope: dict[str, str] = {}
        self._waiting: dict[str, deque[Job]] = {kind: deque() for kind in KIND_OF_TYPE.values()}
        self._ended: OrderedDict[str, Job] = OrderedDict()
        self._closed = False
        self._ledger = ledger
        for entry in ledger.entries():
            self._take_over(entry)

    def _take_over(self, entry: Entry) -> None:
        job = Job(entry.id, entry.envelope, entry.request, entry.request_id, entry.created_at, entry.created_at)
        job.notes, job.trace_id, job.resumed = entry.notes, entry.trace_id, entry.finished_at is None
        self._jobs[job.id] = job
        if entry.known:
            self._by_envelope[job.envelope.id] = job.id
        if entry.finished_at is None:
            job.message = "节点重启后继续排队"
            self._waiting[job.kind].append(job)
            return
        job.status, job.progress, job.message = JobStatus(entry.status), entry.progress, entry.message
        job.result, job.error, job.code = entry.result or {}, entry.error, entry.code
        job.started_at, job.finished_at, job.updated_at = entry.started_at, entry.finished_at, entry.finished_at
        job.ended_monotonic = self._monotonic() - max(0.0, (now() - entry.finished_at).total_seconds())
        job.cleaned_up.set()
        self._ended[job.id] = job

    def unfinished(self) -> set[str]:
        """The jobs that wait or run."""
        with self._changed:
            return set(self._jobs) - set(self._ended)

    def submit(
        self,
        envelope: Envelope,
        request_id: str,
        prepare: Callable[[str], dict[str, Any]],
        clean_up: Callable[[str], None],
        trace_id: str = "",
    ) -> Job:
        """Queue a job, or return the one that was started for the same envelope id.

        `prepare(job id)` makes the provider's request and may write its input; it runs outside the lock, only where the job is new.
        Where two of the same envelope come at once the second's preparation is undone by `clean_up(job id)`, and so is one that fails.
        Raises `QueueFull` and whatever `prepare` raises.
        """
        self.sweep()
        known = self._admit(envelope)
        if known is not None:
            return known
        moment = now()
        job_id = str(uuid.uuid4())
        try:
            job = Job(job_id, envelope, prepare(job_id), request_id, moment, moment, trace_id=trace_id)
            self._ledger.add(job.entry())
            with self._changed:
                known = self._admit(envelope)
                if known is None:
                    self._jobs[job.id] = job
                    self._by_envelope[envelope.id] = job.id
                    self._waiting[job.kind].append(job)
                    self._changed.notify_all()
                    return job
        except Exception:  # no room in the queue, or none on the disk
            self._undo(job_id, clean_up)
            raise
        self._undo(job_id, clean_up)
        return known

    def _undo(self, job_id: str, clean_up: Callable[[str], None]) -> None:
        clean_up(job_id)
        try:
            self._ledger.remove([job_id])
        except OSError:
            log.exception("job %s: not removed from the disk", job_id)

    def _admit(self, envelope: Envelope) -> Job | None:
        with self._changed:
            if envelope.id in self._by_envelope:
                return self._jobs[self._by_envelope[envelope.id]]
            if self._closed or sum(map(len, self._waiting.values())) >= self._queue_limit:
                raise QueueFull(self._queue_limit, RETRY_AFTER_S)
            return None

    def take(self, kind: str, timeout_s: float) -> Job | None:
        """The next waiting job of a kind, now `processing`; None after `timeout_s` or when closing."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._waiting[kind], timeout_s)
            if self._closed or not self._waiting[kind]:
                return None
            job = self._waiting[kind].popleft()
            job.status, job.message = JobStatus.PROCESSING, "已开始"
            job.started_at = job.updated_at = now()
            return job

    def ahead(self, kind: str, most: int) -> list[dict[str, Any]]:
        """What waits of a kind, `{"key", "request"}` each: the jobs that are taken next, unless they are cancelled."""
        with self._changed:
            waiting = islice(self._waiting[kind], most)
            return [{"key": job.envelope.id, "request": job.request} for job in waiting]

    def running(self, job: Job, stop: Callable[[], None]) -> bool:
        """From here on a cancellation calls `stop`; False where the job was cancelled already."""
        with self._changed:
            if job.status is not JobStatus.PROCESSING:
                return False
            job.stop = stop
            return True

    def note(self, job: Job, notes: JobNotes) -> None:
        """Keep what a running job's provider noted; it is on disk when this returns. Raises `OSError`."""
        self._ledger.note(job.id, notes)
        job.notes = notes

    def report(self, job: Job, progress: int, message: str) -> None:
        """Progress of a running job, 0 to 99; it never goes back."""
        with self._changed:
            if job.status is JobStatus.PROCESSING:
                job.progress = max(job.progress, min(99, max(0, progress)))
                job.message = message
                job.updated_at = now()

    def finish(self, job: Job, result: dict[str, Any], message: str = "完成") -> bool:
        """The job ended well; False where it had been cancelled meanwhile, so that its result is not wanted."""
        return self._end(job, JobStatus.FINISHED, result=result, message=message)

    def fail(self, job: Job, error: str, *, again: bool = False, code: int = 0) -> bool:
        """The job failed; False where it had been cancelled meanwhile. `again`: its envelope, sent once more, is a new job."""
        if again:
            with self._changed:
                self._forget_envelope(job)
        job.code = code
        return self._end(job, JobStatus.FAILED, error=error, message=f"失败：{error}")

    def cancel(self, job_id: str) -> Job:
        """Cancel a job and stop its work at once; a job that has ended stays as it is. Raises `JobUnknown`.

        Its envelope, sent once more, is a new job: a server that took it away from here may come back with it.
        """
        job, waiting = self._stop(job_id, again=True)
        if waiting is None:
            return job
        self._write_end(job)
        if waiting:
            self._forget(job.id)  # its input; what a running job left is removed by who runs it
            job.cleaned_up.set()
        return job

    def _stop(self, job_id: str, *, again: bool = False) -> tuple[Job, bool | None]:
        """The job, and whether it waited until now; None where it had ended already. `again`: as in `fail`."""
        with self._changed:
            job = self._known(job_id)
            if again:
                self._forget_envelope(job)
            if job.status in ENDED:
                return job, None
            waiting = job.status is JobStatus.PENDING
            if waiting:
                self._waiting[job.kind].remove(job)
            stop = job.stop
            self._mark_ended(job, JobStatus.CANCELLED, message="已取消")
            if stop is not None:
                stop()  # under the lock: once `_mark_ended` cleared it, the process may take another job
        return job, waiting

    def _write_end(self, job: Job) -> None:
        known = self._by_envelope.get(job.envelope.id) == job.id
        try:
            self._ledger.end(job.entry(known=known))
        except OSError:  # it ended all the same; after a restart it would be done again
            log.exception("job %s: its end is not on the disk", job.id)

    def _end(
        self, job: Job, status: JobStatus, *, message: str, result: dict[str, Any] | None = None, error: str = ""
    ) -> bool:
        with self._changed:
            if job.status is not JobStatus.PROCESSING:
                job.stop = None
                return False
            if status is JobStatus.FINISHED:
                job.progress = 100
            job.error = error
            self._mark_ended(job, status, message=message, result=result)
        self._write_end(job)
        job.cleaned_up.set()
        self._on_end(job)
        return True

    def _mark_ended(self, job: Job, status: JobStatus, *, message: str, result: dict[str, Any] | None = None) -> None:
        job.status, job.message, job.stop = status, message, None
        used = self._usage(job)
        job.result = {**(result or {}), **({"usage": used} if used else {})}
        job.finished_at = job.updated_at = now()
        job.ended_monotonic = self._monotonic()
        job.request = {}
        self._ended[job.id] = job

    def get(self, job_id: str) -> dict[str, Any]:
        """The job as the wire shows it; raises `JobUnknown`."""
        with self._changed:
            return self._known(job_id).view()

    def _forget_envelope(self, job: Job) -> None:
        if self._by_envelope.get(job.envelope.id) == job.id:
            del self._by_envelope[job.envelope.id]

    def _known(self, job_id: str) -> Job:
        """By its id, or by its envelope's: a client that heard no answer knows no other."""
        job = self._jobs.get(job_id) or self._jobs.get(self._by_envelope.get(job_id, ""))
        if job is None:
            raise JobUnknown(job_id)
        return job

    def knows(self, job_id: str) -> bool:
        """Whether the job is remembered."""
        with self._changed:
            return job_id in self._jobs

    def counts(self) -> dict[str, int]:
        """How many jobs wait, run and are remembered."""
        with self._changed:
            waiting = sum(map(len, self._waiting.values()))
            return {
                "queued": waiting,
                "running": len(self._jobs) - len(self._ended) - waiting,
                "kept": len(self._ended),
            }

    def sweep(self) -> None:
        """Forget ended jobs over the bounds, the oldest first."""
        forgotten: list[str] = []
        with self._changed:
            oldest_allowed = self._monotonic() - self._keep_seconds
            while self._ended:
                job = next(iter(self._ended.values()))
                if len(self._ended) <= self._keep_jobs and job.ended_monotonic >= oldest_allowed:
                    break
                if not job.cleaned_up.is_set():
                    break  # a cancelled job whose process is still on its way out; the next sweep gets it
                del self._ended[job.id], self._jobs[job.id]
                self._forget_envelope(job)
                forgotten.append(job.id)
        try:
            self._ledger.remove(forgotten)
        except OSError:  # a disk that is full gets room by the files that go now
            log.exception("%d jobs are not removed from the disk", len(forgotten))
        for job_id in forgotten:
            self._forget(job_id)

    def close(self) -> None:
        """Stop whatever runs and hand out no more work. On disk those jobs go on waiting, for the node's next start."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            open_jobs = [job.id for job in self._jobs.values() if job.status not in ENDED]
        for job_id in open_jobs:
            self._stop(job_id)
