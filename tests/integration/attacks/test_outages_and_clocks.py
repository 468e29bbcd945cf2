"""Slots, clocks, blocked tasks, storage that is away and full disks: more inputs of the kinds that once held work up or ended it."""

from __future__ import annotations

import errno
import io
import os
import sqlite3
import tempfile
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pymysql
import pytest
from sqlalchemy import delete, event, func, select
from sqlalchemy.exc import OperationalError

from common.clock import Clock
from common.errors import StorageUnavailable
from config.settings import FilmSettings, MysqlSettings, Settings, WorkerSettings
from models import database_clock, task_transitions
from models.task import Task, TaskStatus, TaskType
from processor import recoverer, removals, worker
from processor.handlers import film as film_handler
from processor.heartbeat import LEASE_MS, Heartbeat
from processor.recoverer import Recoverer
from processor.removals import Remover
from routers.app import create_app
from service import broker, films, narrations, projects, shots, tasks
from service.film import cache
from service.film.compose import compose
from service.oss.local import LocalStore
from service.schemas import FilmRequest, NarrationRequest, ProjectChanges
from tests.integration.models import rows
from tests.integration.processor.conftest import POLL_S, Backend
from tests.support.audio_signals import silence, write_wav
from tests.support.database_work import Work, counted
from tests.support.node.scripts import png, running
from tests.support.node.stand_in import StandInNode
from tests.support.removals import outbox, swept
from tests.support.wait import wait_until

PATIENCE_S = 60
HOUR = timedelta(hours=1)
NEVER_MS = 1 << 50  # as a time
both_databases = pytest.mark.parametrize("settings", ["sqlite", "mariadb"], indirect=True)


class WallClock(Clock):
    """A host's clock that somebody sets: its `monotonic` goes on as before."""

    def __init__(self, moved: timedelta = timedelta()) -> None:
        self.moved = moved

    def now(self) -> datetime:
        return super().now() + self.moved


pytestmark = pytest.mark.soak  # two minutes, most of them of full disks


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "IDLE_S", 0.1)
    monkeypatch.setattr(broker, "LISTEN_S", 0.1)
    monkeypatch.setattr(recoverer, "PERIOD_S", 0.1)
    monkeypatch.setattr(removals, "PERIOD_S", 0.1)
    monkeypatch.setattr(removals, "LONGEST_PAUSE_S", 0.5)


@pytest.fixture
def node() -> Iterator[StandInNode]:
    scripted = StandInNode()
    yield scripted
    scripted.close()


@pytest.fixture
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Over SQLite where a test does not ask for MariaDB."""
    dsn = request.getfixturevalue("mysql_dsn") if getattr(request, "param", "") == "mariadb" else ""
    return Settings(
        data_dir=tmp_path / "data",
        mysql=MysqlSettings(dsn=dsn),
        worker=WorkerSettings(poll_seconds=POLL_S, concurrency=2, dispatch_retries=1),
        film=FilmSettings(resolution="64x64", fps=5, subtitles="off"),
    )


@pytest.fixture
def backend(settings: Settings, redis_url: str, node: StandInNode) -> Iterator[Backend]:
    made = Backend(settings, redis_url, node, f"s2v-{uuid.uuid4().hex[:8]}")
    yield made
    made.close()


def method(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function as one that a class may have."""

    def called(*arguments: Any, **options: Any) -> Any:
        return function(*arguments, **options)

    return called


# Slots of films and clips


class Held:
    """A function whose first call waits."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.entered, self.leave = threading.Event(), threading.Event()
        self._function = function

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        if not self.entered.is_set():
            self.entered.set()
            assert self.leave.wait(120)
        return self._function(*arguments, **options)


def film(backend: Backend, project_id: str, shot_id: str = "") -> str:
    return films.request(backend.services, project_id, FilmRequest(shot_id=shot_id, narration="none"))


def wait_for_turn(backend: Backend, task_ids: list[str]) -> None:
    def waits(task_id: str) -> bool:
        return "等待其他影片" in (tasks.get(backend.services, task_id).message or "")

    for task_id in task_ids:
        wait_until(partial(waits, task_id), PATIENCE_S)


def test_films_that_wait_behind_a_camera_move_hold_no_worker(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    held = Held(compose)
    monkeypatch.setattr("processor.handlers.clip.compose", held)
    backend.start()
    mine, other = backend.drawn(1), backend.drawn(1)
    move = film(backend, mine, shots.of_project(backend.services, mine)[0].id)
    try:
        assert held.entered.wait(PATIENCE_S)
        waiting = [film(backend, other) for _ in range(backend.settings.worker.concurrency + 1)]
        wait_for_turn(backend, waiting)
        backend.drawn(2)
        assert {backend.status(task_id) for task_id in waiting} == {TaskStatus.PENDING}
    finally:
        held.leave.set()
    for task_id in (move, *waiting):
        backend.wait(task_id, "finished")
        assert tasks.get(backend.services, task_id).attempts == 0


@pytest.mark.parametrize("end", ["cancelled", "deleted", "failed"])
def test_clips_whose_turn_comes_by_a_film_that_ends_badly_are_made(
    backend: Backend, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    """And one that is cancelled while it waits ends at once."""

    def parts(*arguments: Any) -> Any:
        if end == "failed":
            raise RuntimeError("a bug")
        return real(*arguments)

    real = film_handler._parts
    held = Held(parts)
    monkeypatch.setattr(film_handler, "_parts", held)
    backend.start()
    mine, other = backend.drawn(1), backend.drawn(3)
    ahead = film(backend, mine)
    try:
        assert held.entered.wait(PATIENCE_S)
        clips = [film(backend, other, shot.id) for shot in shots.of_project(backend.services, other)]
        wait_for_turn(backend, clips)
        tasks.cancel(backend.services, clips[1])
        assert backend.status(clips[1]) == "cancelled"
        if end == "cancelled":
            tasks.cancel(backend.services, ahead)
        elif end == "deleted":
            projects.delete(backend.services, mine)
    finally:
        held.leave.set()
    for task_id in (clips[0], clips[2]):
        backend.wait(task_id, "finished")
    assert backend.status(clips[1]) == "cancelled"
    if end != "deleted":
        backend.wait(ahead, end)


# Clocks


def left_ms(backend: Backend, task_id: str) -> int:
    """Milliseconds of its lease that are left by the database's clock."""
    with backend.services.database.read() as session:
        left = Task.lease_until.expression - database_clock.database_ms()
        return session.scalars(select(left).where(Task.id == task_id)).one()


@both_databases
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


@both_databases
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


@both_databases
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


# Blocked tasks of many projects


def blocked(backend: Backend, count: int, *, stuck_of: str = "") -> list[str]:
    """The tasks of a new project that wait for an image, which waits for its turn or has ended so; their ids."""
    made, image = rows.project(), rows.task("", not_before=NEVER_MS)
    if stuck_of == "failed":
        image.status = TaskStatus.FAILED
    waiting = [
        rows.task("", type=TaskType.FILM, status=TaskStatus.BLOCKED, parameters={"depends_on": [image.id]})
        for _ in range(count)
    ]
    with backend.services.database.write() as session:
        session.add(made)
        session.flush()
        for row in (image, *waiting):
            row.project_id = made.id
        session.add_all([*waiting, image] if stuck_of != "deleted" else waiting)
        return [row.id for row in waiting]


def a_round(backend: Backend) -> Work:
    with counted(backend.services.database) as work:
        Recoverer(backend.services).recover()
    return work


def are_blocked(backend: Backend) -> int:
    with backend.services.database.read() as session:
        return session.scalar(select(func.count()).where(Task.status == TaskStatus.BLOCKED)) or 0


@both_databases
@pytest.mark.parametrize("ended", ["failed", "deleted"])
def test_the_one_stuck_project_of_many_is_found_for_as_many_statements_as_of_few(backend: Backend, ended: str) -> None:
    counts = []
    for more in (3, 60):
        for _ in range(more):
            blocked(backend, 10)
        [stuck] = blocked(backend, 1, stuck_of=ended)
        waiting = are_blocked(backend)
        counts.append(len(a_round(backend).statements))
        assert backend.status(stuck) != "blocked"
        assert are_blocked(backend) == waiting - 1
    assert counts[1] <= counts[0] + 3, counts
    assert counts[0] < 40


def test_each_of_many_stuck_projects_costs_the_same(backend: Backend) -> None:
    counts = []
    for stuck in (10, 40):
        for number in range(stuck):
            blocked(backend, 1, stuck_of=("failed", "deleted")[number % 2])
        counts.append(len(a_round(backend).statements))
        assert are_blocked(backend) == 0
    assert counts[1] <= 4.5 * counts[0]


def test_a_chain_of_blocked_tasks_whose_first_is_stuck_comes_undone(backend: Backend) -> None:
    [last] = blocked(backend, 1, stuck_of="deleted")
    with backend.services.database.write() as session:
        project_id = session.get_one(Task, last).project_id
        for _ in range(5):
            parameters = {"depends_on": [last]}
            row = rows.task(project_id, type=TaskType.FILM, status=TaskStatus.BLOCKED, parameters=parameters)
            session.add(row)
            session.flush()
            last = row.id
    backend.start()
    backend.wait(last, "finished", "failed", "cancelled")
    assert are_blocked(backend) == 0


def test_a_film_whose_image_in_the_making_is_lost_from_the_table_is_made(backend: Backend) -> None:
    backend.start()
    project_id = backend.drawn(2)
    backend.node.script("generate_shot", lambda _e: running())
    [first, _] = shots.of_project(backend.services, project_id)
    address = f"/v1/api/projects/{project_id}/shots/{first.id}"
    client = create_app(backend.services).test_client()
    image = client.post(address, json={"prompt": "红色的山"}).get_json()["task_id"]
    waiting = film(backend, project_id)
    assert backend.status(waiting) == "blocked"
    with backend.services.database.write() as session:
        session.execute(delete(Task).where(Task.id == image))
    backend.wait(waiting, "finished")


# Storage that refuses, or takes its time, when something is deleted


REFUSALS = [StorageUnavailable("away"), OSError(errno.EIO, "refused"), TimeoutError("slow"), RuntimeError("a bug")]


@pytest.mark.parametrize("error", REFUSALS, ids=lambda error: type(error).__name__)
def test_a_project_is_deleted_at_once_though_storage_refuses_whatever_it_is_asked(
    backend: Backend, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    asked = threading.Event()

    def refuse(*_given: object, **_options: object) -> None:
        asked.set()
        raise error

    backend.start()
    project_id, other = backend.drawn(2), backend.drawn(1)
    shot = shots.of_project(backend.services, project_id)[0]
    backend.wait(film(backend, project_id, shot.id), "finished")
    backend.wait(film(backend, project_id), "finished")
    client = create_app(backend.services).test_client()
    with monkeypatch.context() as away:
        for name in ("remove", "remove_prefix", "list", "stat", "open", "exists"):
            away.setattr(LocalStore, name, refuse)
        assert client.delete(f"/v1/api/projects/{project_id}").get_json()["success"]
        wait_until(asked.is_set, PATIENCE_S)
    kept = [str(shot.image_path) for shot in shots.of_project(backend.services, other)]
    wait_until(lambda: list(backend.services.store.list("projects/")) == kept, PATIENCE_S)
    wait_until(lambda: outbox(backend.services) == [], PATIENCE_S)


@both_databases
def test_nobody_waits_for_a_storage_that_removes_slowly(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    """A deletion, a new storyboard, its images and a film are all done while the first removal is not."""
    held = Held(LocalStore.remove)
    monkeypatch.setattr(LocalStore, "remove", method(held))
    backend.start()
    gone, project_id = backend.drawn(2), backend.drawn(2)
    backend.wait(film(backend, project_id), "finished")
    client = create_app(backend.services).test_client()
    with ThreadPoolExecutor(1) as pool:
        try:
            answer = pool.submit(client.delete, f"/v1/api/projects/{gone}")
            assert held.entered.wait(PATIENCE_S)
            assert answer.result(PATIENCE_S).status_code == 200
            changes = ProjectChanges(story_text="另一个故事。")
            updated = pool.submit(projects.update, backend.services, project_id, changes).result(PATIENCE_S)
            for task_id in updated.shot_tasks:
                backend.wait(task_id, "finished")
            again = film(backend, project_id)
            backend.wait(again, "finished")
        finally:
            held.leave.set()
    [*made] = films.of_project(backend.services, project_id)
    images = {shot.image_path for shot in shots.of_project(backend.services, project_id)}
    left = [key for key in swept(backend.services, "projects/") if "/films/" not in key]
    assert set(left) == images
    assert made[0].task_id == again


# Disks that are full in the middle


class Faults:
    """A function that first fails so often, in turn by each of these errors."""

    def __init__(self, function: Callable[..., Any], times: int, *numbers: int) -> None:
        self.left = [numbers[n % len(numbers)] for n in range(times)]
        self._function = function

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        if self.left:
            raise OSError(self.left.pop(), "refused")
        return self._function(*arguments, **options)


NUMBERS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
OF_THE_STORE = ["fsync", "description", "folder"]


def store_faults(monkeypatch: pytest.MonkeyPatch, place: str, times: int) -> Faults:
    """Of the store's file, at its end: what is written is found not to fit when it is made to stay, described or put in its place."""
    if place == "fsync":
        faults = Faults(os.fsync, times, *NUMBERS)
        monkeypatch.setattr(os, "fsync", faults)
        return faults
    name = {"description": "_write_info", "folder": "_make_shared"}[place]
    faults = Faults(getattr(LocalStore, name), times, *NUMBERS)
    monkeypatch.setattr(LocalStore, name, method(faults))
    return faults


def one_job_was_enough(backend: Backend, kind: str, faults: Faults) -> None:
    assert faults.left == []
    assert len(backend.node.starts(kind)) == 1, "nothing was made again"
    assert swept(backend.services, "projects/")


@pytest.mark.parametrize("place", OF_THE_STORE)
def test_an_image_waits_for_a_store_that_is_full(backend: Backend, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    backend.start()
    faults = store_faults(monkeypatch, place, backend.settings.worker.dispatch_retries + 2)
    [task_id] = backend.create(1).shot_task_ids
    backend.wait(task_id, "finished")
    one_job_was_enough(backend, "generate_shot", faults)


@pytest.mark.parametrize("place", OF_THE_STORE)
def test_a_narration_waits_for_a_store_that_is_full(
    backend: Backend, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    backend.start()
    project_id = backend.drawn(1)
    faults = store_faults(monkeypatch, place, backend.settings.worker.dispatch_retries + 2)
    backend.wait(narrations.request(backend.services, project_id, NarrationRequest()), "finished")
    one_job_was_enough(backend, "generate_audio", faults)
    [shot] = shots.of_project(backend.services, project_id)
    assert backend.stored(shot.audio_path)


@pytest.mark.parametrize("kind", ["image", "narration", "clip"])
def test_a_task_waits_for_a_temporary_folder(backend: Backend, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    backend.start()
    project_id = backend.drawn(1)
    [shot] = shots.of_project(backend.services, project_id)
    faults = Faults(tempfile.mkdtemp, backend.settings.worker.dispatch_retries + 2, *NUMBERS)
    monkeypatch.setattr(tempfile, "mkdtemp", faults)
    if kind == "image":
        [task_id] = backend.create(1).shot_task_ids
    elif kind == "narration":
        task_id = narrations.request(backend.services, project_id, NarrationRequest())
    else:
        task_id = film(backend, project_id, shot.id)
    backend.wait(task_id, "finished")
    assert faults.left == []


@pytest.mark.parametrize("place", ["work folder", "file", "store"])
def test_a_film_waits_for_room_of_its_cache_its_temporary_files_and_its_store(
    backend: Backend, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    backend.start()
    project_id = backend.drawn(2)
    retries = backend.settings.worker.dispatch_retries + 2
    if place == "work folder":
        faults = Faults(cache._locked_folder, retries, *NUMBERS)
        monkeypatch.setattr(cache, "_locked_folder", faults)
    elif place == "file":
        faults = Faults(tempfile.TemporaryFile, retries, *NUMBERS)
        monkeypatch.setattr(tempfile, "TemporaryFile", faults)
    else:
        faults = store_faults(monkeypatch, "fsync", retries)
    task_id = films.request(backend.services, project_id, FilmRequest())
    backend.wait(task_id, "finished")
    assert faults.left == []
    [made] = films.of_project(backend.services, project_id)
    assert (made.details or {})["warnings"] == []


@pytest.mark.parametrize("place", ["fsync", "mkdtemp"])
def test_music_that_does_not_fit_is_refused_in_words_until_it_does(
    backend: Backend, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, place: str
) -> None:
    content = write_wav(tmp_path / "a.wav", silence(0.5)).read_bytes()
    client = create_app(backend.services).test_client()
    if place == "fsync":
        faults = store_faults(monkeypatch, place, len(NUMBERS))
    else:
        faults = Faults(tempfile.mkdtemp, len(NUMBERS), *NUMBERS)
        monkeypatch.setattr(tempfile, "mkdtemp", faults)
    answers = [client.post("/v1/api/music", data={"file": (io.BytesIO(content), "a.wav")}) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [503, 503, 503, 200]
    assert all("refused" not in answer.get_data(as_text=True) for answer in answers)
    assert faults.left == []
    [stored] = swept(backend.services, "music/")
    assert backend.stored(stored) == content


def full(number: int) -> Exception:
    """What a database says whose own disk is full."""
    return (
        pymysql.err.OperationalError(number, "Disk full")
        if number
        else sqlite3.OperationalError("database or disk is full")
    )


ASSET, OUTBOX, SHOT = "INSERT INTO asset", "INSERT INTO outbox", "UPDATE shot"
FULL_DATABASES = [
    ("sqlite", 0, ASSET),
    ("sqlite", 0, OUTBOX),
    ("sqlite", 0, SHOT),
    ("mariadb", 1021, ASSET),
    ("mariadb", 1114, OUTBOX),
    ("mariadb", 1030, SHOT),
]


@pytest.mark.parametrize(("settings", "number", "statement"), FULL_DATABASES, indirect=["settings"])
def test_an_image_waits_for_a_database_whose_disk_is_full(backend: Backend, number: int, statement: str) -> None:
    left = [0] * (backend.settings.worker.dispatch_retries + 2)

    def refuse(_connection: Any, _cursor: Any, sql: str, parameters: Any, *_rest: Any) -> None:
        if left and sql.replace("`", "").startswith(statement):
            left.pop()
            raise OperationalError(sql, parameters, full(number))

    script = running(png())
    backend.node.script("generate_shot", lambda _e: script)
    processor = backend.start()
    [task_id] = backend.create(1).shot_task_ids
    backend.dispatched(task_id)
    event.listen(processor._services.database.engine, "before_cursor_execute", refuse)
    script.gate.set()
    backend.wait(task_id, "finished")
    assert left == []
    assert backend.node.starts("generate_shot") == [task_id]
