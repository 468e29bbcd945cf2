"""Rows as clients of `/api` see them. What is not there yet is null; links, times and ids are those of `/v1/api`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from common.request_id import request_id
from common.user_text import without_paths
from models.rows import ListedProject, TaskRow
from models.shot import ShotStatus
from models.task import TaskStatus, TaskType
from routers.serializers import AnyShot, Json, UrlResolver, time
from service.projects import Storyboard
from service.tasks import Outcome

PENDING, RUNNING, SUCCESS, FAILED = "PENDING", "RUNNING", "SUCCESS", "FAILED"
QUEUED = "QUEUED"
"""What was just accepted."""

_TASKS: Mapping[str, str] = {
    TaskStatus.BLOCKED: PENDING,
    TaskStatus.PENDING: PENDING,
    TaskStatus.PROCESSING: RUNNING,
    TaskStatus.FINISHED: SUCCESS,
    TaskStatus.FAILED: FAILED,
    TaskStatus.CANCELLED: FAILED,
}
_SHOTS: Mapping[str, str] = {
    ShotStatus.PENDING: PENDING,
    ShotStatus.PROCESSING: RUNNING,
    ShotStatus.COMPLETED: SUCCESS,
    ShotStatus.FAILED: FAILED,
}


def success(body: Json) -> Json:
    """An answer that went well."""
    return {**body, "code": 0, "request_id": request_id()}


def accepted(task_id: str) -> Json:
    """The answer to what becomes a task."""
    return success({"task_id": task_id, "status": QUEUED})


def project(row: ListedProject, link: UrlResolver) -> Json:
    """A project of a list; `stage` says how far it is, in the words of `/v1/api`."""
    return {
        "id": row.id,
        "title": row.title,
        "style": row.style,
        "stage": row.status,
        "shot_count": row.shot_count or 0,
        "cover_url": link(row.cover_image) or None,
        "video_url": link(row.video_url) or None,
        "created_at": time(row.created_at),
        "updated_at": time(row.updated_at),
    }


def reserved_shot(shot_id: str, order: int) -> Json:
    """A shot that the storyboard in the making will fill in."""
    return {"id": shot_id, "order": order, "prompt": "", "narration": "", "status": PENDING}


def shot(row: AnyShot, link: UrlResolver) -> Json:
    """A shot of a storyboard."""
    return {
        "id": row.id,
        "order": row.order,
        "prompt": row.prompt or "",
        "narration": row.spoken,
        "status": _SHOTS.get(row.status, PENDING),
        "image_url": link(row.image_path) or None,
        "audio_url": link(row.audio_path) or None,
        "video_url": link(row.video_path) or None,
    }


def shots(board: Storyboard, link: UrlResolver) -> list[Json]:
    """The shots of a storyboard, those that wait for it too."""
    no_files = dict.fromkeys(("image_url", "audio_url", "video_url"))
    waiting = [reserved_shot(shot_id, order) | no_files for order, shot_id in enumerate(board.reserved, start=1)]
    return [shot(row, link) for row in board.shots] or waiting


def storyboard(board: Storyboard, link: UrlResolver) -> Json:
    """A project's storyboard; `updated_at` is its youngest shot's, or the project's."""
    times = [board.project.updated_at, *(row.updated_at for row in board.shots)]
    return {
        "project_id": board.project.id,
        "shots": shots(board, link),
        "updated_at": time(max(filter(None, times), default=None)),
    }


def task(outcome: Outcome, link: UrlResolver) -> Json:
    """A task's status; `result` has the same keys from its first day to its last."""
    row = outcome.task
    status = _TASKS.get(row.status, PENDING)
    reason = row.error or row.message or "任务失败"
    return {
        "task_id": row.id,
        "status": status,
        "result": _result(outcome, link),
        "err_msg": without_paths(reason) if status == FAILED else None,
    }


def _result(outcome: Outcome, link: UrlResolver) -> Json:
    row = outcome.task
    if row.type == TaskType.STORYBOARD:
        return {"shots": shots(outcome.storyboard, link) if outcome.storyboard else []}
    url = _url(row, link)
    if row.type == TaskType.IMAGE:
        return {"image_url": url}
    name = "audio_url" if row.type == TaskType.NARRATION else "video_url"
    return {name: url, "duration": outcome.seconds}


def _url(row: TaskRow, link: UrlResolver) -> str | None:
    stored: Any = (row.result or {}).get("resource_url")
    return link(str(stored)) or None if stored and row.status == TaskStatus.FINISHED else None
