"""Every write that an answer depends on is told for its project, and for no other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from models import cast_member, deletion, touched
from models.asset import Asset, AssetKind
from models.base import Base
from models.bootstrap import open_sqlite
from models.cast_member import CastMember
from models.db import Database
from models.idempotency import Idempotency
from models.outbox import Removal
from models.project import Project
from models.row_versions import RowVersions, slot_of, task_slot_of
from models.shot import Shot
from models.shot_undo import ShotUndo
from models.stray_job import StrayJob
from models.task import Task
from models.webhook import Delivery, Webhook
from tests.integration.models.rows import NOW, project, task

ID = "p"
NO_NEWS_FOR_TASKS = {"another cast", "another version", "a film"}
UNSHOWN = {model.__tablename__ for model in (Idempotency, Removal, ShotUndo, StrayJob, Webhook, Delivery)}


def test_it_is_known_of_each_table_whether_answers_show_it() -> None:
    seen = touched._PROJECT_TABLES | touched._ACCOUNT_TABLES
    assert not seen & UNSHOWN
    assert seen | UNSHOWN == {table for table in Base.metadata.tables if not table.startswith("schema")}


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = open_sqlite(tmp_path / "storytovideo.db")
    with database.write() as session:
        session.add_all([project(id=ID), project(id="other")])
        session.flush()
        session.add(Shot(id="s", project_id=ID, order=1, title="", status="pending", created_at=NOW, updated_at=NOW))
        session.add(task(ID, id="t"))
        deletion.put(session, "gone", keep_ms=10_000)
    database.keep_versions(RowVersions(tmp_path, "boot"))
    yield database
    database.close()


def _asset(session: Session) -> None:
    film = Asset(object_key="k", project_id=ID, kind=AssetKind.FILM, number=1, title="", size=1, created_at=NOW)
    session.add(film)


WRITES: dict[str, tuple[str | None, Callable[[Session], object]]] = {
    "a shot is deleted for an hour": (ID, lambda session: deletion.put(session, ID, "s", keep_ms=1)),
    "a project is deleted for an hour": (ID, lambda session: deletion.put(session, ID, keep_ms=1)),
    "it is had back": ("gone", lambda session: deletion.take_back(session, "gone")),
    "it is gone for good": ("gone", lambda session: deletion.forget(session, "gone")),
    "a shot is gone for good": (ID, lambda session: deletion.forget(session, ID, "s")),
    "a shot is gone": (ID, lambda session: session.delete(session.get_one(Shot, "s"))),
    "all shots are gone": (ID, lambda session: session.execute(delete(Shot).where(Shot.project_id == ID))),
    "another cast": (
        ID,
        lambda session: cast_member.replace(session, ID, [CastMember(project_id=ID, position=1, name="x")]),
    ),
    "options": (ID, lambda session: setattr(session.get_one(Project, ID), "options", {"seed": 1})),
    "another version": (ID, lambda session: setattr(session.get_one(Shot, "s"), "image_path", "k")),
    "a film": (ID, _asset),
    "a task's progress": (ID, lambda session: session.execute(update(Task).where(Task.id == "t").values(progress=5))),
    "a task's lease": (None, lambda session: session.execute(update(Task).where(Task.id == "t").values(lease_until=5))),
    "a webhook": (
        None,
        lambda session: session.execute(update(Webhook).where(Webhook.id == "w").values(failures=1)),
    ),
}


@pytest.mark.parametrize("what", WRITES)
def test_a_write_is_told_for_its_project(database: Database, what: str) -> None:
    project_id, write = WRITES[what]
    told: list[frozenset[int]] = []
    database.on_change = told.append
    with database.write() as session:
        write(session)
    if project_id is None:
        assert told == []
    else:
        of_tasks = set() if what in NO_NEWS_FOR_TASKS else {task_slot_of(project_id)}
        assert told == [{slot_of(project_id)} | of_tasks]
