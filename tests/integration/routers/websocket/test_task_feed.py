"""The feed of task progress, over a real database."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

import pytest
from sqlalchemy import delete, event

from models.task import Task, TaskStatus
from routers.websocket.task_feed import TaskFeed, Watcher
from service.container import Services
from tests.support.wait import wait_until
from tests.support.web_app import change, new_task


@dataclass
class Audience:
    """Somebody who watches a task and remembers what it was told."""

    watcher: Watcher
    woken: threading.Event
    told: list[tuple[str, int, str]] = field(default_factory=list)

    def listen(self) -> list[tuple[str, int, str]]:
        task = self.watcher.take()
        if task is not None:
            self.told.append((task.status, task.progress or 0, task.message or ""))
        return self.told

    def hear_of(self, state: tuple[str, int, str]) -> None:
        """Wait until the state was told, whatever came before it."""
        wait_until(lambda: state in self.listen(), timeout=20, what=f"{state}")

    def hear(self, *expected: tuple[str, int, str]) -> None:
        wait_until(lambda: len(self.listen()) >= len(expected), timeout=20, what=f"{expected}")
        assert self.told == list(expected)


@contextmanager
def audience(feed: TaskFeed, task_id: str) -> Iterator[Audience]:
    woken = threading.Event()
    with feed.watch(task_id, woken.set) as watcher:
        yield Audience(watcher, woken)


@pytest.fixture
def feed(services: Services) -> TaskFeed:
    return TaskFeed(services)


def test_the_task_as_it_is_now_is_there_at_once(services: Services, feed: TaskFeed) -> None:
    task_id = new_task(services, status=TaskStatus.PROCESSING, progress=7, message="在画")
    with audience(feed, task_id) as one:
        assert one.listen() == [("processing", 7, "在画")]
        assert one.woken.is_set()


def test_changes_of_status_progress_and_message_are_told_in_order(services: Services, feed: TaskFeed) -> None:
    task_id = new_task(services)
    seen = [("pending", 0, "")]
    with audience(feed, task_id) as one:
        one.hear(*seen)
        for status, progress, message in [
            ("processing", 0, ""),
            ("processing", 40, ""),
            ("processing", 40, "快了"),
            ("finished", 100, "好"),
        ]:
            change(services, task_id, status=status, progress=progress, message=message)
            seen.append((status, progress, message))
            one.hear(*seen)


def test_what_is_the_same_is_not_told_again(services: Services, feed: TaskFeed) -> None:
    task_id, other_id = new_task(services), new_task(services)
    with audience(feed, task_id) as one, audience(feed, other_id) as other:
        one.hear(("pending", 0, ""))
        change(services, task_id, updated_at=datetime(2027, 1, 1, tzinfo=timezone.utc), estimated_duration=9)
        change(services, other_id, progress=1)
        other.hear_of(("pending", 1, ""))  # a look later than the first change has happened
        assert one.listen() == [("pending", 0, "")]


def test_a_slow_watcher_is_told_only_the_newest(services: Services, feed: TaskFeed) -> None:
    task_id = new_task(services)
    with audience(feed, task_id) as slow, audience(feed, task_id) as quick:
        for progress in range(1, 4):
            change(services, task_id, progress=progress)
            quick.hear_of(("pending", progress, ""))
        wait_until(lambda: slow.watcher.is_news(("pending", 2, "")) and not slow.watcher.is_news(("pending", 3, "")))
        assert slow.listen() == [("pending", 3, "")]


def test_an_unknown_task_is_gone_at_once(feed: TaskFeed) -> None:
    with audience(feed, "nobody") as one:
        assert one.watcher.gone
        assert one.listen() == []


def test_a_deleted_task_is_gone_after_it_was_told_of(services: Services, feed: TaskFeed) -> None:
    task_id = new_task(services)
    with audience(feed, task_id) as one:
        one.hear(("pending", 0, ""))
        assert not one.watcher.gone
        with services.database.write() as session:
            session.execute(delete(Task).where(Task.id == task_id))
        wait_until(lambda: one.watcher.gone)


def test_one_thread_serves_everybody_and_ends_with_the_last(services: Services, feed: TaskFeed) -> None:
    ids = [new_task(services) for _ in range(3)]
    before = set(threading.enumerate())
    assert not feed.running
    with ExitStack() as stack:
        for task_id in ids * 4:
            stack.enter_context(audience(feed, task_id))
        assert feed.running
        begun = [thread.name for thread in set(threading.enumerate()) - before]
        assert [name for name in begun if "feed" in name] == ["task-feed"]  # others are of what other tests left
    wait_until(lambda: not feed.running)


def test_the_thread_starts_again_for_the_next_watcher(services: Services, feed: TaskFeed) -> None:
    task_id = new_task(services)
    for progress in (1, 2, 3):
        with audience(feed, task_id) as one:
            wait_until(one.listen)
            change(services, task_id, progress=progress)
            one.hear_of(("pending", progress, ""))
    wait_until(lambda: not feed.running)


def test_a_thousand_watched_tasks_take_two_queries_a_look(services: Services) -> None:
    feed = TaskFeed(services)
    ids = [f"unknown-{number}" for number in range(1000)]
    watchers = [Watcher(task_id, lambda: None) for task_id in ids]
    statements: list[str] = []

    def count(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if statement.startswith("SELECT"):
            statements.append(statement)

    event.listen(services.database.engine, "before_cursor_execute", count)
    feed.look(watchers)
    event.remove(services.database.engine, "before_cursor_execute", count)
    assert len(statements) == 2
    assert all(watcher.gone for watcher in watchers)


def test_the_feed_outlives_a_database_that_fails(
    services: Services, feed: TaskFeed, caplog: pytest.LogCaptureFixture
) -> None:
    task_id = new_task(services)
    failing = threading.Event()

    def fail(*_args: Any) -> None:
        if failing.is_set():
            raise RuntimeError("no database today")

    event.listen(services.database.engine, "before_cursor_execute", fail)
    with audience(feed, task_id) as one:
        one.hear(("pending", 0, ""))
        failing.set()
        wait_until(lambda: "no database today" in caplog.text)
        failing.clear()
        change(services, task_id, progress=5)
        one.hear(("pending", 0, ""), ("pending", 5, ""))
        assert not one.watcher.gone


def test_a_watcher_that_comes_while_the_database_fails_is_served_later(services: Services, feed: TaskFeed) -> None:
    task_id = new_task(services)
    failing = threading.Event()
    failing.set()

    def fail(*_args: Any) -> None:
        if failing.is_set():
            raise RuntimeError("no database today")

    event.listen(services.database.engine, "before_cursor_execute", fail)
    with audience(feed, task_id) as one:
        assert one.listen() == []
        failing.clear()
        one.hear(("pending", 0, ""))


def test_a_late_watcher_is_not_told_again_what_an_early_one_learns_now(services: Services, feed: TaskFeed) -> None:
    task_id = new_task(services)
    early, late = Watcher(task_id, lambda: None), Watcher(task_id, lambda: None)
    feed.look([early])
    change(services, task_id, progress=1)
    feed.look([late])
    assert [watcher.take() is not None for watcher in (early, late)] == [True, True]
    feed.look([early, late])
    assert [watcher.take() is not None for watcher in (early, late)] == [True, False]
