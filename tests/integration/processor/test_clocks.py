"""Hosts whose clocks are off: leases, delays, limits and the order of tasks are the database's."""

from __future__ import annotations

import itertools
from datetime import timedelta

import pytest
from sqlalchemy import ColumnElement, select

from models import queries, task_transitions
from models.database_clock import database_ms
from models.task import Task
from processor import recoverer
from processor.cancellation import CancellationRegistry
from processor.heartbeat import LEASE_MS, Heartbeat
from processor.recoverer import Recoverer
from processor.runner import Runner
from service import projects, tasks
from service.schemas import ProjectChanges
from tests.integration.processor.conftest import POLL_S, Backend
from tests.support.clocks import MovedClock
from tests.support.columns import DATABASES
from tests.support.node.scripts import png, running
from tests.support.soak import soaking_rows
from tests.support.wait import wait_until

PATIENCE_S = 60
OFF_S = (20, 60, -60)
# Each with one database, one with the others.
EVERY_OFF = soaking_rows(
    itertools.product(DATABASES, OFF_S),
    keep=[*(("sqlite", off) for off in OFF_S), *((other, OFF_S[0]) for other in DATABASES[1:])],
)


class Host:
    """A processor on a host whose clock is so many seconds off, without its threads."""

    def __init__(self, backend: Backend, off_s: float) -> None:
        backend.clock = MovedClock(timedelta(seconds=off_s))
        self.services = backend.new_services()
        self.registry = CancellationRegistry()
        self.owner = f"off by {off_s} s"
        self.runner = Runner(self.services, self.registry, self.owner)

    def due(self) -> list[str]:
        """What its recoverer enqueues."""
        queued: list[str] = []
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(recoverer, "enqueue", lambda _services, task_ids: queued.extend(task_ids))
            Recoverer(self.services).recover()
        return queued


def left_ms(backend: Backend, task_id: str, until: ColumnElement[int]) -> int:
    """Milliseconds that are left by the database's clock."""
    with backend.services.database.read() as session:
        return session.scalars(select(until - database_ms()).where(Task.id == task_id)).one()


@pytest.mark.parametrize(
    ("settings", "holder_s", "other_s"),
    soaking_rows(
        [(database, *pair) for database in DATABASES for off in OFF_S for pair in ((off, 0), (0, off))],
        keep=[
            *(("sqlite", *pair) for off in OFF_S for pair in ((off, 0), (0, off))),
            *((other, 0, OFF_S[0]) for other in DATABASES[1:]),
        ],
    ),
    indirect=["settings"],
)
def test_no_host_takes_over_what_a_living_one_works_at(backend: Backend, holder_s: float, other_s: float) -> None:
    script = running()
    backend.node.script("generate_storyboard", lambda _e: script)
    backend.clock = MovedClock(timedelta(seconds=holder_s))
    holder = backend.start()
    task_id = backend.create(1).text_task_id
    wait_until(lambda: tasks.get(backend.services, task_id).job_id, PATIENCE_S)
    other = Host(backend, other_s)
    for _ in range(2):
        assert 0 < left_ms(backend, task_id, Task.lease_until.expression) <= LEASE_MS
        assert other.due() == []
        other.runner.run(task_id)
        Heartbeat(holder._services, holder.registry, holder.owner).beat()
    task = tasks.get(backend.services, task_id)
    assert (task.status, task.lease_owner, task.crashes) == ("processing", holder.owner, 0)
    other.services.close()


@pytest.mark.parametrize(("settings", "off_s"), EVERY_OFF, indirect=["settings"])
def test_what_a_dead_host_held_is_adopted_as_soon_as_its_lease_has_run_out(backend: Backend, off_s: float) -> None:
    task_id = backend.create(1).text_task_id
    hosts = [Host(backend, off_s), Host(backend, 0)]
    dead = hosts[0].services
    with dead.database.write() as session:
        assert task_transitions.claim(session, task_id, owner="dead", now=dead.clock.now(), lease_ms=LEASE_MS)
    assert [host.due() for host in hosts] == [[], []]
    with dead.database.write() as session:
        task_transitions.renew(session, [task_id], owner="dead", lease_ms=-1)
    assert [host.due() for host in hosts] == [[task_id], [task_id]]
    for host in hosts:
        host.services.close()
    backend.clock = MovedClock(timedelta(seconds=off_s))
    backend.start()
    backend.wait(task_id, "finished")
    assert tasks.get(backend.services, task_id).crashes == 1


@pytest.mark.parametrize(("settings", "off_s"), EVERY_OFF, indirect=["settings"])
def test_a_retry_is_due_after_its_pause_on_every_host(backend: Backend, off_s: float) -> None:
    backend.node.on_generate = lambda _e: (503, {})
    task_id = backend.create(1).text_task_id
    first, second = Host(backend, off_s), Host(backend, 0)
    first.runner.run(task_id)
    assert tasks.get(backend.services, task_id).attempts == 1
    assert left_ms(backend, task_id, Task.not_before.expression) <= 2 * POLL_S * 1000
    wait_until(lambda: second.due() == first.due() == [task_id], PATIENCE_S)
    for host in (first, second):
        host.services.close()


def test_a_host_whose_clock_is_hours_ahead_leaves_a_job_all_its_time(backend: Backend) -> None:
    script = running(png())
    backend.node.script("generate_shot", lambda _e: script)
    backend.start()
    [task_id] = backend.create(1).shot_task_ids
    wait_until(lambda: tasks.get(backend.services, task_id).job_id, PATIENCE_S)
    backend.stop()
    backend.clock = MovedClock(timedelta(hours=3))
    backend.start()
    polls = len(backend.node.polled)
    wait_until(lambda: len(backend.node.polled) > polls + 3, PATIENCE_S)
    assert backend.status(task_id) == "processing"
    script.gate.set()
    backend.wait(task_id, "finished")


def test_a_task_that_began_long_ago_is_out_of_time_on_a_host_whose_clock_is_behind(backend: Backend) -> None:
    backend.node.script("generate_storyboard", lambda _e: running())
    backend.start()
    task_id = backend.create(1).text_task_id
    wait_until(lambda: tasks.get(backend.services, task_id).job_id, PATIENCE_S)
    backend.stop()
    backend.age(task_id, timedelta(minutes=backend.settings.worker.timeout_minutes + 1))
    backend.clock = MovedClock(timedelta(hours=-3))
    backend.start()
    backend.wait(task_id, "failed")
    assert "超时" in (tasks.get(backend.services, task_id).error or "")


def test_the_storyboard_of_an_update_is_the_latest_though_its_host_is_behind(backend: Backend) -> None:
    backend.start()
    project_id = backend.drawn(1)
    backend.stop()
    behind = Host(backend, -60)
    updated = projects.update(behind.services, project_id, ProjectChanges(story_text="另一个故事。"))
    with backend.services.database.read() as session:
        latest = queries.latest_storyboard(session, project_id)
    behind.services.close()
    assert latest is not None
    assert latest.id == updated.text_task
