"""Processors of hosts whose clocks are wrong in every way: none takes living work from another, and none gives up what it has."""

from __future__ import annotations

import itertools
import time
from datetime import datetime, timedelta

import pytest

from common.clock import Clock
from processor import heartbeat, recoverer, runner
from service import tasks
from tests.integration.processor.conftest import Backend
from tests.support.clocks import MovedClock
from tests.support.columns import DATABASES
from tests.support.node.scripts import png, running
from tests.support.soak import soaking
from tests.support.wait import wait_until

LEASE_MS = 1_500
LEASES = 3  # for so many of them the work goes on


class Jumping(Clock):
    """A clock that somebody sets forth and back by a minute, again and again."""

    def __init__(self) -> None:
        self._jumps = itertools.cycle((-60, 60, 0))

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=next(self._jumps))


class Standing(Clock):
    """A clock that stands still, five minutes ago."""

    def __init__(self) -> None:
        self._stands_at = super().now() - timedelta(minutes=5)

    def now(self) -> datetime:
        return self._stands_at


def _moved(**by: float) -> Clock:
    return MovedClock(timedelta(**by))


HOSTS: dict[str, tuple[Clock, ...]] = {
    "40 s ahead of the other": (_moved(), _moved(seconds=40)),
    "40 s behind": (_moved(), _moved(seconds=-40)),
    "a minute to either side": (_moved(seconds=-60), _moved(seconds=60)),
    "an hour of summer time": (_moved(hours=1), _moved()),
    "a day ahead": (_moved(days=1), _moved(), _moved(days=-1)),
    "in 1980": (_moved(days=-46 * 365), _moved()),
    "in 2080": (_moved(days=54 * 365), _moved()),
    "set forth and back": (Jumping(), _moved()),
    "standing still": (Standing(), _moved(seconds=30)),
}


@pytest.mark.parametrize("kind", soaking(HOSTS, keep=["a minute to either side", "set forth and back", "in 1980"]))
@pytest.mark.parametrize("settings", soaking(DATABASES, keep=DATABASES[1:]), indirect=True)
def test_no_clock_takes_living_work_away(backend: Backend, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (heartbeat, runner):
        monkeypatch.setattr(module, "LEASE_MS", LEASE_MS)
    monkeypatch.setattr(heartbeat, "BEAT_S", LEASE_MS / 1_000 / 5)
    monkeypatch.setattr(recoverer, "PERIOD_S", 0.2)
    held = running(png())
    backend.node.script("generate_shot", lambda _envelope: held)
    for clock in HOSTS[kind]:
        backend.clock = clock
        backend.start()
    created = backend.create(3)
    for task_id in created.shot_task_ids:
        backend.dispatched(task_id)

    began = time.monotonic()
    wait_until(lambda: time.monotonic() > began + LEASES * LEASE_MS / 1_000, 60, "some leases")
    held.gate.set()

    for task_id in (created.text_task_id, *created.shot_task_ids):
        backend.wait(task_id, "finished")
        task = tasks.get(backend.services, task_id)
        assert (task.crashes, task.attempts, backend.node.starts().count(task_id)) == (0, 0, 1)
    assert not backend.node.cancels()
