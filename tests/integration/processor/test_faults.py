"""Faults at the worst moments: in the middle of a commit, after it, in Redis, in the database, in time."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from redis import Redis
from sqlalchemy import select, update

from common.errors import BadNodeResult, DatabaseUnavailable, StorageUnavailable, StoryToVideoError
from models import queries, task_transitions
from models.task import Task
from processor import heartbeat, recoverer, runner
from processor.claimed_task import ClaimedTask
from service import narrations, projects, shots, tasks
from service.container import Services
from service.film.errors import FilmError
from service.oss.local import LocalStore
from service.schemas import NarrationRequest
from service.workflow import completion, unit_of_work
from service.workflow.dispatch import enqueue
from service.workflow.unit_of_work import ProjectUnit
from tests.integration.processor.conftest import Backend, others_by_soak
from tests.support.clocks import MovedClock
from tests.support.node.scripts import Script, finished, png, running
from tests.support.removals import swept
from tests.support.wait import wait_until

PATIENCE_S = 60
NEVER_MS = 1 << 50  # as a time


def image_of(backend: Backend, task_id: str) -> tuple[str, str, str]:
    """What any client may see of an image's task at this moment: its status, its result, and its shot's image."""
    with backend.services.database.read() as session:
        task = queries.task(session, task_id)
        assert task is not None
        shot = queries.shot(session, task.shot_id or "")
        return str(task.status), str((task.result or {})["resource_url"]), (shot.image_path or "") if shot else ""


def test_result_row_and_shot_become_visible_in_one_commit(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    entered, leave = threading.Event(), threading.Event()
    real = completion.propagate

    def hold(unit: ProjectUnit, task: Task) -> None:
        """Task and shot are written by now, and not committed."""
        if task.type == "generate_shot":
            entered.set()
            leave.wait(PATIENCE_S)
        real(unit, task)

    monkeypatch.setattr(completion, "propagate", hold)
    backend.start()
    [task_id] = backend.create(1).shot_task_ids
    assert entered.wait(PATIENCE_S)
    assert image_of(backend, task_id) == ("processing", "", "")
    leave.set()
    backend.wait(task_id, "finished")
    status, result, image = image_of(backend, task_id)
    assert (status, result) == ("finished", image)
    assert backend.stored(image) == png()


def test_a_database_that_goes_away_within_the_commit_leaves_nothing_behind_and_the_task_is_tried_again(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults = [DatabaseUnavailable("gone"), DatabaseUnavailable("gone")]
    seen: list[tuple[str, str, str]] = []
    real = completion.propagate

    def fail(unit: ProjectUnit, task: Task) -> None:
        if task.type == "generate_shot" and faults:
            seen.append(image_of(backend, task.id))
            raise faults.pop()
        real(unit, task)

    monkeypatch.setattr(completion, "propagate", fail)
    backend.start()
    [task_id] = backend.create(1).shot_task_ids
    backend.wait(task_id, "finished")
    assert seen == [("processing", "", "")] * 2
    assert swept(backend.services) == [image_of(backend, task_id)[2]]
    assert backend.node.starts("generate_shot") == [task_id]


def test_what_fails_after_the_commit_does_not_take_the_image_back(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection lost while it commits says nothing about whether the commit went through."""

    def fail(services: Services, task_ids: list[str]) -> None:
        with services.database.read() as session:
            finished = session.scalar(select(Task.id).where(Task.type == "generate_shot", Task.status == "finished"))
        if finished is not None:
            raise DatabaseUnavailable("lost the connection while committing")
        enqueue(services, task_ids)

    monkeypatch.setattr(unit_of_work, "enqueue", fail)
    processor = backend.start()
    [task_id] = backend.create(1).shot_task_ids
    backend.wait(task_id, "finished")
    wait_until(lambda: task_id not in processor.registry.leased(), PATIENCE_S)
    status, result, image = image_of(backend, task_id)
    assert (status, result) == ("finished", image)
    assert backend.stored(image) == png()


@others_by_soak
def test_a_heartbeat_that_fails_beats_on(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it, every lease of a busy processor runs out and other processors do its work a second time."""
    faults: list[Exception] = [RuntimeError("a bug"), DatabaseUnavailable("away")]
    real = task_transitions.renew

    def renew(*arguments: Any, **options: Any) -> set[str]:
        if faults:
            raise faults.pop()
        return real(*arguments, **options)

    monkeypatch.setattr(task_transitions, "renew", renew)
    monkeypatch.setattr(heartbeat, "BEAT_S", 0.05)
    backend.node.script("generate_storyboard", lambda _e: running())
    backend.start()
    task_id = backend.create(1).text_task_id
    lease = wait_until(lambda: tasks.get(backend.services, task_id).lease_until, PATIENCE_S)
    wait_until(lambda: tasks.get(backend.services, task_id).lease_until > lease, PATIENCE_S, "a renewed lease")
    assert not faults


def test_a_job_is_not_cancelled_by_a_processor_that_lost_the_task_to_another(backend: Backend) -> None:
    """Both have the same job: the node answers the second request with the first one's."""
    entered, leave = threading.Event(), threading.Event()

    def hold(_envelope: object) -> None:
        entered.set()
        leave.wait(PATIENCE_S)

    backend.node.on_generate = hold
    processor = backend.start()
    task_id = backend.create(1).text_task_id
    assert entered.wait(PATIENCE_S)
    _lease(backend, task_id, "another", NEVER_MS)
    leave.set()
    wait_until(lambda: task_id not in processor.registry.leased(), PATIENCE_S)
    assert len(backend.node.jobs) == 1
    assert backend.node.cancels() == []
    assert backend.status(task_id) == "processing"
    _lease(backend, task_id, "another", 0)  # which then dies
    backend.wait(task_id, "finished")
    assert backend.node.starts("generate_storyboard") == [task_id]


def _lease(backend: Backend, task_id: str, owner: str, until: int) -> None:
    with backend.services.database.write() as session:
        session.execute(update(Task).where(Task.id == task_id).values(lease_owner=owner, lease_until=until))


@contextmanager
def wiping(redis: Redis, every_s: float) -> Iterator[None]:
    """Empty Redis again and again until the block ends."""
    stopped = threading.Event()

    def wipe() -> None:
        while not stopped.wait(every_s):
            redis.flushdb()

    thread = threading.Thread(target=wipe)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()


@others_by_soak
def test_every_task_ends_though_redis_is_wiped_all_the_time(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recoverer, "PERIOD_S", 0.2)
    backend.start()
    backend.start()
    with wiping(backend.services.queue.redis, every_s=0.07):
        created = [backend.create(3) for _ in range(2)]
        for one in created:
            for task_id in one.shot_task_ids:
                backend.wait(task_id, "finished")
        parent = narrations.request(backend.services, created[0].project_id, NarrationRequest())
        backend.wait(parent, "finished")
    starts = backend.node.starts()
    assert len(starts) == len(set(starts)) == 2 * 4 + 3
    for one in created:
        assert projects.get(backend.services, one.project_id).project.status in ("images_generated", "audio_generated")
        assert all(shot.image_path for shot in shots.of_project(backend.services, one.project_id))


@others_by_soak
def test_a_job_that_takes_longer_than_the_limit_fails_in_words_and_is_stopped_on_the_node(backend: Backend) -> None:
    clock = backend.clock = MovedClock()
    backend.node.script("generate_storyboard", lambda _e: running())
    backend.start()
    task_id = backend.create(1).text_task_id
    job_id = wait_until(lambda: tasks.get(backend.services, task_id).job_id, PATIENCE_S)
    clock.moved = timedelta(minutes=19)
    polls = len(backend.node.polled)
    wait_until(lambda: len(backend.node.polled) > polls + 3 or backend.status(task_id) == "failed", PATIENCE_S)
    assert backend.status(task_id) == "processing"
    clock.moved = timedelta(minutes=20, seconds=1)
    backend.wait(task_id, "failed")
    assert "20 分钟" in (tasks.get(backend.services, task_id).error or "")
    assert backend.node.cancels() == [job_id]


@others_by_soak
def test_a_restart_after_the_limit_still_takes_a_job_that_was_done_in_time(backend: Backend) -> None:
    script = running(png())
    backend.node.script("generate_shot", lambda _e: script)
    backend.start()
    [task_id] = backend.create(1).shot_task_ids
    wait_until(lambda: tasks.get(backend.services, task_id).job_id, PATIENCE_S)
    backend.stop()
    script.gate.set()
    backend.age(task_id, timedelta(hours=3))
    backend.start()
    backend.wait(task_id, "finished")


@others_by_soak
def test_a_dispatch_that_fails_once_waits_in_the_database_and_not_in_redis(backend: Backend) -> None:
    answers: list[tuple[int, object]] = [(503, {})]
    backend.node.on_generate = lambda _e: answers.pop() if answers else None
    backend.node.script("generate_storyboard", lambda _e: finished(b"[]"))
    created = backend.create(1)
    backend.start()
    wait_until(lambda: tasks.get(backend.services, created.text_task_id).attempts == 1, PATIENCE_S)
    backend.services.queue.redis.flushdb()
    backend.wait(created.text_task_id, "failed")  # a storyboard without a scene, from the second dispatch
    assert len(backend.node.envelopes) == 2


@others_by_soak
def test_a_storage_that_is_away_for_longer_than_the_node_may_be_costs_no_work(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recoverer, "PERIOD_S", 0.2)
    faults = [StorageUnavailable("对象存储不可用")] * (backend.settings.worker.dispatch_retries + 2)
    put_file = LocalStore.put_file

    def put(store: LocalStore, *arguments: Any, **options: Any) -> Any:
        if faults:
            raise faults.pop()
        return put_file(store, *arguments, **options)

    monkeypatch.setattr(LocalStore, "put_file", put)
    backend.start()
    [task_id] = backend.create(1).shot_task_ids
    backend.wait(task_id, "finished")
    assert not faults
    assert backend.node.starts("generate_shot") == [task_id], "the image was not regenerated"


@others_by_soak
def test_a_storage_that_never_comes_back_ends_the_task_at_its_time_limit(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    def put(*_arguments: Any, **_options: Any) -> Any:
        raise StorageUnavailable("对象存储不可用")

    monkeypatch.setattr(recoverer, "PERIOD_S", 0.2)
    monkeypatch.setattr(LocalStore, "put_file", put)
    backend.start()
    [task_id] = backend.create(1).shot_task_ids
    retries = backend.settings.worker.dispatch_retries
    wait_until(lambda: tasks.get(backend.services, task_id).attempts > retries, PATIENCE_S)
    assert backend.status(task_id) in ("pending", "processing")
    backend.age(task_id, timedelta(minutes=backend.settings.worker.timeout_minutes + 1))
    backend.wait(task_id, "failed")
    assert "对象存储不可用" in (tasks.get(backend.services, task_id).error or "")


@others_by_soak
def test_a_job_that_ends_in_a_word_that_nobody_knows_is_told_with_the_word(backend: Backend) -> None:
    script = Script([{"status": "beendet", "progress": 100}])
    backend.node.script("generate_storyboard", lambda _envelope: script)
    clock = MovedClock()
    backend.clock = clock
    backend.start()
    task_id = backend.create(1).text_task_id
    wait_until(lambda: tasks.get(backend.services, task_id).job_id, PATIENCE_S)
    clock.moved = timedelta(minutes=backend.settings.worker.timeout_minutes + 1)
    backend.wait(task_id, "failed")
    assert "beendet" in (tasks.get(backend.services, task_id).error or "")


@others_by_soak
def test_shots_that_will_be_silent_are_told(backend: Backend) -> None:
    board = [{"prompt": "p", "narration": "n"}, {"prompt": "p"}, {"prompt": "p", "narration": []}]
    backend.node.script("generate_storyboard", lambda _envelope: finished(json.dumps(board).encode()))
    backend.start()
    task_id = backend.create(3).text_task_id
    backend.wait(task_id, "finished")
    assert "镜头 2、3 没有旁白" in (tasks.get(backend.services, task_id).message or "")


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (
            FilmError("join", "成片无法打开", log="/tmp/s2v-x1/join/1.mp4: Invalid data\n'/tmp/s2v-x1/a b.txt' ends"),
            "failed",
        ),
        (StorageUnavailable("素材无法暂存：[Errno 28] No space left on device: '/tmp/s2v-x1/part'"), "pending"),
        (BadNodeResult("模型节点返回的图片无法读取：cannot identify image file '/tmp/s2v-x1/a.png'"), "failed"),
    ],
    ids=lambda value: type(value).__name__,
)
@others_by_soak
def test_what_a_task_says_names_no_folder_and_the_log_does(
    backend: Backend,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: StoryToVideoError,
    status: str,
) -> None:
    def handler(claimed: ClaimedTask) -> None:
        claimed.report(1, "正在读取 /tmp/s2v-x1/a.png")
        raise error

    monkeypatch.setattr(runner, "handler_of", lambda _task: handler)
    backend.start()
    task_id = backend.create(1).text_task_id

    def told() -> Task | None:
        task = tasks.get(backend.services, task_id)
        return task if task.status == status and (task.error or "重试" in (task.message or "")) else None

    task = wait_until(told, PATIENCE_S)
    assert task is not None
    assert "s2v-x1" not in f"{task.error}{task.message}"
    assert "s2v-x1" in caplog.text
