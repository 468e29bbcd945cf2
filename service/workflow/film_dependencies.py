"""What a film waits for: images still in the making, and a narration for each shot that has none; what a clip waits for: its image."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from pydantic import ValidationError
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import flag_modified

from models import queries, task_transitions
from models.shot import Shot
from models.task import Task, TaskStatus, TaskType
from service.schemas import FilmRequest, NarrationRequest
from service.workflow import narration_group


def film_request(task: Task) -> FilmRequest:
    """The request that a film task was made for; of a task that the Go backend left, what its `video` parameters say."""
    stored: dict[str, Any] = task.parameters or {}
    video: dict[str, Any] = stored.get("video") or {}
    try:
        return FilmRequest.model_validate(stored.get("film") or {**video, "shot_id": task.target_shot_id})
    except (
        ValidationError
    ):  # this server would not have taken these values; the defaults make a film of them all the same
        return FilmRequest(shot_id=task.target_shot_id)


def plan(session: Session, film: Task, *, now: datetime) -> list[str]:
    """Make a blocked film or clip wait for what is open, asking for a film's missing narrations once; returns the ids to be enqueued.

    The task itself is among them when nothing is open any more: whatever failed meanwhile is replaced by a placeholder or by silence, or,
    when the request is strict, named in its error.
    """
    waits_for, made = _parts_of_clip(session, film) if film.target_shot_id else _parts_of_film(session, film, now=now)
    before = film.depends_on
    film.parameters = {
        **(film.parameters or {}),
        "depends_on": before + [task_id for task_id in waits_for if task_id not in before],
    }
    flag_modified(film, "parameters")
    session.flush()
    if waits_for:
        return made
    message = "等待生成视频片段" if film.target_shot_id else "等待合成影片"
    return [*made, film.id] if task_transitions.unblock(session, film.id, now=now, message=message) else made


def _parts_of_clip(session: Session, clip: Task) -> tuple[list[str], list[str]]:
    images = queries.open_tasks(session, clip.project_id, type_=TaskType.IMAGE)
    return [task.id for task in images if task.target_shot_id == clip.target_shot_id], []


def _parts_of_film(session: Session, film: Task, *, now: datetime) -> tuple[list[str], list[str]]:
    """The ids of what is still open, and of those among them that are new."""
    open_tasks = queries.open_tasks(session, film.project_id)
    waits_for = [task.id for task in open_tasks if _is_part(task)]
    storyboard_open = any(task.type == TaskType.STORYBOARD for task in open_tasks)
    made: list[str] = []
    if film_request(film).narration != "none" and not storyboard_open:
        narrations = _narrations_of_shots(session, film, open_tasks)
        parameters = narration_group.speaking(session, film.project_id, NarrationRequest())
        for shot in queries.shots(session, film.project_id):
            if shot.audio_path or not shot.spoken.strip():
                continue
            known = _narration_of(film, shot, narrations.get(shot.id, []))
            if known is None:
                made.append(narration_group.new_task(session, shot, parameters(shot), now=now, parent=film).id)
            elif known.status in narration_group.ACTIVE:
                waits_for.append(known.id)
        session.flush()
    return [*waits_for, *made], made


def _is_part(task: Task) -> bool:
    """Whether a film shows what an open task makes: the shots, an image, or a shot's clip."""
    return task.type in (TaskType.STORYBOARD, TaskType.IMAGE) or (
        task.type == TaskType.FILM and bool(task.target_shot_id)
    )


def _narrations_of_shots(session: Session, film: Task, open_tasks: Iterable[Task]) -> dict[str, list[Task]]:
    """The narration tasks that may count, by shot: those at work or waiting, then those that this film has waited for already."""
    at_work = [task for task in open_tasks if task.type == TaskType.NARRATION and task.status in narration_group.ACTIVE]
    asked = queries.tasks_with_ids(session, film.depends_on, type_=TaskType.NARRATION)
    found: dict[str, list[Task]] = {}
    for task in [*at_work, *asked]:
        found.setdefault(task.shot_id or "", []).append(task)
    return found


def _narration_of(film: Task, shot: Shot, narrations: Iterable[Task]) -> Task | None:
    """The narration task of the shot's present text: an open one, or the last that this film has waited for already.

    One that was cancelled along with its parent, another film say, does not count: this film was not cancelled.
    """
    found = None
    for task in narrations:
        if narration_group.text_of(task) != shot.spoken:
            continue
        if task.status in narration_group.ACTIVE:
            return task
        if task.status != TaskStatus.CANCELLED or task.parent_id == film.id:
            found = task
    return found
