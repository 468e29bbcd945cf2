"""A project's status, which follows from its storyboard and its shots."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from models import queries
from models.project import Project, ProjectStatus
from models.shot import Shot
from models.task import TaskStatus, TaskType


def refresh_project(session: Session, project: Project, *, now: datetime) -> None:
    """Set the project's status from what there is. `ready` means that a film of its shots is stored."""
    session.flush()
    status = _project_status(session, project)
    if project.status != status:
        project.status = status
        project.updated_at = now
        session.flush()


def _project_status(session: Session, project: Project) -> ProjectStatus:
    if project.video_url:
        return ProjectStatus.READY
    shots = queries.shots(session, project.id)
    storyboard = [task for task in queries.tasks(session, project.id) if task.type == TaskType.STORYBOARD]
    if storyboard and storyboard[-1].status != TaskStatus.FINISHED:
        return ProjectStatus.FAILED if storyboard[-1].status == TaskStatus.FAILED else ProjectStatus.CREATED
    return _parts_status(shots)


def _parts_status(shots: list[Shot]) -> ProjectStatus:
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
