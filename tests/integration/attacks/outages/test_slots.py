"""Slots of films and clips: who waits for one holds up nobody, however the one before it ends."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from models.task import TaskStatus
from processor.handlers import film as film_handler
from service import projects, shots, tasks
from service.film.compose import compose
from tests.integration.attacks.outages.helpers import PATIENCE_S, Held, film
from tests.integration.processor.conftest import Backend
from tests.support.wait import wait_until

pytestmark = pytest.mark.soak


def wait_for_turn(backend: Backend, task_ids: list[str]) -> None:
    def waits(task_id: str) -> bool:
        return "等待其他影片" in (tasks.get(backend.services, task_id).message or "")

    for task_id in task_ids:
        wait_until(partial(waits, task_id), PATIENCE_S)


def test_films_that_wait_behind_a_camera_move_hold_no_worker(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    held = Held(compose)
    monkeypatch.setattr("processor.handlers.clip.compose", held)
    backend.start()
    mine, other = backend.drawn(1), backend.drawn(1)
    move = film(backend, mine, shots.of_project(backend.services, mine)[0].id)
    try:
        assert held.entered.wait(PATIENCE_S)
        waiting = [film(backend, other) for _ in range(backend.settings.worker.concurrency + 1)]
        wait_for_turn(backend, waiting)
        backend.drawn(2)
        assert {backend.status(task_id) for task_id in waiting} == {TaskStatus.PENDING}
    finally:
        held.leave.set()
    for task_id in (move, *waiting):
        backend.wait(task_id, "finished")
        assert tasks.get(backend.services, task_id).attempts == 0


@pytest.mark.parametrize("end", ["cancelled", "deleted", "failed"])
def test_clips_whose_turn_comes_by_a_film_that_ends_badly_are_made(
    backend: Backend, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    """And one that is cancelled while it waits ends at once."""

    def parts(*arguments: Any) -> Any:
        if end == "failed":
            raise RuntimeError("a bug")
        return real(*arguments)

    real = film_handler._parts
    held = Held(parts)
    monkeypatch.setattr(film_handler, "_parts", held)
    backend.start()
    mine, other = backend.drawn(1), backend.drawn(3)
    ahead = film(backend, mine)
    try:
        assert held.entered.wait(PATIENCE_S)
        clips = [film(backend, other, shot.id) for shot in shots.of_project(backend.services, other)]
        wait_for_turn(backend, clips)
        tasks.cancel(backend.services, clips[1])
        assert backend.status(clips[1]) == "cancelled"
        if end == "cancelled":
            tasks.cancel(backend.services, ahead)
        elif end == "deleted":
            projects.delete(backend.services, mine)
    finally:
        held.leave.set()
    for task_id in (clips[0], clips[2]):
        backend.wait(task_id, "finished")
    assert backend.status(clips[1]) == "cancelled"
    if end != "deleted":
        backend.wait(ahead, end)
