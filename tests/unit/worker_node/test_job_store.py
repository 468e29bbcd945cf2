"""The job store's clockwork: what is remembered, and for how long."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from pathlib import Path

import pytest

from worker_node.envelope import Envelope
from worker_node.errors import JobUnknown, QueueFull
from worker_node.job_notes import JobNotes
from worker_node.job_store import Job, JobStatus, JobStore
from worker_node.ledger import Ledger

TYPE = "generate_storyboard"


opened: list[Ledger] = []


@pytest.fixture(autouse=True)
def _ledgers() -> Iterator[None]:
    """Closed with their test: they are connections."""
    yield
    while opened:
        opened.pop().close()


class Book:
    """A job store over a clock that is moved by hand."""

    def __init__(self, *, queue: int = 10, keep_jobs: int = 10, keep_seconds: float = 60.0) -> None:
        self.now = 0.0
        self.told: list[str] = []
        self.removed: list[str] = []
        self.ledger = Ledger(Path(":memory:"))
        opened.append(self.ledger)
        self.job_store = JobStore(
            self.ledger,
            queue=queue,
            keep_jobs=keep_jobs,
            keep_seconds=keep_seconds,
            on_end=lambda job: self.told.append(job.id),
            forget=self.removed.append,
            monotonic=lambda: self.now,
        )

    def submit(self, task: str) -> Job:
        envelope = Envelope.model_validate({"id": task, "type": TYPE})
        return self.job_store.submit(envelope, "-", lambda _job_id: {}, self.removed.append)

    def finish(self, task: str) -> Job:
        job = self.submit(task)
        assert self.job_store.take("llm", 0) is job
        assert self.job_store.finish(job, {"made": task})
        return job


def test_an_ended_job_is_forgotten_with_its_files_after_its_time() -> None:
    book = Book(keep_seconds=60)
    old = book.finish("old")
    book.now = 40
    young = book.finish("young")
    book.now = 61
    book.job_store.sweep()
    assert book.removed == [old.id]
    with pytest.raises(JobUnknown):
        book.job_store.get(old.id)
    assert book.job_store.get(young.id)["result"] == {"made": "young"}
    assert book.submit("old").id != old.id, "its envelope may start a new job"


def test_what_waits_or_runs_is_never_forgotten() -> None:
    book = Book(keep_jobs=1, keep_seconds=1)
    running, waiting = book.submit("running"), book.submit("waiting")
    assert book.job_store.take("llm", 0) is running
    book.now = 1_000_000
    book.job_store.sweep()
    assert book.job_store.get(running.id)["status"] == "processing"
    assert book.job_store.get(waiting.id)["status"] == "pending"


def test_a_cancelled_job_stays_until_its_process_is_gone() -> None:
    book = Book(keep_seconds=1)
    job = book.submit("task")
    book.job_store.take("llm", 0)
    stopped: list[str] = []
    assert book.job_store.running(job, lambda: stopped.append(job.id))
    book.job_store.cancel(job.id)
    assert stopped == [job.id]
    book.now = 10
    book.job_store.sweep()
    assert book.removed == []
    job.cleaned_up.set()
    book.job_store.sweep()
    assert book.removed == [job.id]


def test_a_cancelled_job_takes_no_result_no_failure_and_no_progress() -> None:
    book = Book()
    job = book.submit("task")
    book.job_store.take("llm", 0)
    book.job_store.cancel(job.id)
    book.job_store.report(job, 50, "late")
    assert not book.job_store.finish(job, {"late": True})
    assert not book.job_store.fail(job, "late")
    assert not book.job_store.running(job, lambda: None)
    assert (job.status, job.result, job.progress, job.error) == (JobStatus.CANCELLED, {}, 0, "")
    assert book.told == []


@pytest.mark.parametrize("state", ["waits", "runs", "ended"])
def test_a_cancelled_job_s_envelope_sent_once_more_is_a_new_job(state: str) -> None:
    book = Book()
    job = book.finish("task") if state == "ended" else book.submit("task")
    if state == "runs":
        book.job_store.take("llm", 0)
    book.job_store.cancel(job.id)
    again = book.submit("task")
    assert (again.id != job.id, again.status) == (True, JobStatus.PENDING)
    book.job_store.cancel(job.id)
    assert again.status is JobStatus.PENDING


def test_a_job_is_known_by_its_envelope_s_id_as_well() -> None:
    book = Book()
    job = book.submit("task")
    assert book.job_store.get("task")["id"] == job.id
    assert book.job_store.cancel("task") is job
    with pytest.raises(JobUnknown):
        book.job_store.cancel("task")


def test_progress_never_goes_back_and_is_100_at_a_good_end_only() -> None:
    book = Book()
    job = book.submit("task")
    book.job_store.take("llm", 0)
    for percent in (10, 5, 250, -3):
        book.job_store.report(job, percent, "working")
    assert job.progress == 99
    assert book.job_store.fail(job, "broken")
    assert job.progress == 99
    assert book.finish("other").progress == 100
    assert len(book.told) == 2


def test_a_full_queue_refuses_new_jobs_but_knows_the_old() -> None:
    book = Book(queue=1)
    first = book.submit("first")
    with pytest.raises(QueueFull):
        book.submit("second")
    assert book.submit("first") is first
    book.job_store.cancel(first.id)
    assert book.removed == [first.id], "what it waited with"
    assert book.submit("second")


def test_a_preparation_that_fails_is_undone_and_may_be_tried_again() -> None:
    book = Book()
    envelope = Envelope.model_validate({"id": "task", "type": TYPE})

    def fail(_job_id: str) -> dict[str, object]:
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space"):
        book.job_store.submit(envelope, "-", fail, book.removed.append)
    assert len(book.removed) == 1
    assert book.job_store.counts() == {"queued": 0, "running": 0, "kept": 0}
    assert book.submit("task").status is JobStatus.PENDING


def test_a_closed_ledger_hands_out_nothing() -> None:
    book = Book()
    job = book.submit("task")
    book.job_store.close()
    assert book.job_store.take("llm", 0) is None
    assert job.status is JobStatus.CANCELLED
    with pytest.raises(QueueFull):
        book.submit("another")


@pytest.mark.parametrize("again", [True, False])
def test_a_job_that_found_no_room_may_be_sent_again(again: bool) -> None:
    book = Book()
    job = book.submit("task")
    assert book.job_store.take("llm", 0) is job
    assert book.job_store.fail(job, "磁盘空间不足", again=again)
    assert book.job_store.get(job.id)["status"] == "failed"
    second = book.submit("task")
    assert (second is not job) == again
    book.now += 61
    book.job_store.sweep()  # forgets the first one
    assert (book.submit("task") is second) == again


def test_files_of_forgotten_jobs_go_although_the_disk_of_the_jobs_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    book = Book(keep_seconds=60)
    old = book.finish("old")
    book.now = 61

    def full(_job_ids: object) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(book.ledger, "remove", full)
    book.job_store.sweep()
    assert book.removed == [old.id]


def test_a_ledger_that_was_closed_refuses_in_words() -> None:
    book = Book()
    job = book.submit("task")
    book.ledger.close()
    with pytest.raises(OSError, match="the node ends"):
        book.job_store.note(job, JobNotes(provider="p"))
