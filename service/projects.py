"""Use cases of projects: create, read, update, delete, list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from sqlalchemy.orm import Session

from common.errors import InvalidInput, NotFound
from models import cast_member, deletion, queries, reads, shot_undo
from models.base import new_id
from models.database_clock import database_now
from models.db import retrying
from models.project import Project, ProjectStatus
from models.rows import ListedProject, ProjectRow, ShotRow, TaskRow
from models.shot import ShotStatus
from models.task import WAITING, Task, TaskStatus, TaskType
from service import films, preconditions, project_options
from service.access import quotas
from service.assets import versions
from service.container import Services
from service.films import Film
from service.preconditions import Known
from service.schemas import FilmOptions, FilmRequest, NewProject, OptionChanges, PageRequest, ProjectChanges
from service.workflow import completion, film_dependencies, once, payloads
from service.workflow.dispatch import enqueue
from service.workflow.unit_of_work import ProjectUnit, project_unit

T = TypeVar("T")

CANCELLED_BY_UPDATE = "cancelled due to project update"
CANCELLED_BY_DELETE = "项目已删除，任务取消"


@dataclass(frozen=True)
class CreatedProject:
    """Ids of the new project, of its storyboard task, of its blocked image tasks, and those that its shots will have.

    `film_task_id` is that of the film that waits for all of them, "" where none was asked for.
    """

    project_id: str
    text_task_id: str
    shot_task_ids: list[str]
    shot_ids: list[str]
    film_task_id: str = ""


@dataclass(frozen=True)
class ProjectView:
    """A project with its shots by order, its latest created task, and the film that it shows."""

    project: ProjectRow
    shots: list[ShotRow]
    recent_task: TaskRow | None
    film: Film | None


@dataclass(frozen=True)
class Storyboard:
    """A project's shots by order; while there are none, `reserved` are the ids that they will have."""

    project: ProjectRow
    shots: list[ShotRow]
    reserved: list[str]


@dataclass(frozen=True)
class UpdatedProject:
    """`deleted` counts the waiting tasks that went; `text_task` is "" and `shot_tasks` empty when nothing is regenerated."""

    project: Project
    deleted: int
    text_task: str
    shot_tasks: list[str]
    updated_at: datetime
    film: Film | None


@dataclass(frozen=True)
class Page(Generic[T]):
    """One page of a list; `page` counts from 1."""

    items: Sequence[T]
    page: int
    page_size: int
    total: int


def _as_created(_services: Services, ids: list[Any]) -> CreatedProject:
    return CreatedProject(*ids)


@once.once(_as_created)
@retrying
def create(services: Services, new: NewProject) -> CreatedProject:
    """Store a project, its storyboard task and the image tasks that wait for it, then queue the first.

    Where its film is asked for, that waits for them all, in the same commit. Raises `InvalidInput` for music that is not there.
    """
    shots = new.shot_count or services.settings.story.default_shots
    with services.database.write() as session:
        now = database_now(session)
        once.begin(session, now)
        films.check_music(session, new.music or "")
        quotas.take(services, session, stories=1, films=bool(new.film), tasks=1 + shots + bool(new.film))
        project = Project(
            id=new_id(),
            title=new.title,
            story_text=new.story_text,
            style=new.style,
            description=new.description,
            shot_count=shots,
            aspect=new.aspect,
            telling=new.telling,
            options=project_options.with_changes(None, new),
            status=ProjectStatus.CREATED,
            created_at=now,
            updated_at=now,
        )
        session.add(project)
        session.flush()
        text_task, images = new_storyboard(session, project, now=now)
        made = CreatedProject(
            project.id,
            text_task,
            [task.id for task in images],
            [task.target_shot_id for task in images],
            "" if new.film is None else _new_film(services, session, project, new.film, now=now),
        )
        once.made(session, list(astuple(made)))
    enqueue(services, [text_task])
    return made


def _new_film(services: Services, session: Session, project: Project, wanted: FilmOptions, *, now: datetime) -> str:
    """Insert the film of a project whose storyboard is in the making; returns its id."""
    try:
        films.check_music(session, wanted.music)
    except InvalidInput as error:
        raise InvalidInput(f"film.{error.field}", f"film.{error}") from error
    film = films.new_film(project, FilmRequest(**wanted.model_dump()), services.settings.film, now=now)
    session.add(film)
    session.flush()
    film_dependencies.plan(session, film, now=now)
    return film.id


def new_storyboard(session: Session, project: Project, *, now: datetime) -> tuple[str, list[Task]]:
    """Insert a storyboard task, whose id is returned, and, blocked on it, one image task per shot.

    The ids of the shots are reserved here, in the image tasks' parameters, until the storyboard is there.
    """
    count = project.shot_count or 1
    storyboard = Task.new(
        TaskType.STORYBOARD,
        project.id,
        message="等待生成分镜",
        parameters=payloads.storyboard(project.story_text, project.style, count, telling=project.telling),
        now=now,
    )
    session.add(storyboard)
    session.flush()
    images = [
        Task.new(
            TaskType.IMAGE,
            project.id,
            status=TaskStatus.BLOCKED,
            message="等待分镜完成",
            parameters=payloads.image(
                new_id(),
                style=project.style,
                aspect=project.aspect,
                depends_on=[storyboard.id],
                wishes=project_options.wishes(project, order),
            ),
            now=now,
        )
        for order in range(1, count + 1)
    ]
    session.add_all(images)
    session.flush()
    return storyboard.id, images


def get(services: Services, project_id: str) -> ProjectView:
    """The project with its shots; raises `NotFound`."""
    found = reads.whole_project(services.database, project_id)
    if found is None:
        raise NotFound("项目不存在")
    return ProjectView(found.project, found.shots, found.recent_task, films.shown_of(services, found))


def storyboard(services: Services, project_id: str) -> Storyboard:
    """The project's shots, or the ids that are reserved for those in the making; raises `NotFound`."""
    found = reads.board(services.database, project_id)
    if found is None:
        raise NotFound("项目不存在")
    reserved = [] if found.shots else [task.target_shot_id for task in found.waiting]
    return Storyboard(found.project, found.shots, reserved)


@retrying
def update(services: Services, project_id: str, changes: ProjectChanges, known: Known | None = None) -> UpdatedProject:
    """Change what was given. Another story, style, number of shots, aspect or telling regenerates the project; its old film stays in
    the list.

    Raises `NotFound`, or `PreconditionFailed` where the project is not as it was `known`.
    """
    text_task, shot_tasks, deleted = "", list[str](), 0
    with project_unit(services, project_id) as unit:
        project = unit.project
        if project is None:
            raise NotFound("项目不存在")
        preconditions.check(project, known)
        restart = _needs_regeneration(project, changes)
        for name, value in changes.model_dump(exclude_none=True).items():
            setattr(project, name, value)
        project.updated_at = unit.now
        if restart:
            deleted = _stop_everything(unit, project)
            reset_outputs(project)
            quotas.take(services, unit.session, stories=1, tasks=1 + (project.shot_count or 1))
            text_task, images = new_storyboard(unit.session, project, now=unit.now)
            shot_tasks = [task.id for task in images]
            unit.ready.append(text_task)
        unit.session.flush()
        film = films.shown(services, unit.session, project, queries.shots(unit.session, project.id))
    return UpdatedProject(project, deleted, text_task, shot_tasks, unit.now, film)


@retrying
def change_options(services: Services, project_id: str, changes: OptionChanges) -> Project:
    """Change what the project's later tasks and films follow; nothing is begun. Raises `NotFound`, or `InvalidInput` for unknown music."""
    with project_unit(services, project_id) as unit:
        project = unit.project
        if project is None:
            raise NotFound("项目不存在")
        films.check_music(unit.session, changes.music or "")
        for name in changes.model_fields_set & {"title", "aspect", "telling"}:
            setattr(project, name, getattr(changes, name) or "")
        project.options = project_options.with_changes(project.options, changes)
        project.updated_at = unit.now
        unit.session.flush()
    return project


def _stop_everything(unit: ProjectUnit, project: Project) -> int:
    """Delete the project's waiting tasks, whose number is returned, and cancel those at work."""
    running = queries.open_tasks(unit.session, project.id, status=(TaskStatus.PROCESSING,))
    waiting = queries.open_tasks(unit.session, project.id, status=WAITING)
    for task in waiting:
        unit.session.delete(task)
    unit.session.flush()
    completion.cancel(unit, running, reason=CANCELLED_BY_UPDATE)
    unit.ended += [task for task in waiting if task.job_id]  # a retry was scheduled; its job may still run
    for shot in queries.shots(unit.session, project.id):
        if shot.status == ShotStatus.PROCESSING:  # its task was cancelled
            shot.status = ShotStatus.COMPLETED if shot.image_path else ShotStatus.PENDING
    return len(waiting)


def reset_outputs(project: Project) -> None:
    """Clear the project's film: the shots of its next storyboard have none. Films that were made stay in the list."""
    project.status, project.video_url, project.cover_image, project.duration = ProjectStatus.CREATED, "", "", 0


def _needs_regeneration(project: Project, changes: ProjectChanges) -> bool:
    return any(
        given is not None and given != current
        for given, current in (
            (changes.story_text, project.story_text),
            (changes.style, project.style),
            (changes.shot_count, project.shot_count),
            (changes.aspect, project.aspect),
            (changes.telling, project.telling),
        )
    )


@retrying
def delete(services: Services, project_id: str, known: Known | None = None) -> datetime:
    """Cancel what runs, then delete the project with everything that it stored; an unknown one is no error. Returns the time.

    Objects go soon after (`models.outbox`). Raises `PreconditionFailed` where it is not as it was `known`.
    """
    with project_unit(services, project_id) as unit:
        if unit.project is None:
            return unit.now
        preconditions.check(unit.project, known)
        cancel_all(unit)
        remove(services, unit)
    return unit.now


def cancel_all(unit: ProjectUnit) -> None:
    """Cancel whatever the project, which is about to go, is still waiting for."""
    if unit.project is not None:
        completion.cancel(unit, queries.open_tasks(unit.session, unit.project.id), reason=CANCELLED_BY_DELETE)


def remove(services: Services, unit: ProjectUnit) -> None:
    """Take the project's rows, and have removed what it stored; what was deleted of it before goes with it."""
    session, project = unit.session, unit.project
    if project is None:
        return
    versions.remove_project(services, session, project, queries.shots_deleted_too(session, project.id))
    cast_member.replace(session, project.id, [])
    deletion.forget(session, project.id)
    shot_undo.forget(session, project.id)
    session.flush()
    session.delete(project)
    unit.ready.clear()  # it is gone with the project


def page(services: Services, request: PageRequest) -> Page[ListedProject]:
    """One page of all projects, newest first."""
    items, total = reads.page_of_projects(
        services.database, page=request.page, page_size=request.page_size, words=request.q
    )
    return Page(items, request.page, request.page_size, total)
