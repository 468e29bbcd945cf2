"""Disks that are full in the middle of a task: it waits for room, and what is made is not made again."""

from __future__ import annotations

import errno
import io
import os
import sqlite3
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pymysql
import pytest
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from routers.app import create_app
from service import films, narrations, shots
from service.film import cache
from service.oss.local import LocalStore
from service.schemas import FilmRequest, NarrationRequest
from tests.integration.attacks.outages.helpers import film, method
from tests.integration.processor.conftest import Backend
from tests.support.audio_signals import silence, write_wav
from tests.support.node.scripts import png, running
from tests.support.removals import swept

pytestmark = pytest.mark.soak


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
    assert (made.asset.details or {})["warnings"] == []


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
    if number == 53100:
        return psycopg.errors.DiskFull("could not extend file: No space left on device")
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
    ("postgresql", 53100, ASSET),
    ("postgresql", 53100, OUTBOX),
    ("postgresql", 53100, SHOT),
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
