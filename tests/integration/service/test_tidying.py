"""Rubbish of every kind beside living things: exactly the rubbish goes."""

from __future__ import annotations

import io
import json
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import select

import main
from config.settings import KeepSettings, MinioSettings
from models import database_clock, outbox, turns
from models.asset import Asset, AssetKind
from models.base import Base
from models.idempotency import Idempotency
from models.outbox import Removal
from models.task import Task, TaskStatus, TaskType
from models.webhook import Delivery, Webhook
from processor.housekeeper import Housekeeper
from processor.removals import Remover
from service.container import Services
from service.oss.minio import MinioStore
from service.tidying import YOUNG, Finding, Stores, tidy
from tests.integration.models.rows import project, shot, task
from tests.support.wait import wait_until
from tests.support.web_app import make_settings, open_services

KEPT_DAYS = 30
LIVING = [
    "projects/p/shots/s/image-1.png",  # an asset's
    *(f"projects/p/films/1.{extension}" for extension in ("mp4", "jpg", "srt", "log.json")),  # a film's and its parts
    "projects/p/shots/s/image-9.png",  # no asset's, but the shot shows it
    "projects/p/shots/s/audio-3.mp3",  # being uploaded
    "music/1.mp3",
    "projects/id-0123456789abcdef/films/1.mp4",  # of whom, nobody can tell
    "somebody/elses.bin",
]
ORPHANS = ["projects/p/shots/s/image-7.png", "projects/gone/films/1.jpg", "projects/gone/films/1.mp4", "music/77.mp3"]
YOUNG_ORPHAN = "projects/gone/films/2.mp4"
Age = Callable[[], None]


@pytest.fixture
def stores(services: Services) -> Stores:
    settings = services.settings.model_copy(update={"keep": KeepSettings(tasks_days=KEPT_DAYS)})
    return Stores(settings, services.database, services.store)


def put(services: Services, keys: list[str]) -> None:
    for key in keys:
        services.store.put(key, io.BytesIO(b"bytes"))


def aged(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let everything stored so far be older than a day."""
    if isinstance(services.store, MinioStore):
        then = services.store.now()
        wait_until(lambda: services.store.now() > then + timedelta(seconds=1))
        monkeypatch.setattr(services.store, "now", lambda: then + timedelta(seconds=1) + YOUNG)
        return
    old = time.time() - YOUNG.total_seconds() - 60
    for path in (services.settings.data_dir / "assets" / "objects").rglob("*"):
        os.utime(path, (old, old))


def fill_rows(services: Services) -> None:
    with services.database.write() as session:
        now = database_clock.database_now(session)
        old, young = now - timedelta(days=KEPT_DAYS + 1), now - timedelta(hours=23)
        for name in ("p", "busy"):
            session.add(project(id=name, updated_at=old))
            session.flush()
        session.add(shot("p", id="s", image_path="projects/p/shots/s/image-9.png"))
        session.flush()
        for key, kind, stored in [
            ("projects/p/shots/s/image-1.png", AssetKind.IMAGE, old),
            ("projects/p/shots/s/image-2.png", AssetKind.IMAGE, old),  # its object is missing
            ("projects/p/shots/s/image-3.png", AssetKind.IMAGE, young),  # that of this one, too, but not for long
            ("projects/p/shots/s/audio-3.mp3", AssetKind.NARRATION, None),
            ("projects/p/films/1.mp4", AssetKind.FILM, old),
            ("music/1.mp3", AssetKind.MUSIC, old),
            ("music/2.mp3", AssetKind.MUSIC, old),  # its object is missing
        ]:
            of = "" if kind is AssetKind.MUSIC else "p"
            number = int(key.rpartition(".")[0].rpartition("/")[2].rpartition("-")[2])
            common = {"shot_id": "s", "created_at": old, "stored_at": stored, "number": number}
            session.add(Asset(object_key=key, project_id=of, kind=kind, **common))
        outbox.announce(session, "projects/p/shots/s/audio-3.mp3", "p", until_ms=1 << 60)
        for number, (of, status, when) in enumerate(
            [
                ("p", TaskStatus.FINISHED, old),
                ("p", TaskStatus.FAILED, old),
                ("p", TaskStatus.CANCELLED, young),
                ("p", TaskStatus.FINISHED, old),  # the last of its type
                ("busy", TaskStatus.FINISHED, old),
                ("busy", TaskStatus.FINISHED, old),
                ("busy", TaskStatus.PENDING, old),
            ]
        ):
            session.add(task(of, id=f"t{number}", status=status, created_at=old, updated_at=when, seq=number))
        session.add(task("p", id="story", type=TaskType.STORYBOARD, status=TaskStatus.FINISHED, updated_at=old))
        session.add(Webhook(id="w", url="https://x.example", events=" film ", secret="s", created_at=old))
        for number, (state, when) in enumerate(
            [("delivered", old), ("failed", old), ("pending", old), ("delivered", young)]
        ):
            common = {"event": "film", "body": "{}", "state": state, "created_at": when}
            session.add(Delivery(webhook_id="w", message_id=f"m{number}", **common))
        for number, when in enumerate([old, now - timedelta(days=2), young]):
            common = {"route": "r", "body_hash": "h", "created_at": when}
            session.add(Idempotency(owner="o", request_key=f"k{number}", **common))


def fill_caches(services: Services) -> None:
    for folder in ("film", "thumbnails"):
        for name, days in (("old", 15), ("young", 13)):
            path = services.settings.data_dir / "cache" / folder / "parts" / "ab" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"x" * 100)
            os.utime(path, (time.time() - days * 86_400,) * 2)


def everything(services: Services) -> dict[str, Any]:
    with services.database.read() as session:
        rows = {
            table.name: sorted(repr(tuple(row)) for row in session.execute(select(table)))
            for table in Base.metadata.sorted_tables
        }
    cached = sorted(str(path) for path in (services.settings.data_dir / "cache").rglob("*"))
    return {**rows, "objects": sorted(services.store.list("")), "cached": cached}


def numbers(found: Iterator[Finding]) -> dict[str, tuple[int, int]]:
    return {each.kind: (each.found, each.removed) for each in found}


COUNTS = {
    "tasks": 2,
    "webhook deliveries": 2,
    "idempotency keys": 2,
    "ended deletions": 0,
    "film cache": 1,
    "thumbnails": 1,
    "objects without a row": len(ORPHANS),
    "rows without an object": 2,
}
STAYS = ("ended deletions", "rows without an object")


def test_exactly_the_rubbish_goes_and_not_before_it_is_told_to(
    services: Services, stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill_rows(services)
    fill_caches(services)
    put(services, [*LIVING, *ORPHANS])
    aged(services, monkeypatch)
    put(services, [YOUNG_ORPHAN])
    before = everything(services)
    assert numbers(tidy(stores, rows=False, objects=False)) == {kind: (count, 0) for kind, count in COUNTS.items()}
    assert everything(services) == before
    done = numbers(tidy(stores, rows=True, objects=True))
    assert done == {kind: (count, 0 if kind in STAYS else count) for kind, count in COUNTS.items()}
    Remover(services).remove(threading.Event())
    with services.database.read() as session:
        assert sorted(session.scalars(select(Task.id))) == ["story", *(f"t{number}" for number in range(2, 7))]
        assert sorted(session.scalars(select(Delivery.message_id))) == ["m2", "m3"]
        assert list(session.scalars(select(Idempotency.request_key))) == ["k2"]
        assert len(list(session.scalars(select(Asset.object_key)))) == 7
    assert sorted(services.store.list("")) == sorted([*LIVING, YOUNG_ORPHAN])
    assert [Path(path).name for path in everything(services)["cached"] if "parts/ab/" in path] == ["young", "young"]
    again = numbers(tidy(stores, rows=True, objects=True))
    assert {kind: found for kind, (found, _) in again.items() if found} == {"rows without an object": 2}


def test_objects_of_minio_are_judged_by_its_own_clock(
    minio: MinioSettings, tmp_path: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = MinioStore(minio)
    store.check()
    with open_services(make_settings(tmp_path), redis_url) as parts:
        services = replace(parts, store=store)
        fill_rows(services)
        put(services, [*LIVING, *ORPHANS])
        stores = Stores(services.settings, services.database, store)
        assert numbers(tidy(stores, rows=False, objects=True))["objects without a row"] == (0, 0)
        aged(services, monkeypatch)
        put(services, [YOUNG_ORPHAN])
        found = {each.kind: each for each in tidy(stores, rows=False, objects=True)}
        orphans = found["objects without a row"]
        assert (orphans.found, orphans.removed, orphans.size) == (4, 4, 4 * len(b"bytes"))
        assert set(orphans.examples) == set(ORPHANS)
        assert found["rows without an object"].examples == ("music/2.mp3", "projects/p/shots/s/image-2.png")
        Remover(services).remove(threading.Event())
        assert sorted(store.list("")) == sorted([*LIVING, YOUNG_ORPHAN])
    store.remove_prefix("projects/")


def test_a_row_that_comes_after_the_look_keeps_its_object(
    services: Services, stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The remover looks again before it removes."""
    key = ORPHANS[0]
    fill_rows(services)
    put(services, [key])
    aged(services, monkeypatch)
    assert numbers(tidy(stores, rows=True, objects=True))["objects without a row"] == (1, 1)
    with services.database.write() as session:
        now = database_clock.database_now(session)
        session.add(
            Asset(object_key=key, project_id="p", shot_id="s", kind="image", number=7, created_at=now, stored_at=now)
        )
    Remover(services).remove(threading.Event())
    assert key in list(services.store.list(""))
    with services.database.read() as session:
        assert key not in set(session.scalars(select(Removal.object_key)))


def test_a_turn_is_taken_by_one_of_all(services: Services) -> None:
    with ThreadPoolExecutor(8) as threads:
        took = [threads.submit(turns.take, services.database, "t", every_ms=3_600_000) for _ in range(16)]
        assert sum(each.result() for each in took) == 1
    assert not turns.take(services.database, "t", every_ms=1)
    assert turns.take(services.database, "other", every_ms=0)
    assert turns.take(services.database, "other", every_ms=1)


def test_once_a_day_one_process_removes_rows_and_tells_of_objects(
    services: Services, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    fill_rows(services)
    put(services, [*LIVING, *ORPHANS])
    aged(services, monkeypatch)
    with caplog.at_level(logging.INFO, "processor.housekeeper"):
        assert [Housekeeper(services).tidy(threading.Event()) for _ in range(3)] == [True, False, False]
    fill_caches(services)
    assert not Housekeeper(services).tidy(threading.Event())
    assert [Path(path).name for path in everything(services)["cached"] if "parts/ab/" in path] == ["young", "young"]
    told = "\n".join(record.getMessage() for record in caplog.records)
    assert f"objects without a row: {len(ORPHANS)}" in told
    assert "webhook deliveries: 2, 2 removed" in told
    assert "tasks" not in told, "which are kept unless somebody says otherwise"
    Remover(services).remove(threading.Event())
    assert sorted(services.store.list("")) == sorted([*LIVING, *ORPHANS])


def test_the_command_counts_first_and_removes_when_it_is_told_to(
    tmp_path: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_services(make_settings(tmp_path / "data"), redis_url) as services:
        fill_rows(services)
    configuration = tmp_path / "config.yaml"
    configuration.write_text(f"data_dir: {tmp_path / 'data'}\nkeep:\n  tasks_days: {KEPT_DAYS}\n")

    def said(*words: str) -> str:
        result = CliRunner().invoke(main.cli, ["tidy", "--config", str(configuration), *words])
        assert result.exit_code == 0, result.output
        return result.stdout

    assert "object" not in said("--json"), "nothing was stored yet"
    assert "tasks: 2\n" in said()
    assert "Nothing was removed" in said()
    parsed = [json.loads(line) for line in said("--json").splitlines()]
    assert {each["kind"]: each["found"] for each in parsed}["tasks"] == 2
    assert "tasks: 2, 2 removed" in said("--apply")
    assert "tasks: 0\n" in said()
    with open_services(make_settings(tmp_path / "data"), redis_url) as services:
        services.store.check()
    assert "rows without an object: 5, such as music/1.mp3" in said()
