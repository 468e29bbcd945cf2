"""A project's status, which follows from its storyboard and its shots."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from models import queries
from models.project import Project, ProjectStatus
from models.queries import ShotParts
from models.task import TaskStatus


def refresh_project(session: Session, project: Project, *, now: datetime) -> bool:
    """Set the project's status from what there is; whether it has changed. `ready` means that a film of its shots is stored."""
    session.flush()
    status = _project_status(session, project)
    if project.status == status:
        return False
    project.status = status
    project.updated_at = now
    session.flush()
    return True


def _project_status(session: Session, project: Project) -> ProjectStatus:
    if project.video_url:
        return ProjectStatus.READY
    storyboard = queries.latest_storyboard(session, project.id)
    if storyboard is not None and storyboard.status != TaskStatus.FINISHED:
        return ProjectStatus.FAILED if storyboard.status == TaskStatus.FAILED else ProjectStatus.CREATED
    return _parts_status(queries.shot_parts(session, project.id))


def _parts_status(shots: list[ShotParts]) -> ProjectStatus:
    """The furthest stage that every shot has reached; `shots_generated` while only some images are there."""
    if not shots:
        return ProjectStatus.CREATED
    if not any(shot.image_path for shot in shots):
        return ProjectStatus.TEXT_GENERATED
    if not all(shot.image_path for shot in shots):
        return ProjectStatus.SHOTS_GENERATED
    if all(shot.video_path for shot in shots):
        return ProjectStatus.VIDEO_GENERATED
    if all(shot.audio_path for shot in shots):
        return ProjectStatus.AUDIO_GENERATED
    return ProjectStatus.IMAGES_GENERATED
