"""The feed of task progress for WebSockets: one thread per process looks at the database for everybody.

Once per second the thread reads status, progress and message of all watched tasks (one query for each 500), and whole rows only of those
that changed. It starts with the first watcher, hence after the web server has forked, and ends with the last.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice

from sqlalchemy import select
from sqlalchemy.orm import Session

from common import caller
from common.errors import DependencyError
from models import deletion
from models.project import Project
from models.task import Task
from service.container import Services

log = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0
CHUNK = 500  # ids in one query

State = tuple[str, int, str]
"""Status, progress and message: a change of these is news for a watcher."""


class Watcher:
    """What one watcher has not seen yet. Only the newest row is kept, so a slow watcher holds no more than one.

    `owner` is the account whose tasks alone it may see, or None: the thread that reads for it works for everybody.
    """

    def __init__(self, task_id: str, wake: Callable[[], None]) -> None:
        self.task_id = task_id
        self.owner = caller.restricted_to()
        self._wake = wake
        self._lock = threading.Lock()
        self._state: State | None = None
        self._fresh: Task | None = None
        self._gone = False

    def take(self) -> Task | None:
        """The task as it newly is, once; None when nothing changed since the last call."""
        with self._lock:
            fresh, self._fresh = self._fresh, None
            return fresh

    @property
    def gone(self) -> bool:
        """Whether the database has no such task (any more)."""
        return self._gone

    def is_news(self, state: State) -> bool:
        """Whether the watcher has not seen this state."""
        return state != self._state

    def offer(self, task: Task) -> None:
        """Offer a task's state; a state that was taken before is ignored."""
        with self._lock:
            if not self.is_news(_state(task)):
                return
            self._state, self._fresh = _state(task), task
        self._wake()

    def lose(self) -> None:
        """The task does not exist (any more)."""
        if not self._gone:
            self._gone = True
            self._wake()


class TaskFeed:
    """Hands changes of tasks to whoever watches them."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._lock = threading.Lock()
        self._watchers: dict[str, list[Watcher]] = {}
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._failing = False

    @contextmanager
    def watch(self, task_id: str, wake: Callable[[], None]) -> Iterator[Watcher]:
        """Watch a task until the block ends. `wake` is called on another thread when there is news; it must not block.

        The task as it is now is there on entering, but when the database does not answer; then it comes with the first look that does.
        """
        watcher = Watcher(task_id, wake)
        # Before the thread knows of it: two concurrent reads could offer states in the wrong order.
        self.look([watcher])
        with self._lock:
            self._watchers.setdefault(task_id, []).append(watcher)
            self._start()
        try:
            yield watcher
        finally:
            with self._lock:
                self._watchers[task_id].remove(watcher)
                if not self._watchers[task_id]:
                    del self._watchers[task_id]
                if not self._watchers:
                    self._stop.set()

    @property
    def running(self) -> bool:
        """Whether the thread runs."""
        thread = self._thread
        return thread is not None and thread.is_alive()

    def _start(self) -> None:
        """Start a polling thread, under the lock. A thread that was asked to stop has its own event, and ends whatever starts after it."""
        if self.running and not self._stop.is_set():
            return
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(self._stop,), name="task-feed", daemon=True)
        self._thread.start()

    def _run(self, stop: threading.Event) -> None:
        while not self._services.clock.wait(stop, LOOK_EVERY_S):
            with self._lock:
                watchers = [watcher for of_task in self._watchers.values() for watcher in of_task]
            self.look(watchers)

    def look(self, watchers: Iterable[Watcher]) -> None:
        """Read the watched tasks and offer what is new; a database error is logged, and the read is repeated a second later."""
        by_task: dict[str, list[Watcher]] = {}
        for watcher in watchers:
            by_task.setdefault(watcher.task_id, []).append(watcher)
        try:
            for ids in _chunks(by_task):
                self._look_at({task_id: by_task[task_id] for task_id in ids})
        except DependencyError as error:
            self._failed("task progress cannot be read: %s", error)
        except Exception as error:  # noqa: BLE001 - the thread must survive: every watcher depends on it
            self._failed("task progress cannot be read: %r", error, exc_info=error)
        else:
            self._failing = False

    def _failed(self, text: str, error: Exception, *, exc_info: Exception | None = None) -> None:
        """Log the first failure of a row of them: looks come every second."""
        if not self._failing:
            log.warning(text, error, exc_info=exc_info)
        self._failing = True

    def _look_at(self, by_task: dict[str, list[Watcher]]) -> None:
        with self._services.database.read() as session:
            states = _states(session, list(by_task))
            owners = _owners(session, by_task)
            allowed = {
                task_id: [watcher for watcher in watchers if _may_see(watcher, owners.get(task_id))]
                for task_id, watchers in by_task.items()
                if task_id in states
            }
            changed = [
                task_id
                for task_id, watchers in allowed.items()
                if any(watcher.is_news(states[task_id]) for watcher in watchers)
            ]
            rows = list(session.scalars(select(Task).where(Task.id.in_(changed)))) if changed else []
        for task in rows:
            for watcher in allowed.get(task.id, ()):
                watcher.offer(task)
        for task_id, watchers in by_task.items():
            for watcher in watchers:
                if watcher not in allowed.get(task_id, ()):
                    watcher.lose()


def _states(session: Session, task_ids: list[str]) -> dict[str, State]:
    """States by id. MariaDB compares ids without regard to case, we do not."""
    query = select(Task.id, Task.status, Task.progress, Task.message).where(Task.id.in_(task_ids))
    query = query.where(deletion.has_project(Task.project_id))
    wanted = set(task_ids)
    return {
        task_id: (status, progress or 0, message or "")
        for task_id, status, progress, message in session.execute(query)
        if task_id in wanted
    }


def _may_see(watcher: Watcher, owner: str | None) -> bool:
    """Whether the tasks of this owner are for the watcher."""
    return watcher.owner is None or watcher.owner == owner


def _owners(session: Session, by_task: dict[str, list[Watcher]]) -> dict[str, str | None]:
    """Owners of the watched tasks' projects, by task, of those that somebody watches who may not see every task."""
    asked = [task_id for task_id, watchers in by_task.items() if any(watcher.owner is not None for watcher in watchers)]
    if not asked:
        return {}
    query = select(Task.id, Project.owner_id).join(Project, Project.id == Task.project_id).where(Task.id.in_(asked))
    return {row.id: row.owner_id for row in session.execute(query)}


def _state(task: Task) -> State:
    return task.status, task.progress or 0, task.message or ""


def _chunks(ids: Iterable[str]) -> Iterator[list[str]]:
    remaining = iter(ids)
    while chunk := list(islice(remaining, CHUNK)):
        yield chunk
