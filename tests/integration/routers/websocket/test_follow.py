"""What a client hears on a task WebSocket: the function, with a socket that a test can hold."""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import delete

from models.task import Task, TaskStatus
from routers import serializers
from routers.websocket.follow import SocketClosed, follow
from routers.websocket.task_feed import TaskFeed
from service.container import Services
from tests.support.wait import wait_until
from tests.support.web_app import HEAR_S, change, new_task


class HeldSocket:
    """One side of a WebSocket, in memory."""

    def __init__(self) -> None:
        self.sent: queue.Queue[dict[str, Any]] = queue.Queue()
        self._woken = threading.Event()
        self._usable = True
        self._gone = False

    def send(self, text: str) -> None:
        if self._gone:
            raise SocketClosed
        self.sent.put(json.loads(text))

    def wake(self) -> None:
        self._woken.set()

    def wait(self) -> bool:
        self._woken.wait(HEAR_S)
        self._woken.clear()
        return self._usable

    def hear(self) -> dict[str, Any]:
        return self.sent.get(timeout=HEAR_S)

    def leave(self) -> None:
        self._usable = False
        self.wake()

    def vanish(self) -> None:
        self._gone = True


@contextmanager
def following(services: Services, feed: TaskFeed, task_id: str) -> Iterator[tuple[HeldSocket, threading.Thread]]:
    socket = HeldSocket()
    link = serializers.UrlResolver(services.store, "http://server")

    def run() -> None:
        try:
            follow(socket, feed, services.clock, task_id, lambda row: serializers.task(row, link))
        except SocketClosed:
            return

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    yield socket, thread
    socket.leave()
    thread.join(HEAR_S)
    assert not thread.is_alive()


@pytest.fixture
def feed(services: Services) -> TaskFeed:
    return TaskFeed(services)


def test_the_task_comes_first_then_its_changes_then_the_end(services: Services, feed: TaskFeed) -> None:
    task_id = new_task(services)
    with following(services, feed, task_id) as (socket, thread):
        assert socket.hear()["status"] == "pending"
        for progress in (10, 40, 70):
            change(services, task_id, status=TaskStatus.PROCESSING, progress=progress)
            assert socket.hear()["progress"] == progress
        assert thread.is_alive()
        change(services, task_id, status=TaskStatus.FINISHED, progress=100)
        assert socket.hear()["status"] == "finished"
        thread.join(HEAR_S)
        assert not thread.is_alive()
        assert socket.sent.empty()


@pytest.mark.parametrize("status", [TaskStatus.FINISHED, TaskStatus.FAILED, TaskStatus.CANCELLED])
def test_a_task_that_has_ended_is_sent_once(services: Services, feed: TaskFeed, status: TaskStatus) -> None:
    with following(services, feed, new_task(services, status=status)) as (socket, thread):
        assert socket.hear()["status"] == status
        thread.join(HEAR_S)
        assert not thread.is_alive()
        assert socket.sent.empty()


@pytest.mark.parametrize("status", [TaskStatus.BLOCKED, TaskStatus.PENDING, TaskStatus.PROCESSING])
def test_a_task_that_is_open_keeps_its_socket(services: Services, feed: TaskFeed, status: TaskStatus) -> None:
    task_id = new_task(services, status=status)
    with following(services, feed, task_id) as (socket, thread):
        assert socket.hear()["status"] == status
        change(services, task_id, message="还在等")
        assert socket.hear()["message"] == "还在等"
        assert thread.is_alive()


def test_an_unknown_task_is_answered_with_an_error(services: Services, feed: TaskFeed) -> None:
    with following(services, feed, "nobody") as (socket, thread):
        assert socket.hear()["error"] == "task not found: nobody"
        thread.join(HEAR_S)
        assert not thread.is_alive()


def test_a_task_that_is_deleted_ends_as_cancelled(services: Services, feed: TaskFeed) -> None:
    task_id = new_task(services, status=TaskStatus.PROCESSING, progress=30)
    with following(services, feed, task_id) as (socket, thread):
        before = socket.hear()
        with services.database.write() as session:
            session.execute(delete(Task).where(Task.id == task_id))
        end = socket.hear()
        assert (end["id"], end["status"], end["progress"]) == (task_id, "cancelled", 30)
        assert end.keys() == before.keys()
        assert end["finishedAt"] != serializers.ZERO_TIME
        thread.join(HEAR_S)
        assert not thread.is_alive()


def test_a_client_that_has_gone_is_followed_no_more(services: Services, feed: TaskFeed) -> None:
    task_id = new_task(services)
    with following(services, feed, task_id) as (socket, thread):
        socket.hear()
        socket.vanish()
        change(services, task_id, progress=1)
        thread.join(HEAR_S)
        assert not thread.is_alive()
    wait_until(lambda: not feed.running)


def test_wakes_without_news_send_nothing(services: Services, feed: TaskFeed) -> None:
    task_id = new_task(services)
    with following(services, feed, task_id) as (socket, _thread):
        socket.hear()
        for _ in range(5):
            socket.wake()
        change(services, task_id, progress=1)
        assert socket.hear()["progress"] == 1
        assert socket.sent.empty()
