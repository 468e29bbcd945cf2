"""What the web server's worker does with connections, one step at a time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from common.shared import Shared
from common.shared_counts import AWAY
from runtime.gunicorn_worker import Worker
from tests.unit.runtime.main_loop import MainLoop

ASKS = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"


class Idle(MainLoop):
    """A loop whose connection was idle for its time."""

    def __init__(self) -> None:
        super().__init__(lambda _head: False, -1)


@pytest.fixture
def idle() -> Iterator[Idle]:
    made = Idle()
    yield made
    made.close()


def test_a_connection_that_was_idle_for_its_time_is_dropped(idle: Idle) -> None:
    idle.worker.murder_keepalived()
    assert idle.worker.nr_conns == len(idle.worker._unasked) == 0
    assert idle.client.recv(1) == b""


def test_one_that_asked_while_the_loop_was_held_up_is_served(idle: Idle) -> None:
    idle.client.sendall(ASKS)
    idle.worker.murder_keepalived()
    assert idle.handed_over == [idle.conn]
    assert idle.worker.nr_conns == 1


def test_one_that_asked_half_meanwhile_has_time_for_the_rest_and_no_more(idle: Idle) -> None:
    idle.client.sendall(ASKS[:9])
    idle.worker.murder_keepalived()
    assert idle.conn in idle.worker._unasked
    idle.conn.deadline = time.monotonic() - 1
    idle.client.sendall(ASKS[9:])
    idle.worker._next_look = 0.0
    idle.worker.murder_keepalived()
    assert idle.handed_over == []
    assert idle.worker.nr_conns == 0


@pytest.mark.parametrize(
    ("connections", "sockets", "waits"),
    [
        pytest.param([2, 1], [0, 0], True, id="more"),
        pytest.param([1, 1], [0, 0], False, id="as many"),
        pytest.param([1, 2], [0, 0], False, id="less"),
        pytest.param([3, 1], [3, 0], False, id="some sockets for one that asks"),
        pytest.param([6, 1], [6, 0], True, id="but not all sockets"),
        pytest.param([9, AWAY], [0, AWAY], False, id="the other is away"),
    ],
)
def test_one_with_more_than_another_waits(connections: list[int], sockets: list[int], waits: bool) -> None:
    worker = Worker.__new__(Worker)
    worker.app = SimpleNamespace(shared=Shared(2), processes=2)
    for counts, each in ((worker.app.shared.connections, connections), (worker.app.shared.sockets, sockets)):
        for number, count in reversed(list(enumerate(each))):
            counts.join(number)
            counts.own = count
    assert worker._has_more_than_another() is waits
