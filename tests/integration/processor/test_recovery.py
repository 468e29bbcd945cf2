"""Restarts lose nothing: the database is the truth."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from models import task_endings, task_transitions
from models.task import Task
from processor import recoverer
from service import projects, shots, tasks
from service.schemas import ProjectChanges
from tests.integration.processor.conftest import Backend, others_by_soak
from tests.support.node.scripts import finished, png, running
from tests.support.wait import wait_until


def test_what_waits_in_a_wiped_queue_still_runs(backend: Backend) -> None:
    created = backend.create(1)
    backend.services.queue.redis.flushdb()
    backend.start()
    backend.wait(created.shot_task_ids[0], "finished")


def test_a_stopped_processor_leaves_its_jobs_to_the_next_which_resumes_them(backend: Backend) -> None:
    script = running(png())
    backend.node.script("generate_shot", lambda _e: script)
    backend.start()
    created = backend.create(1)
    [task_id] = created.shot_task_ids
    wait_until(lambda: tasks.get(backend.services, task_id).job_id, 60)
    backend.stop()
    assert backend.status(task_id) == "processing"
    script.gate.set()
    backend.start()
    backend.wait(task_id, "finished")
    assert backend.node.starts("generate_shot") == [task_id]
    assert backend.node.cancels() == []


def test_a_lease_that_ran_out_is_adopted_and_its_late_holder_writes_nothing(backend: Backend) -> None:
    created = backend.create(1)
    clock, database = backend.services.clock, backend.services.database
    task_id = created.text_task_id
    with database.write() as session:
        assert task_transitions.claim(session, task_id, owner="dead", now=clock.now(), lease_ms=15_000)
        assert not task_transitions.claim(session, task_id, owner="eager", now=clock.now(), lease_ms=15_000)
        assert task_transitions.renew(session, [task_id], owner="dead", lease_ms=-1) == {task_id}
    backend.start()
    backend.wait(task_id, "finished")
    with database.write() as session:
        assert not task_endings.fail(session, task_id, owner="dead", error="late", now=clock.now())
        assert not task_transitions.record_progress(
            session, task_id, owner="dead", progress=1, message="", now=clock.now()
        )
    assert backend.status(task_id) == "finished"


@others_by_soak
def test_a_node_that_was_restarted_gets_the_job_again(backend: Backend) -> None:
    script = running(png())
    backend.node.script("generate_shot", lambda _e: script)
    backend.start()
    created = backend.create(1)
    [task_id] = created.shot_task_ids
    wait_until(lambda: tasks.get(backend.services, task_id).job_id, 60)
    backend.node.script("generate_shot", lambda _e: finished(png()))
    backend.node.forget_jobs()
    backend.wait(task_id, "finished")
    assert backend.node.starts("generate_shot") == [task_id, task_id]


@others_by_soak
def test_a_node_that_forgets_every_job_is_given_up_after_a_bounded_number_of_tries(backend: Backend) -> None:
    backend.node.on_poll = lambda _job: (404, {"detail": "job not found"})
    backend.start()
    created = backend.create(1)
    backend.wait(created.text_task_id, "failed")
    retries = backend.settings.worker.dispatch_retries
    assert len(backend.node.envelopes) == retries + 1


@others_by_soak
def test_a_node_that_is_away_is_tried_again_a_few_times_then_named_in_the_error(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recoverer, "PERIOD_S", 0.1)
    backend.node.on_generate = lambda _e: (503, {"detail": "queue full"})
    backend.start()
    created = backend.create(1)
    backend.wait(created.text_task_id, "failed")
    retries = backend.settings.worker.dispatch_retries
    assert len(backend.node.envelopes) == retries + 1
    error = tasks.get(backend.services, created.text_task_id).error or ""
    assert "queue full" in error
    assert f"已重试 {retries} 次" in error


@others_by_soak
def test_a_node_that_comes_back_in_time_serves_the_task(backend: Backend) -> None:
    answers: list[tuple[int, object]] = [(503, {}), (500, {})]
    backend.node.on_generate = lambda _e: answers.pop() if answers else None
    backend.start()
    created = backend.create(1)
    backend.wait(created.shot_task_ids[0], "finished")


@others_by_soak
def test_a_rejected_request_is_not_tried_again(backend: Backend) -> None:
    backend.node.on_generate = lambda _e: (422, {"detail": "image_width"})
    backend.start()
    created = backend.create(1)
    backend.wait(created.text_task_id, "failed")
    assert len(backend.node.envelopes) == 1
    assert "image_width" in (tasks.get(backend.services, created.text_task_id).error or "")


def test_two_processors_share_the_work_and_start_each_job_once(backend: Backend) -> None:
    """No image ends before both are at work: one alone has fewer workers than there are images."""
    held = finished(png(), 10, 20, 30)
    held.gate.clear()
    backend.node.script("generate_shot", lambda _e: held)
    first, second = backend.start(), backend.start()
    created = [backend.create(4) for _ in range(3)]

    def owners() -> set[str]:
        with backend.services.database.read() as session:
            return {owner for owner in session.scalars(select(Task.lease_owner)) if owner}

    wait_until(lambda: owners() == {first.owner, second.owner}, 60, "two processors at work")
    held.gate.set()
    for task_id in [task_id for one in created for task_id in one.shot_task_ids]:
        backend.wait(task_id, "finished", timeout=120)
    starts = backend.node.starts()
    assert len(starts) == len(set(starts)) == 15


@others_by_soak
def test_an_update_of_the_story_starts_again_and_replaces_the_shots(backend: Backend) -> None:
    backend.start()
    project_id = backend.drawn(2)
    before = {shot.id for shot in shots.of_project(backend.services, project_id)}
    updated = projects.update(backend.services, project_id, ProjectChanges(story_text="另一个故事。", shot_count=3))
    assert len(updated.shot_tasks) == 3
    for task_id in updated.shot_tasks:
        backend.wait(task_id, "finished")
    after = shots.of_project(backend.services, project_id)
    assert len(after) == 3
    assert not before & {shot.id for shot in after}
    paths = {shot.image_path for shot in after}
    # The old images go once the new storyboard is committed, beside the making of the new ones.
    wait_until(lambda: set(backend.services.store.list("projects/")) == paths, 60, "the end of the old images")


@others_by_soak
def test_a_new_title_alone_throws_nothing_away(backend: Backend) -> None:
    backend.start()
    project_id = backend.drawn(1)
    updated = projects.update(backend.services, project_id, ProjectChanges(title="新标题"))
    assert (updated.text_task, updated.shot_tasks, updated.deleted) == ("", [], 0)
    view = projects.get(backend.services, project_id)
    assert view.project.title == "新标题"
    assert view.shots[0].status == "completed"
