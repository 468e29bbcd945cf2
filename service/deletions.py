"""Use cases of what is deleted and can be had back for an hour: a shot, or a project with all that is its.

Until then nobody sees it (`models.queries`), nothing of it is at work, and it counts for no quota; `processor.removals` has it removed
for good after that.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from common.errors import NotFound
from models import deletion, queries, shot_undo
from models.db import retrying
from models.project import Project
from models.shot import Shot
from service import preconditions, projects, shots
from service.container import Services
from service.preconditions import Known
from service.workflow import completion
from service.workflow.project_status import refresh_project
from service.workflow.unit_of_work import project_unit

UNDO = timedelta(hours=1)
KEEP_MS = UNDO // timedelta(milliseconds=1)
AT_ONCE = 50
NO_SHOT, NO_PROJECT = "分镜不存在，或已超过可恢复的时间", "项目不存在，或已超过可恢复的时间"


@retrying
def delete_shot(services: Services, project_id: str, shot_id: str, known: Known | None = None) -> datetime:
    """Delete a shot, whose tasks are cancelled; returns until when it can be had back. Raises `NotFound`."""
    with project_unit(services, project_id) as unit:
        shot = queries.shot(unit.session, shot_id)
        if unit.project is None or shot is None or shot.project_id != project_id:
            raise NotFound("分镜不存在")
        preconditions.check(shot, known)
        completion.cancel(unit, shots.open_tasks(unit.session, shot), reason=shots.CANCELLED_BY_DELETE)
        deletion.put(unit.session, project_id, shot_id, keep_ms=KEEP_MS)
        shots.number(unit.session, queries.shots(unit.session, project_id))
        refresh_project(unit.session, unit.project, now=unit.now)
    return unit.now + UNDO


@retrying
def undelete_shot(services: Services, project_id: str, shot_id: str) -> Shot:
    """Put a deleted shot back to where it was; one that is there stays where it is. Raises `NotFound`."""
    with project_unit(services, project_id) as unit:
        if unit.project is None:
            raise NotFound(NO_SHOT)
        if deletion.take_back(unit.session, project_id, shot_id):
            row = queries.shots(unit.session, project_id)
            back = next(shot for shot in row if shot.id == shot_id)
            others = [shot for shot in row if shot is not back]
            place = min(back.order - 1, len(others))
            shots.number(unit.session, [*others[:place], back, *others[place:]])
            refresh_project(unit.session, unit.project, now=unit.now)
        shot = queries.shot(unit.session, shot_id)
        if shot is None or shot.project_id != project_id:
            raise NotFound(NO_SHOT)
    return shot


@retrying
def delete_project(services: Services, project_id: str, known: Known | None = None) -> datetime:
    """Delete a project, whose tasks are cancelled; returns until when it can be had back. Raises `NotFound`."""
    with project_unit(services, project_id) as unit:
        if unit.project is None:
            raise NotFound("项目不存在")
        preconditions.check(unit.project, known)
        projects.cancel_all(unit)
        deletion.put(unit.session, project_id, keep_ms=KEEP_MS)
        unit.ready.clear()
    return unit.now + UNDO


@retrying
def undelete_project(services: Services, project_id: str) -> Project:
    """Have a deleted project back; one that is there stays as it is. Raises `NotFound`."""
    with project_unit(services, project_id, lock=queries.lock_deleted_too) as unit:
        if unit.project is not None:
            deletion.take_back(unit.session, project_id)
        project = queries.project(unit.session, project_id) if unit.project is not None else None
        if project is None:
            raise NotFound(NO_PROJECT)
    return project


def purge(services: Services, now_ms: int) -> None:
    """Remove for good what cannot be had back any more at this time (ms since 1970 by the database's clock)."""
    with services.database.read() as session:
        due = deletion.due(session, now_ms, AT_ONCE)
        is_any_over = shot_undo.is_any_over(session, now_ms)
    for row in due:
        _purge(services, row.project_id, row.shot_id, now_ms)
    if is_any_over:
        _forget_undos(services, now_ms)


@retrying
def _forget_undos(services: Services, now_ms: int) -> None:
    with services.database.write() as session:
        shot_undo.forget_over(session, now_ms)


@retrying
def _purge(services: Services, project_id: str, shot_id: str, now_ms: int) -> None:
    with project_unit(services, project_id, lock=queries.lock_deleted_too) as unit:
        session = unit.session
        row = deletion.find(session, project_id, shot_id)
        if row is None or row.until_ms > now_ms:  # it was had back meanwhile, or another process was here
            return
        if unit.project is not None and shot_id == deletion.WHOLE:
            projects.remove(services, unit)
        elif unit.project is not None:
            _remove_shot(services, session, shot_id)
        session.flush()
        deletion.forget(session, project_id, shot_id)


def _remove_shot(services: Services, session: Session, shot_id: str) -> None:
    shot = session.get(Shot, shot_id)
    if shot is not None:
        shots.remove(services, session, shot)
