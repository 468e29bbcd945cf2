"""The feed of projects for WebSockets: one thread per process looks at the database for everybody who watches.

Once per second, and a moment after an event says that a task moved, each watched project is looked at by one statement, however many
watch it. Every row has the number of its last change, so a watcher that was away is sent what has a higher number, each row once and as it
is now: nothing is kept of the way there.

Numbers begin at random in each process and for each project. One that this process did not give is therefore never taken for one of its
own: whoever comes with it, from another process or from before a restart, gets everything anew.
"""

from __future__ import annotations

import logging
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

from common import caller
from common.errors import DependencyError
from models.asset import Asset
from models.project import Project
from models.shot import Shot
from routers.websocket import project_rows
from routers.websocket.project_rows import PROJECT, SHOT, TASK, Key, Row, State
from service import film_contents
from service.container import Services

log = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0
AFTER_EVENT_S = 0.1  # what the event is about is just being written
KEPT = 16  # projects that nobody watches, whose numbers are remembered for those who come back
EPOCH_BITS, COUNT_BITS = 31, 22  # together what a number of JavaScript holds exactly


Ages = dict[str, tuple[str, ...]]
"""By a film's id, the shots by which it is stale."""


@dataclass(frozen=True)
class Snapshot:
    """All of a project, as it is at a number."""

    seq: int
    rows: tuple[Row, ...]
    ages: Ages


class Change(NamedTuple):
    """A row as it newly is; of a film also the shots by which it is stale."""

    seq: int
    kind: str
    row: Row
    stale_shots: tuple[str, ...] = ()


class Channel:
    """What is known of one project. `looking` is held by who reads the database, so that what was read first is taken in first."""

    def __init__(self, project_id: str) -> None:
        self.project_id = project_id
        self.looking = threading.Lock()
        self.watchers: list[Watcher] = []
        self._lock = threading.Lock()
        self._states: dict[Key, State] = {}
        self._rows: dict[Key, Row] = {}
        self._changed_at: dict[Key, int] = {}
        self._ages: Ages = {}
        self._seq = secrets.randbits(EPOCH_BITS) << COUNT_BITS
        self._floor = self._seq  # who has seen less needs a snapshot
        self.gone = False

    @property
    def seq(self) -> int:
        """The number of the last change."""
        return self._seq

    @property
    def owner(self) -> str | None:
        """The account whose project it is; None while nothing is known of it."""
        row = self._rows.get(Key(PROJECT, self.project_id))
        return row.owner_id if isinstance(row, Project) else None

    @property
    def loaded(self) -> bool:
        """Whether it was read at all."""
        return bool(self._states)

    def knows_task(self, task_id: str) -> bool:
        """Whether the task is one of the project's."""
        return Key(TASK, task_id) in self._states

    def news_of(self, states: dict[Key, State]) -> list[Key]:
        """The rows that changed."""
        return [key for key, state in states.items() if self._states.get(key) != state]

    def take_in(self, states: dict[Key, State], rows: dict[Key, Row]) -> bool:
        """What a look found; returns whether anything is new. A row that is only among the states went meanwhile, or is not to be seen."""
        changed = [*self.news_of(states), *self._recast(states, rows)]
        lost = self._lost(states, changed, rows)
        with self._lock:
            for key in lost:
                del self._rows[key], self._changed_at[key]
            if any(key.kind != TASK for key in lost):  # a task leaves when it is old: that is no news
                self._seq += 1
                self._floor = self._seq
            for key in changed:
                if key in rows:
                    self._seq += 1
                    self._rows[key], self._changed_at[key] = rows[key], self._seq
            self._states = states
            if changed or lost:
                self._age_films()
        return bool(lost) or any(key in rows for key in changed)

    def _recast(self, states: dict[Key, State], rows: dict[Key, Row]) -> list[Key]:
        """The shots in which others appear, by a change of the cast, without a change of their own row."""
        before = {key: row for key, row in self._rows.items() if self._states.get(key) == states.get(key)}
        return [key for key, row in rows.items() if _cast_of(row) != _cast_of(before.get(key, row))]

    def _age_films(self) -> None:
        """A film is old by what its shots are now, without a change of its own row."""
        shots = sorted(
            (row for row in self._rows.values() if isinstance(row, Shot)), key=lambda row: (row.order, row.id)
        )
        films = {key: row for key, row in self._rows.items() if isinstance(row, Asset)}
        ages = {row.object_key: tuple(film_contents.stale_shots(row, shots)) for row in films.values()}
        for key, row in films.items():
            if ages[row.object_key] != self._ages.get(row.object_key, ()):
                self._seq += 1
                self._changed_at[key] = self._seq
        self._ages = ages

    def _lost(self, states: dict[Key, State], changed: list[Key], rows: dict[Key, Row]) -> set[Key]:
        """The rows that are there no more. Of shots all were read where one is among the rows."""
        all_shots = any(key.kind == SHOT for key in rows)
        read = {key for key in self._rows if key.kind == SHOT} if all_shots else set()
        return (self._rows.keys() - states.keys()) | ((read | (self._rows.keys() & set(changed))) - rows.keys())

    def since(self, seq: int | None) -> Snapshot | list[Change]:
        """What somebody has not seen who has seen `seq`."""
        with self._lock:
            if seq is None or not self._floor <= seq <= self._seq:
                return Snapshot(self._seq, tuple(self._rows.values()), self._ages)
            newer = {key: at for key, at in self._changed_at.items() if at > seq}
            found = [Change(at, key.kind, self._rows[key], self._ages.get(key.id, ())) for key, at in newer.items()]
        return sorted(found, key=lambda change: change.seq)


def _cast_of(row: Row) -> tuple[str, ...]:
    return row.cast if isinstance(row, Shot) else ()


class Watcher:
    """Somebody who watches a project, and what was the last that he was handed.

    `owner` is the account whose projects alone it may see, or None: the thread that looks works for everybody.
    """

    def __init__(self, channel: Channel, wake: Callable[[], None], after: int | None) -> None:
        self.owner = caller.restricted_to()
        self.wake = wake
        self._channel = channel
        self._after = after

    @property
    def gone(self) -> bool:
        """Whether there is no such project (any more), or it is another's."""
        channel = self._channel
        return channel.gone or (channel.loaded and self.owner not in (None, channel.owner))

    @property
    def seq(self) -> int:
        """The number of what was handed out last."""
        return self._after or 0

    def take(self) -> Snapshot | list[Change]:
        """What is new since the last call; nothing while the database does not answer."""
        if self.gone or not self._channel.loaded:
            return []
        found = self._channel.since(self._after)
        if isinstance(found, Snapshot):
            self._after = found.seq
        elif found:
            self._after = found[-1].seq
        return found


class ProjectFeed:
    """Hands changes of projects to whoever watches them."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._lock = threading.Lock()
        self._watched: dict[str, Channel] = {}
        self._left: OrderedDict[str, Channel] = OrderedDict()
        self._thread: threading.Thread | None = None
        self._nudge = threading.Event()
        self._listens = False
        self._failing = False

    @contextmanager
    def watch(self, project_id: str, wake: Callable[[], None], after: int | None = None) -> Iterator[Watcher]:
        """Watch a project until the block ends. `wake` is called on another thread when there is news; it must not block.

        The project as it is now is there on entering, but when the database does not answer; then it comes with the first look that does.
        """
        with self._lock:
            channel = self._watched.get(project_id) or self._left.pop(project_id, None) or Channel(project_id)
            self._watched[project_id] = channel
            watcher = Watcher(channel, wake, after)
            channel.watchers.append(watcher)
        try:
            self.look(channel)
            self._start()
            yield watcher
        finally:
            with self._lock:
                channel.watchers.remove(watcher)
                if not channel.watchers:
                    self._leave(channel)

    @property
    def running(self) -> bool:
        """Whether the thread runs."""
        return self._thread is not None

    def _leave(self, channel: Channel) -> None:
        """Nobody watches it any more, under the lock."""
        del self._watched[channel.project_id]
        if channel.loaded and not channel.gone:
            self._left[channel.project_id] = channel
            while len(self._left) > KEPT:
                self._left.popitem(last=False)
        if not self._watched:
            self._nudge.set()

    def _start(self) -> None:
        with self._lock:
            if not self._listens:  # not before the web server has forked
                self._listens = True
                self._services.events.listen(self._on_event)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="project-feed", daemon=True)
                self._thread.start()

    def _on_event(self, _event: str, task_id: str) -> None:
        with self._lock:
            known = any(channel.knows_task(task_id) for channel in self._watched.values())
        if known:
            self._nudge.set()

    def _run(self) -> None:
        while True:
            if self._services.clock.wait(self._nudge, LOOK_EVERY_S):
                self._nudge.clear()
                self._services.clock.wait(threading.Event(), AFTER_EVENT_S)
            with self._lock:
                channels = list(self._watched.values())
                if not channels:
                    self._thread = None
                    return
            for channel in channels:
                self.look(channel)

    def look(self, channel: Channel) -> None:
        """Read the project and wake its watchers where something is new. A database error is logged; a second later it is read again."""
        try:
            with channel.looking, caller.calling(caller.Caller(None, sees_all=True)):
                is_news = self._look_at(channel)
        except DependencyError as error:
            self._failed("a project cannot be read: %s", error)
        except Exception as error:  # noqa: BLE001 - the thread must survive: every watcher depends on it
            self._failed("a project cannot be read: %r", error, exc_info=error)
        else:
            self._failing = False
            if is_news:
                with self._lock:
                    watchers = list(channel.watchers)
                for watcher in watchers:
                    watcher.wake()

    def _look_at(self, channel: Channel) -> bool:
        with self._services.database.read() as session:
            states = project_rows.states(session, channel.project_id)
            changed = channel.news_of(states)
            rows = project_rows.rows(session, channel.project_id, changed) if changed else {}
        was_gone, channel.gone = channel.gone, not states
        return channel.take_in(states, rows) if states else not was_gone

    def _failed(self, text: str, error: Exception, *, exc_info: Exception | None = None) -> None:
        """Log the first failure of a row of them: looks come every second."""
        if not self._failing:
            log.warning(text, error, exc_info=exc_info)
        self._failing = True
