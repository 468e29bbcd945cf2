"""Which projects' rows a session changes: what `models.row_versions` is told when it commits.

What is added, changed or deleted as an object says itself whose it is; an UPDATE or DELETE says it by its condition, a task's id at least.
A statement of which it cannot be told counts for every project.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Delete, Insert, Table, Update, event, select
from sqlalchemy.orm import ORMExecuteState, Session, UOWTransaction, sessionmaker
from sqlalchemy.orm.util import identity_key
from sqlalchemy.sql.elements import BinaryExpression, BooleanClauseList
from sqlalchemy.sql.operators import and_, eq

from models.account import Account, ApiKey, LoginSession
from models.asset import Asset
from models.cast_member import CastMember
from models.deletion import Deletion
from models.project import Project
from models.row_versions import ACCOUNTS, EVERYTHING, slot_of, task_slot_of
from models.shot import Shot
from models.task import Task

_OF_ACCOUNTS = (Account, LoginSession, ApiKey)
_ACCOUNT_TABLES = frozenset(model.__tablename__ for model in _OF_ACCOUNTS)
# What a task's answer is made of. A shot that is deleted takes its id out of it, too.
_OF_TASKS = (Project, Task, Deletion)
_BESIDE_TASKS = (Shot, Asset, CastMember)
_TASK_TABLES = frozenset(model.__tablename__ for model in _OF_TASKS)
_PROJECT_TABLES = _TASK_TABLES | {model.__tablename__ for model in _BESIDE_TASKS}
# No answer shows these: the heartbeat writes leases every few seconds.
_UNSEEN = frozenset({"lease_owner", "lease_until", "not_before", "attempts", "crashes", "node"})
_SLOTS = "touched"
_KNOWN_TASKS = 10_000
ALL = frozenset(EVERYTHING)


_project_of_task: dict[str, str] = {}  # which never changes


def watch(sessions: sessionmaker[Session]) -> None:
    """Note what these sessions change."""
    event.listen(sessions, "after_flush", _flushed)
    event.listen(sessions, "do_orm_execute", _executed)


def slots(session: Session) -> frozenset[int]:
    """The slots of what the session has changed."""
    return frozenset(session.info.get(_SLOTS, ()))


def _flushed(session: Session, _context: UOWTransaction) -> None:
    for row in (*session.new, *session.dirty, *session.deleted):
        if isinstance(row, _OF_ACCOUNTS):
            _note(session, [ACCOUNTS])
        elif isinstance(row, (*_OF_TASKS, *_BESIDE_TASKS)):
            project_id = row.id if isinstance(row, Project) else row.project_id
            _note(
                session, _slots_of(project_id, row.__tablename__, goes=isinstance(row, Shot) and row in session.deleted)
            )


def _executed(state: ORMExecuteState) -> None:
    statement = state.statement
    if state.is_select:
        return
    table = getattr(statement, "table", None)
    if not isinstance(statement, Insert | Update | Delete) or not isinstance(table, Table):
        _note(state.session, ALL)
    elif table.name in _ACCOUNT_TABLES:
        _note(state.session, [ACCOUNTS])
    elif table.name in _PROJECT_TABLES and not _is_unseen(statement):
        _note(state.session, _of_statement(state, statement, table))


def _slots_of(project_id: str, table: str, *, goes: bool) -> tuple[int, ...]:
    is_news_for_tasks = goes or table in _TASK_TABLES
    return (slot_of(project_id), task_slot_of(project_id)) if is_news_for_tasks else (slot_of(project_id),)


def _note(session: Session, touched: Iterable[int]) -> None:
    session.info.setdefault(_SLOTS, set()).update(touched)


def _is_unseen(statement: Insert | Update | Delete) -> bool:
    if not isinstance(statement, Update):
        return False
    changed = {getattr(column, "key", column) for column in (statement._values or {})}
    return bool(changed) and changed <= _UNSEEN


def _of_statement(state: ORMExecuteState, statement: Insert | Update | Delete, table: Table) -> Iterable[int]:
    owner = "id" if table.name == Project.__tablename__ else "project_id"
    if isinstance(statement, Insert):
        given = state.parameters or {}
        rows: Sequence[Mapping[str, Any]] = [given] if isinstance(given, Mapping) else given
        if not all(owner in row for row in rows):
            return ALL
        return [slot for row in rows for slot in _slots_of(str(row[owner]), table.name, goes=False)]
    equal = _equalities(statement.whereclause)
    if owner in equal:
        return _slots_of(
            str(equal[owner]), table.name, goes=isinstance(statement, Delete) and table.name == Shot.__tablename__
        )
    if table.name == Task.__tablename__ and "id" in equal:
        project_id = _project_of(state.session, str(equal["id"]))
        return _slots_of(project_id, table.name, goes=False) if project_id else ()
    return ALL


def _project_of(session: Session, task_id: str) -> str | None:
    known = _project_of_task.get(task_id)
    if known is None:
        loaded = session.identity_map.get(identity_key(Task, task_id))
        known = loaded.project_id if loaded is not None else None
    if known is None:
        known = session.scalar(select(Task.project_id).where(Task.id == task_id))
        if len(_project_of_task) >= _KNOWN_TASKS:
            _project_of_task.clear()
        if known is not None:
            _project_of_task[task_id] = known
    return known


def _equalities(condition: ColumnElement[Any] | None) -> dict[str, Any]:
    """What columns must be equal to for a row to be hit."""
    if isinstance(condition, BooleanClauseList) and condition.operator is and_:
        found: dict[str, Any] = {}
        for clause in condition.clauses:
            found.update(_equalities(clause))
        return found
    if (
        isinstance(condition, BinaryExpression)
        and condition.operator is eq
        and isinstance(condition.right, BindParameter)
    ):
        return {str(getattr(condition.left, "key", "")): condition.right.effective_value}
    return {}
