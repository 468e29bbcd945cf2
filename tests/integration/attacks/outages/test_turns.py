"""One host's pictures, of every kind, whoever asked for them: made in turn, and while they wait the workers are others'."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from models.task import TaskStatus
from processor.handlers import clip as clip_handler
from processor.handlers import film as film_handler
from service import films, shots, tasks
from service.schemas import FilmRequest
from tests.integration.attacks.outages.helpers import PATIENCE_S, film
from tests.integration.processor.conftest import Backend
from tests.support.soak import soaking
from tests.support.wait import wait_until


class OneAtATime:
    """Counts how many calls of the functions that it stands for run at once; they wait for `leave`."""

    def __init__(self) -> None:
        self.leave = threading.Event()
        self.running = self.most = self.calls = 0
        self._lock = threading.Lock()

    def counting(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def called(*arguments: Any) -> Any:
            with self._lock:
                self.running += 1
                self.calls += 1
                self.most = max(self.most, self.running)
            try:
                assert self.leave.wait(120)
                return function(*arguments)
            finally:
                with self._lock:
                    self.running -= 1

        return called


def _waits(backend: Backend, task_id: str) -> bool:
    task = tasks.get(backend.services, task_id)
    blocked = task.status == TaskStatus.BLOCKED  # as a film is by a clip of its project
    return blocked or (task.status == TaskStatus.PENDING and "等待其他影片" in (task.message or ""))


@pytest.mark.parametrize("ahead", soaking(["film", "clip", "preview"], keep=["clip"]))
def test_films_previews_and_clips_of_all_wait_for_one_another_outside_of_the_workers(
    backend: Backend, monkeypatch: pytest.MonkeyPatch, ahead: str
) -> None:
    """Of two processors on the host, which have one slot."""
    made = OneAtATime()
    for handler in (film_handler, clip_handler):
        monkeypatch.setattr(handler, "compose", made.counting(handler.compose))
    for _ in range(2):
        backend.start()
    mine, other = backend.drawn(1), backend.drawn(1)
    [shot] = shots.of_project(backend.services, mine)
    kinds: dict[str, Callable[[], str]] = {
        "film": partial(film, backend, mine),
        "clip": partial(film, backend, mine, shot.id),
        "preview": lambda: films.request(
            backend.services, mine, FilmRequest.model_validate({"mode": "preview", "narration": "none"})
        ),
    }
    first = kinds.pop(ahead)()
    try:
        wait_until(lambda: made.running, PATIENCE_S, "the first to be made")
        of_other = [partial(film, backend, other, each.id) for each in shots.of_project(backend.services, other)]
        asked: list[Callable[[], str]] = [*kinds.values(), partial(film, backend, other), *of_other]
        waiting = [ask() for ask in asked]
        for task_id in waiting:
            wait_until(partial(_waits, backend, task_id), PATIENCE_S, f"{task_id} to wait")
        backend.drawn(1)
        assert all(_waits(backend, task_id) for task_id in waiting)
    finally:
        made.leave.set()
    for task_id in (first, *waiting):
        backend.wait(task_id, "finished", timeout=PATIENCE_S)
        task = tasks.get(backend.services, task_id)
        assert (task.attempts, task.crashes) == (0, 0)
    assert (made.most, made.calls) == (1, 1 + len(waiting))
