"""Whose turn it is to do what is done once in a while by one of many processes: a row that says when it is due."""

from __future__ import annotations

from typing import Any, cast

from sqlalchemy import Column, CursorResult, MetaData, String, Table, insert, select, update
from sqlalchemy.exc import IntegrityError

from models.database_clock import milliseconds
from models.db import Database

_INFO = Table("schema_info", MetaData(), Column("name", String(64)), Column("value", String(255)))


def take(database: Database, name: str, *, every_ms: int) -> bool:
    """Whether it is due, by the database's clock, and this process is the one to do it. The first time it is at once."""
    with database.read() as session:
        now = milliseconds(session)
        due = session.scalar(select(_INFO.c.value).where(_INFO.c.name == name))
    if due is not None and now < int(due):
        return False
    try:
        with database.write() as session:
            if due is None:
                session.execute(insert(_INFO).values(name=name, value=str(now + every_ms)))
                return True
            ours = update(_INFO).where(_INFO.c.name == name, _INFO.c.value == due).values(value=str(now + every_ms))
            return cast("CursorResult[Any]", session.execute(ours)).rowcount == 1
    except IntegrityError:  # another process was first
        return False
