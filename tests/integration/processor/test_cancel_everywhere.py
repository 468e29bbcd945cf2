"""Every way to cancel, in every state of the task: the row, the node's job and the local work end at once.

The processor polls, and looks at its leases, once a minute here, so that nothing but the cancel itself can end a poll within the seconds
that are allowed.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from common.errors import NotFound
from config.settings import Settings, WorkerSettings
from models import queries
from models.base import new_id
from models.shot import Shot, ShotStatus
from processor import heartbeat
from processor.processor import Processor
from service import films, projects, shots, tasks
from service.oss.local import LocalStore
from service.schemas import FilmRequest, ProjectChanges, ShotChanges
from tests.integration.processor.conftest import Backend
from tests.support.columns import DATABASES
from tests.support.node.scripts import finished, png, running
from tests.support.node.stand_in import StandInNode
from tests.support.processes import below
from tests.support.removals import swept
from tests.support.soak import soaking_rows
from tests.support.wait import wait_until

AT_ONCE_S = 10  # it should be 1; a noisy machine gets ten times that
MINUTE_S = 60
PIECES = 60  # of a file that the node takes a minute to send


@dataclass
class Running:
    """A task in some state. `job_id` is "" where the node has none (yet); `release` lets go of whatever holds it there."""

    processor: Processor | None
    project_id: str
    task_id: str
    job_id: str = ""
    release: Callable[[], None] = lambda: None


@pytest.fixture
def patient(
    settings: Settings, redis_url: str, node: StandInNode, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Backend]:
    monkeypatch.setattr(heartbeat, "BEAT_S", MINUTE_S)
    slow = settings.model_copy(update={"worker": WorkerSettings(poll_seconds=MINUTE_S)})
    backend = Backend(slow, redis_url, node, f"s2v-{uuid.uuid4().hex[:8]}")
    yield backend
    node.before_piece = lambda: None
    backend.close()


def blocked(backend: Backend, _patch: pytest.MonkeyPatch) -> Running:
    created = backend.create(1)
    return Running(None, created.project_id, created.shot_task_ids[0])


def pending(backend: Backend, _patch: pytest.MonkeyPatch) -> Running:
    """An image of a shot that is there, and no processor."""
    created, now = backend.create(1), backend.services.clock.now()
    tasks.cancel(backend.services, created.text_task_id)
    common = {"status": ShotStatus.PENDING, "created_at": now, "updated_at": now}
    shot = Shot(id=new_id(), project_id=created.project_id, order=1, title="", prompt="", **common)
    with backend.services.database.write() as session:
        session.add(shot)
    task_id = shots.update(backend.services, created.project_id, shot.id, ShotChanges(prompt="山"))
    assert backend.status(task_id) == "pending"
    return Running(None, created.project_id, task_id)


def being_dispatched(backend: Backend, _patch: pytest.MonkeyPatch) -> Running:
    """The node has the request and has not answered yet."""
    entered, leave = threading.Event(), threading.Event()

    def hold(envelope: dict[str, Any]) -> None:
        if envelope["type"] == "generate_shot":
            entered.set()
            leave.wait(MINUTE_S)

    backend.node.on_generate = hold
    processor = backend.start()
    created = backend.create(1)
    assert entered.wait(MINUTE_S)
    return Running(processor, created.project_id, created.shot_task_ids[0], release=leave.set)


def at_work(backend: Backend, _patch: pytest.MonkeyPatch) -> Running:
    """Between two polls."""
    backend.node.script("generate_shot", lambda _e: running(png(), progress=30))
    begun = _begun(backend)
    wait_until(lambda: tasks.get(backend.services, begun.task_id).progress == 30, MINUTE_S)
    begun.job_id = tasks.get(backend.services, begun.task_id).job_id
    return begun


def being_downloaded(backend: Backend, _patch: pytest.MonkeyPatch) -> Running:
    sending, leave = threading.Event(), threading.Event()

    def slowly() -> None:
        if backend.node.starts("generate_shot"):  # before that it is the storyboard's file
            sending.set()
            leave.wait(MINUTE_S / PIECES)

    backend.node.script("generate_shot", lambda _e: finished(b"x" * (PIECES << 16)))
    backend.node.before_piece = slowly
    begun = _begun(backend)
    assert sending.wait(MINUTE_S)
    return begun


def being_stored(backend: Backend, patch: pytest.MonkeyPatch) -> Running:
    entered, leave = threading.Event(), threading.Event()
    real = LocalStore.put_file

    def hold(store: LocalStore, key: str, path: Path, **options: Any) -> Any:
        entered.set()
        leave.wait(MINUTE_S)
        return real(store, key, path, **options)

    patch.setattr(LocalStore, "put_file", hold)
    begun = _begun(backend)
    assert entered.wait(MINUTE_S)
    begun.release = leave.set
    return begun


def _begun(backend: Backend) -> Running:
    processor = backend.start()
    created = backend.create(1)
    return Running(processor, created.project_id, created.shot_task_ids[0])


STATES = {f.__name__: f for f in (blocked, pending, being_dispatched, at_work, being_downloaded, being_stored)}


def by_route(backend: Backend, found: Running) -> None:
    tasks.cancel(backend.services, found.task_id)


def by_project_update(backend: Backend, found: Running) -> None:
    projects.update(backend.services, found.project_id, ProjectChanges(style="油画"))


def by_project_delete(backend: Backend, found: Running) -> None:
    projects.delete(backend.services, found.project_id)


def by_shot_update(backend: Backend, found: Running) -> None:
    shot_id = tasks.get(backend.services, found.task_id).shot_id
    shots.update(backend.services, found.project_id, shot_id or "", ShotChanges(title="另一个"))


def by_shot_delete(backend: Backend, found: Running) -> None:
    shots.delete(backend.services, tasks.get(backend.services, found.task_id).shot_id or "")


OF_PROJECT = (by_route, by_project_update, by_project_delete)
WAYS = {f.__name__: f for f in (*OF_PROJECT, by_shot_update, by_shot_delete)}
TABLE = (
    [
        ("sqlite", state, way)
        for state in STATES
        for way in WAYS
        if not (state == "blocked" and way.startswith("by_shot"))  # a blocked image has no shot yet
    ]
    + [(database, "at_work", way) for database in DATABASES[1:] for way in WAYS]
)
# Every state by what a user asks for, and every way to end what is at work or being stored.
IN_SHORT = [
    (database, state, way)
    for database, state, way in TABLE
    if (database == "sqlite" and (way == "by_route" or state in ("at_work", "being_stored")))
    or (database != "sqlite" and way in ("by_route", "by_project_delete", "by_shot_update"))
]


@pytest.mark.parametrize(("settings", "state", "way"), soaking_rows(TABLE, keep=IN_SHORT), indirect=["settings"])
def test_row_job_and_work_end_at_once(patient: Backend, monkeypatch: pytest.MonkeyPatch, state: str, way: str) -> None:
    found = STATES[state](patient, monkeypatch)
    # What an update starts again goes on, so that whatever is stored is of the task that was cancelled.
    patient.node.script("generate_storyboard", lambda _e: running())
    patient.node.script("generate_shot", lambda e: finished(png()) if e["id"] == found.task_id else running())
    began = time.monotonic()
    WAYS[way](patient, found)
    assert _ended(patient, found.task_id)
    found.release()
    if found.job_id or state == "being_dispatched":
        wait_until(patient.node.cancels, AT_ONCE_S, "the end of the job")
        assert set(patient.node.cancels()) == patient.node.cancelled()
    if found.processor is not None:
        registry = found.processor.registry
        wait_until(lambda: found.task_id not in registry.leased(), AT_ONCE_S, "the end of the local work")
    assert time.monotonic() - began < AT_ONCE_S
    assert _ended(patient, found.task_id)
    assert swept(patient.services) == []
    with patient.services.database.read() as session:
        shot = next(iter(queries.shots(session, found.project_id)), None)
        assert shot is None or not shot.image_path


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
@pytest.mark.parametrize("way", OF_PROJECT)
def test_a_film_in_the_making_ends_with_its_processes(
    patient: Backend, way: Callable[[Backend, Running], None]
) -> None:
    others = _encoders()  # those that make other tests' thumbnails live on for a moment
    processor = patient.start()
    project_id = patient.drawn(2)
    before = list(patient.services.store.list(""))
    long = FilmRequest(narration="none", resolution="1920x1080", fps=60, intro=30, outro=30)
    task_id = films.request(patient.services, project_id, long)
    patient.node.script("generate_storyboard", lambda _e: running())  # what an update starts again paints nothing
    wait_until(lambda: _encoders() - others, MINUTE_S, "a process that makes the film")
    began = time.monotonic()
    way(patient, Running(processor, project_id, task_id))
    assert _ended(patient, task_id)
    wait_until(lambda: _encoders() <= others, AT_ONCE_S, "the end of the film's processes")
    wait_until(lambda: task_id not in processor.registry.leased(), AT_ONCE_S, "the end of the local work")
    assert time.monotonic() - began < AT_ONCE_S
    assert set(swept(patient.services)) <= set(before)


def _encoders() -> set[psutil.Process]:
    return set(below("service.film", "ffmpeg"))


def _ended(backend: Backend, task_id: str) -> bool:
    try:
        return backend.status(task_id) == "cancelled"
    except NotFound:  # deleted with its project, or because it had not begun
        return True
