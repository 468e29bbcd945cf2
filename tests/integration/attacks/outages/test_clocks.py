"""Hosts whose clocks are off, or are set in the middle of a task."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from common.clock import Clock
from models import database_clock, task_transitions
from models.task import Task
from processor.heartbeat import LEASE_MS, Heartbeat
from processor.recoverer import Recoverer
from processor.removals import Remover
from service import shots, tasks
from service.oss.local import LocalStore
from tests.integration.attacks.outages.helpers import PATIENCE_S, Held, every_database, method
from tests.integration.processor.conftest import Backend
from tests.support.node.scripts import png, running
from tests.support.removals import swept
from tests.support.wait import wait_until

pytestmark = pytest.mark.soak
HOUR = timedelta(hours=1)


class WallClock(Clock):
    """A host's clock that somebody sets: its `monotonic` goes on as before."""

    def __init__(self, moved: timedelta = timedelta()) -> None:
        self.moved = moved

    def now(self) -> datetime:
        return super().now() + self.moved


def left_ms(backend: Backend, task_id: str) -> int:
    """Milliseconds of its lease that are left by the database's clock."""
    with backend.services.database.read() as session:
        left = Task.lease_until.expression - database_clock.database_ms()
        return session.scalars(select(left).where(Task.id == task_id)).one()


@every_database
@pytest.mark.parametrize("jump", [-HOUR, HOUR])
def test_a_clock_that_is_set_in_mid_task_gives_the_task_to_nobody(backend: Backend, jump: timedelta) -> None:
    script = running(png())
    backend.node.script("generate_shot", lambda _e: script)
    clock = WallClock()
    backend.clock = clock
    holder = backend.start()
    [task_id] = backend.create(1).shot_task_ids
    wait_until(lambda: tasks.get(backend.services, task_id).job_id, PATIENCE_S)
    clock.moved = jump
    backend.clock = WallClock(-jump)
    other = backend.start()
    for _ in range(3):
        Heartbeat(holder._services, holder.registry, holder.owner).beat()
        Recoverer(other._services).recover()
        assert 0 < left_ms(backend, task_id) <= LEASE_MS
    polls = len(backend.node.polled)
    wait_until(lambda: len(backend.node.polled) > polls + 5, PATIENCE_S)
    task = tasks.get(backend.services, task_id)
    assert (task.status, task.lease_owner, task.crashes, task.attempts) == ("processing", holder.owner, 0, 0)
    script.gate.set()
    backend.wait(task_id, "finished")
    assert backend.node.starts("generate_shot") == [task_id]


@every_database
def test_a_host_whose_clock_was_set_back_lets_go_of_what_another_took_over(backend: Backend) -> None:
    """It was suspended, say. What the other one leaves in its turn is taken up again."""
    script = running(png())
    backend.node.script("generate_shot", lambda _e: script)
    clock = WallClock()
    backend.clock = clock
    holder = backend.start()
    [task_id] = backend.create(1).shot_task_ids
    wait_until(lambda: tasks.get(backend.services, task_id).job_id, PATIENCE_S)
    clock.moved = -HOUR
    with backend.services.database.write() as session:
        session.get_one(Task, task_id).lease_owner = "other"
        session.flush()
        task_transitions.renew(session, [task_id], owner="other", lease_ms=LEASE_MS)
    Heartbeat(holder._services, holder.registry, holder.owner).beat()
    wait_until(lambda: task_id not in holder.registry.leased(), PATIENCE_S)
    script.gate.set()
    assert backend.status(task_id) == "processing"
    with backend.services.database.write() as session:
        task_transitions.renew(session, [task_id], owner="other", lease_ms=-1)
    backend.wait(task_id, "finished")
    assert tasks.get(backend.services, task_id).crashes == 1


@every_database
def test_an_upload_is_not_lost_to_a_host_that_is_a_day_ahead(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    held = Held(LocalStore.put_file)
    monkeypatch.setattr(LocalStore, "put_file", method(held))
    backend.clock = WallClock(-HOUR)
    backend.start()
    created = backend.create(1)
    try:
        assert held.entered.wait(PATIENCE_S)
        backend.clock = WallClock(timedelta(days=1))
        ahead = backend.new_services()
        Remover(ahead).remove(threading.Event())
        ahead.close()
    finally:
        held.leave.set()
    backend.wait(created.shot_task_ids[0], "finished")
    [shot] = shots.of_project(backend.services, created.project_id)
    assert swept(backend.services) == [shot.image_path]
    assert tasks.get(backend.services, created.shot_task_ids[0]).attempts == 0


@pytest.mark.parametrize("off", [-HOUR, HOUR])
def test_a_link_of_a_host_that_is_an_hour_off_opens_on_another(tmp_path: Path, off: timedelta) -> None:
    key = "projects/p/films/1.mp4"
    signer = LocalStore(tmp_path, "s" * 32, "http://127.0.0.1:1", now=WallClock(off).now)
    LocalStore(tmp_path, "s" * 32).verify(key, signer.url(key).rpartition("=")[2])
