"""Cancel works everywhere, in every state of the task."""

from __future__ import annotations

import threading

import pytest

from common.errors import Conflict, NotFound
from service import narrations, tasks
from service.schemas import NarrationRequest
from service.workflow import unit_of_work
from tests.integration.processor.conftest import Backend, others_by_soak
from tests.support.node.scripts import finished, png, running
from tests.support.removals import swept
from tests.support.wait import wait_until


def test_a_task_cancelled_while_the_node_accepts_it_leaves_no_job_behind(backend: Backend) -> None:
    entered, leave = threading.Event(), threading.Event()

    def slow(_envelope: object) -> None:
        entered.set()
        leave.wait(30)

    backend.node.on_generate = slow
    backend.start()
    created = backend.create(1)
    assert entered.wait(30)
    tasks.cancel(backend.services, created.text_task_id)
    assert backend.status(created.text_task_id) == "cancelled"
    leave.set()
    wait_until(lambda: len(backend.node.cancels()) == 1, 10)
    assert backend.node.cancels() == list(backend.node.jobs)


def test_cancelling_a_storyboard_cancels_the_images_that_wait_for_it(backend: Backend) -> None:
    created = backend.create(2)
    tasks.cancel(backend.services, created.text_task_id)
    assert [backend.status(task_id) for task_id in created.shot_task_ids] == ["cancelled", "cancelled"]
    backend.start()
    other = backend.create(1)
    backend.wait(other.shot_task_ids[0], "finished")
    assert created.text_task_id not in backend.node.starts()


def test_a_blocked_task_can_be_cancelled_and_its_shot_stays_without_an_image(backend: Backend) -> None:
    created = backend.create(2)
    tasks.cancel(backend.services, created.shot_task_ids[0])
    backend.start()
    backend.wait(created.shot_task_ids[1], "finished")
    assert backend.status(created.shot_task_ids[0]) == "cancelled"


@others_by_soak
def test_cancelling_a_whole_narration_cancels_its_parts(backend: Backend) -> None:
    backend.node.script("generate_audio", lambda _e: running())
    backend.start()
    project_id = backend.drawn(2)
    parent = narrations.request(backend.services, project_id, NarrationRequest())
    wait_until(lambda: len(backend.node.starts("generate_audio")) == 2, 60)
    wait_until(lambda: backend.status(parent) == "processing", 60)
    tasks.cancel(backend.services, parent)
    parts = tasks.get(backend.services, parent).depends_on
    assert [backend.status(task_id) for task_id in parts] == ["cancelled", "cancelled"]
    assert backend.status(parent) == "cancelled"
    wait_until(lambda: len(backend.node.cancels()) == 2, 10)


@others_by_soak
def test_a_cancelled_task_stays_cancelled_though_its_job_goes_on_and_finishes(backend: Backend) -> None:
    backend.node.stops_when_cancelled = False
    script = running(png())
    backend.node.script("generate_shot", lambda _e: script)
    processor = backend.start()
    created = backend.create(1)
    [task_id] = created.shot_task_ids
    wait_until(lambda: tasks.get(backend.services, task_id).job_id, 60)
    tasks.cancel(backend.services, task_id)
    script.gate.set()
    wait_until(lambda: task_id not in processor.registry.leased(), 10)
    assert backend.status(task_id) == "cancelled"
    assert swept(backend.services) == []


@pytest.mark.parametrize("state", ["finished", "cancelled"])
@others_by_soak
def test_what_has_ended_cannot_be_cancelled(backend: Backend, state: str) -> None:
    if state == "finished":
        backend.start()
    created = backend.create(1)
    if state == "finished":
        backend.wait(created.shot_task_ids[0], "finished")
    else:
        tasks.cancel(backend.services, created.shot_task_ids[0])
    with pytest.raises(Conflict):
        tasks.cancel(backend.services, created.shot_task_ids[0])


@others_by_soak
def test_a_cancel_without_redis_is_seen_at_the_next_heartbeat(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend.node.script("generate_shot", lambda _e: running(png()))
    processor = backend.start()
    created = backend.create(1)
    [task_id] = created.shot_task_ids
    wait_until(lambda: task_id in processor.registry.leased() and tasks.get(backend.services, task_id).job_id, 60)
    monkeypatch.setattr(unit_of_work, "stop_work", lambda _services, _tasks: None)
    tasks.cancel(backend.services, task_id)
    wait_until(lambda: task_id not in processor.registry.leased(), 20)


@others_by_soak
def test_retrying_is_for_failed_and_cancelled_tasks_only(backend: Backend) -> None:
    created = backend.create(1)
    with pytest.raises(Conflict):
        tasks.retry(backend.services, created.text_task_id)
    with pytest.raises(NotFound):
        tasks.retry(backend.services, "nobody")


@others_by_soak
def test_a_cancelled_image_is_painted_by_a_retry_as_a_new_row(backend: Backend) -> None:
    backend.node.script("generate_shot", lambda _e: running(png()))
    backend.start()
    created = backend.create(1)
    [task_id] = created.shot_task_ids
    wait_until(lambda: tasks.get(backend.services, task_id).job_id, 60)
    tasks.cancel(backend.services, task_id)
    backend.node.script("generate_shot", lambda _e: finished(png()))
    again = tasks.retry(backend.services, task_id)
    backend.wait(again, "finished")
    assert backend.status(task_id) == "cancelled"
    with pytest.raises(Conflict):
        tasks.retry(backend.services, again)
