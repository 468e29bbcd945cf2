from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import URL, String, Text

from models.asset import Asset, AssetKind
from models.base import Base
from models.db import Database
from models.project import Project
from models.shot import Shot
from models.task import Task, TaskStatus
from tests.integration.models.conftest import ORIGINS, Open
from tests.integration.models.rows import NOW, project, shot, task
from tests.support import go_backend

EMOJI = "猫🐱👩‍👩‍👧"
IDS = {"id", "project_id", "shot_id", "task_id", "object_key"}


def text_columns(model: type[Base]) -> list[str]:
    return [
        column.key
        for column in model.__table__.columns
        if isinstance(column.type, String | Text) and column.key not in IDS
    ]


@pytest.mark.parametrize(("url", "origin"), ORIGINS, indirect=["url"])
def test_emoji_fit_into_every_text_column(url: URL, open_url: Open, origin: str) -> None:
    if origin == "go":
        go_backend.load(url)
    database = open_url(url, zone=ZoneInfo(go_backend.ZONE))
    made: list[Base] = [project(**dict.fromkeys(text_columns(Project), EMOJI))]
    made.append(shot(made[0].id, **dict.fromkeys(text_columns(Shot), EMOJI)))  # type: ignore[attr-defined]  # a project
    made.append(task(made[0].id, parameters={EMOJI: EMOJI}, **dict.fromkeys(text_columns(Task), EMOJI)))  # type: ignore[attr-defined]
    made.append(
        Asset(object_key=EMOJI, project_id=EMOJI, number=1, created_at=NOW, **dict.fromkeys(text_columns(Asset), EMOJI))
    )
    with database.write() as session:
        for row in made:
            session.add(row)
            session.flush()
    with database.read() as session:
        for row in made:
            found = session.query(type(row)).filter_by(**{key: getattr(row, key) for key in _key(row)}).one()
            assert {name: getattr(found, name) for name in text_columns(type(row))} == dict.fromkeys(
                text_columns(type(row)), EMOJI
            )
            assert getattr(found, "parameters", {EMOJI: EMOJI}) == {EMOJI: EMOJI}


def _key(row: Base) -> list[str]:
    return [column.key for column in type(row).__table__.primary_key]


@pytest.mark.parametrize(("url", "origin"), ORIGINS, indirect=["url"])
def test_long_texts_are_neither_cut_nor_refused(url: URL, open_url: Open, origin: str) -> None:
    if origin == "go":
        go_backend.load(url)
    database = open_url(url)
    story, link = "山" * 100_000, "http://127.0.0.1:9000/" + "k" * 1000
    with database.write() as session:
        made = project(story_text=story, video_url=link, cover_image=link)
        session.add(made)
        session.flush()
        session.add(shot(made.id, id="s", prompt=story, narration=story, image_path=link, video_path=link))
        session.flush()
        session.add(task(made.id, id="t", error=story, message=story, parameters={"story": story}))
    with database.read() as session:
        project_row, shot_row, task_row = (
            session.query(Project).filter_by(id=made.id).one(),
            session.get(Shot, "s"),
            session.get(Task, "t"),
        )
        assert shot_row is not None
        assert task_row is not None
        assert (project_row.story_text, project_row.video_url, project_row.cover_image) == (story, link, link)
        assert (shot_row.prompt, shot_row.narration, shot_row.image_path, shot_row.video_path) == (
            story,
            story,
            link,
            link,
        )
        assert (task_row.error, task_row.message, task_row.parameters) == (story, story, {"story": story})


def test_states_are_stored_by_their_value(database: Database) -> None:
    with database.write() as session:
        made = project()
        session.add(made)
        session.flush()
        session.add(task(made.id, id="t", status=TaskStatus.BLOCKED))
    with database.read() as session:
        assert session.query(Task.status).scalar() == "blocked"
        assert session.query(Task).filter(Task.status.in_([TaskStatus.BLOCKED])).count() == 1


def test_times_keep_their_microseconds_in_a_new_database(database: Database) -> None:
    with database.write() as session:
        session.add(project())
    with database.read() as session:
        assert session.query(Project).one().created_at == NOW


def test_a_project_takes_its_rows_along_and_a_shot_leaves_its_tasks(database: Database) -> None:
    with database.write() as session:
        made = project()
        session.add(made)
        session.flush()
        session.add_all([shot(made.id, id="s1"), shot(made.id, id="s2", order=2)])
        session.flush()
        session.add_all([task(made.id, id="t1", shot_id="s1"), task(made.id, id="t2", shot_id="s2")])
    with database.write() as session:
        session.query(Shot).filter_by(id="s1").delete()
    with database.read() as session:
        assert {row.id: row.shot_id for row in session.query(Task)} == {"t1": None, "t2": "s2"}
    with database.write() as session:
        session.query(Project).delete()
    with database.read() as session:
        assert session.query(Shot).count() == session.query(Task).count() == 0


def test_an_assets_number_is_given_once(database: Database) -> None:
    from sqlalchemy.exc import IntegrityError

    values = {"project_id": "p", "shot_id": "", "kind": AssetKind.FILM, "number": 1, "created_at": NOW}
    with database.write() as session:
        session.add(Asset(object_key="a", **values))
    with pytest.raises(IntegrityError), database.write() as session:
        session.add(Asset(object_key="b", **values))
