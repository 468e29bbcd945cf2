"""The threads that take jobs from the job store: one per job that may run at once, each with a worker process of its own."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

from worker_node.errors import DISK_FULL, MODEL_UNAVAILABLE, Cancelled, NoneAble, ProviderError, means_full
from worker_node.files import OutputFolder
from worker_node.job_store import Job, JobStore
from worker_node.log import bound_request_id
from worker_node.process import WorkProcess
from worker_node.providers.settings import ProviderSettings
from worker_node.results import wire_message, wire_result
from worker_node.service import Service

IDLE_S = 30.0
SWEEP_S = 60.0
CANCEL_S = 30.0
MOST_RESUMED = 20
MOST_AHEAD = 63  # jobs behind the one that is begun, for a provider that makes several at once

log = logging.getLogger(__name__)


class WorkerThreads:
    """`concurrency` and `providers` by kind. Worker processes start with the first job and end after `idle_s` without
    one, or what a provider that holds a model has set."""

    def __init__(
        self,
        job_store: JobStore,
        files: OutputFolder,
        *,
        concurrency: Mapping[str, int],
        providers: Mapping[str, Sequence[ProviderSettings]],
        job_seconds: float,
        keep_seconds: float,
        idle_s: float = IDLE_S,
    ) -> None:
        self._job_store, self._files = job_store, files
        self._providers, self._job_seconds, self._keep_seconds = providers, job_seconds, keep_seconds
        self._idle_s = idle_s
        self._closing = threading.Event()
        self.service = Service(providers)
        self._threads = [
            threading.Thread(target=self._serve, args=(kind,), name=f"{kind}-{number}", daemon=True)
            for kind, count in concurrency.items()
            for number in range(count)
        ]
        self._threads.append(threading.Thread(target=self._clean, name="janitor", daemon=True))

    def start(self) -> None:
        """Start taking jobs."""
        for thread in self._threads:
            thread.start()

    def close(self, timeout_s: float) -> None:
        """Stop running jobs, end the worker processes and wait for the threads, at most so long."""
        self._closing.set()
        self._job_store.close()
        deadline = time.monotonic() + timeout_s
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _serve(self, kind: str) -> None:
        process = WorkProcess(kind, self._providers[kind], self._files.slots)
        kept = [provider.idle_s for provider in self._providers[kind] if provider.idle_s is not None]
        idle_s = max(kept, default=self._idle_s)
        while not self._closing.is_set():
            job = self._job_store.take(kind, idle_s)
            if job is None:
                process.close()
                continue
            with bound_request_id(job.request_id, job.trace_id):
                try:
                    self._do(job, process)
                finally:
                    job.cleaned_up.set()
        process.close()

    def _do(self, job: Job, process: WorkProcess) -> None:
        started = time.monotonic()
        log.info("job %s: %s for task %s", job.id, job.envelope.type, job.envelope.id)
        try:
            process.start()
            if not self._job_store.running(job, lambda: self._stop(process)):
                raise ProviderError("cancelled before its start")
            made = self._run(job, process)
            self._files.publish(job.id)
            seconds = time.monotonic() - started
            if not self._job_store.finish(job, wire_result(job.kind, job.id, made, seconds), wire_message(made)):
                raise ProviderError("cancelled when it was done")
            self._files.tidy(job.id)
            self.service.made(job.kind, made)
            log.info("job %s: finished in %.2f s", job.id, seconds)
        except Exception as error:  # noqa: BLE001 - whatever it was, this thread takes the next job
            self._end_badly(job, process, error)

    def _stop(self, process: WorkProcess) -> None:
        if self._closing.is_set():
            process.kill()
        else:
            process.cancel()

    def _run(self, job: Job, process: WorkProcess) -> dict[str, Any]:
        if job.resumed:
            if job.notes.resumed >= MOST_RESUMED:  # perhaps it is this job that the node dies of
                raise ProviderError(f"节点在做这个任务时重启了 {MOST_RESUMED} 次，不再继续")
            self._job_store.note(job, job.notes.model_copy(update={"resumed": job.notes.resumed + 1}))
            self._files.begin_again(job.id)
        work = {
            "folder": str(self._files.work_folder(job.id)),
            "request": job.request,
            "key": job.envelope.id,
            "notes": job.notes.model_dump(),
            "ahead": self._job_store.ahead(job.kind, MOST_AHEAD),
            "log_ids": [job.request_id, job.trace_id],
        }
        return process.run(
            work,
            lambda progress, text: self._job_store.report(job, progress, text),
            lambda notes: self._job_store.note(job, notes),
            self._seconds_of(job.kind),
        )

    def _seconds_of(self, kind: str) -> float:
        """A job's time: the node's own, and what each provider of its list was given by name, one after another."""
        return self._job_seconds + sum(provider.timeout_s or 0.0 for provider in self._providers[kind])

    def _end_badly(self, job: Job, process: WorkProcess, error: Exception) -> None:
        if not isinstance(error, ProviderError):
            process.close()  # it may be in the middle of the job
        if self._closing.is_set():
            process.close()  # on disk the job goes on waiting, with the answers that it has
            return
        if isinstance(error, NoneAble):
            self.service.none_able(job.kind, str(error))
        code = MODEL_UNAVAILABLE if isinstance(error, NoneAble) else 0
        full = means_full(error) or self._files.is_full()  # a program that a full disk stopped need not say so
        self._files.remove(job.id)
        if not process.runs():  # the job was killed, and its provider goes on with it
            self._end_at_provider(job, process)
        if self._job_store.fail(job, DISK_FULL if full else str(error) or type(error).__name__, again=full, code=code):
            log.info("job %s: failed: %s", job.id, error, exc_info=not isinstance(error, ProviderError))
            return
        if not isinstance(error, Cancelled):
            process.close()  # killed by the cancellation: wait until it is gone before its files are removed
        self._files.remove(job.id)
        log.info("job %s: cancelled", job.id)

    def _end_at_provider(self, job: Job, process: WorkProcess) -> None:
        if not job.notes.remembered:
            return
        try:
            process.start()
            ask = {"ask": "cancel", "notes": job.notes.model_dump()}
            process.run(ask, lambda _percent, _text: None, lambda _notes: None, CANCEL_S)
        except (ProviderError, OSError) as error:
            log.warning("job %s: not cancelled at %s: %s", job.id, job.notes.provider, error)

    def _clean(self) -> None:
        while not self._closing.wait(SWEEP_S):
            try:
                self._job_store.sweep()
                for name in self._files.strays(self._keep_seconds):
                    if not self._job_store.knows(name):
                        self._files.remove(name)
            except OSError:
                log.exception("cleanup failed; retrying in %.0f s", SWEEP_S)
