from __future__ import annotations

import pytest
from sqlalchemy import JSON, URL, BigInteger, DateTime, Integer, String, Text, inspect, text
from sqlalchemy.dialects import mysql

from models.account import Account, ApiKey, LoginSession
from models.asset import Asset
from models.base import Base
from models.cast_member import CastMember
from models.deletion import Deletion
from models.idempotency import Idempotency
from models.outbox import Removal
from models.project import Project
from models.shot import Shot
from models.shot_undo import ShotUndo
from models.stray_job import StrayJob
from models.task import Task
from models.types import JsonObject
from models.webhook import Delivery, Webhook
from tests.integration.models.conftest import ORIGINS, Open
from tests.support import go_backend


@pytest.mark.parametrize(("url", "origin"), ORIGINS, indirect=["url"])
def test_the_tables_are_those_of_the_models(url: URL, open_url: Open, origin: str) -> None:
    if origin == "go":
        go_backend.load(url)
    database = open_url(url)
    inspector = inspect(database.engine)
    models = (
        *(Project, CastMember, Shot, Task, Asset, Removal, StrayJob, Account, LoginSession, ApiKey, Idempotency),
        *(Webhook, Delivery, Deletion, ShotUndo),
    )
    assert set(Base.metadata.tables) == {model.__tablename__ for model in models}
    for table in Base.metadata.sorted_tables:
        found = {column["name"]: column for column in inspector.get_columns(table.name)}
        assert set(found) == set(table.columns.keys())
        assert inspector.get_pk_constraint(table.name)["constrained_columns"] == [c.name for c in table.primary_key]
        for column in table.columns:
            made = found[column.name]
            assert made["nullable"] == column.nullable, f"{table.name}.{column.name}"
            if isinstance(column.type, BigInteger):
                assert isinstance(made["type"], BigInteger)
            elif isinstance(column.type, Integer):
                assert isinstance(made["type"], Integer)
            elif isinstance(column.type, String) and database.is_sqlite:
                assert isinstance(made["type"], String)  # SQLite keeps a width and never looks at it
            elif isinstance(column.type, String) and column.type.length:
                assert getattr(made["type"], "length", None) == column.type.length, f"{table.name}.{column.name}"
            elif isinstance(column.type, String):
                assert isinstance(made["type"], mysql.MEDIUMTEXT if database.kind == "mysql" else Text)
            elif isinstance(column.type, JsonObject) and not database.is_sqlite:
                assert isinstance(made["type"], mysql.JSON | mysql.LONGTEXT if database.kind == "mysql" else JSON)
            elif isinstance(column.type, DateTime):
                assert isinstance(made["type"], DateTime)
        keys = {
            (tuple(key["constrained_columns"]), key["referred_table"], key["options"].get("ondelete"))
            for key in inspector.get_foreign_keys(table.name)
        }
        assert keys == {((key.parent.name,), key.column.table.name, key.ondelete) for key in table.foreign_keys}, (
            table.name
        )


@pytest.mark.parametrize(("url", "origin"), ORIGINS, indirect=["url"])
def test_every_list_that_is_asked_for_has_an_index(url: URL, open_url: Open, origin: str) -> None:
    if origin == "go":
        go_backend.load(url)
    database = open_url(url)
    inspector = inspect(database.engine)

    def indices(table: str) -> set[tuple[str | None, ...]]:
        if not database.is_sqlite:
            return {tuple(index["column_names"]) for index in inspector.get_indexes(table)}
        columns = text(
            "SELECT group_concat(c.name) FROM pragma_index_list(:t) i, pragma_index_info(i.name) c GROUP BY i.name"
        )
        with database.read() as session:
            return {tuple(names.split(",")) for names in session.scalars(columns, {"t": table})}

    searched = set() if database.kind == "postgresql" else {("created_at", "seq", "id", "title", "description")}
    assert {("created_at", "seq", "id"), *searched} <= indices("project")
    assert ("project_id", "order", "id") in indices("shot")
    assert {
        ("project_id", "created_at", "seq", "id"),
        ("project_id", "status", "id"),
        ("project_id", "type", "created_at", "seq", "id"),
        ("status", "id"),
        ("shot_id", "id"),
        ("parent_id", "id"),
    } <= indices("task")
    assert ("project_id", "kind", "shot_id", "number") in indices("asset")
    assert {("not_before", "object_key"), ("project_id", "object_key")} <= indices("outbox")
    assert ("until_ms", "project_id", "shot_id") in indices("deletion") & indices("shot_undo")
