"""The envelope that carries a task to a model node (contract: POST /v1/generate)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from models.task import Task, TaskType
from service.schemas import ModelWishes

REFERENCES = "reference_images"
"""In `shot`: pictures of those who are to be seen, as base64."""
GROUPS = ("shot_defaults", "shot", "video", "tts", "depends_on")
OUR_KEYS = {"shot_defaults": frozenset({"telling"}), "shot": frozenset({*ModelWishes.model_fields, REFERENCES})}
ZERO_TIME = "0001-01-01T00:00:00Z"


def build(task: Task, parameters: Mapping[str, Any] | None = None, *, foreign: bool) -> dict[str, Any]:
    """The envelope of a task; `parameters` are the task's own unless given. Of them only the groups that are set travel.

    A foreign node speaks what stands in `shot.prompt`, so a narration goes there too; and it gets none of the keys that are ours.
    """
    given = task.parameters or {} if parameters is None else parameters
    carried: dict[str, Any] = {name: given[name] for name in GROUPS if _is_set(given.get(name))}
    if foreign:
        for group, ours in OUR_KEYS.items():
            if group in carried:
                carried[group] = {key: value for key, value in carried[group].items() if key not in ours}
    text = (carried.get("tts") or {}).get("text")
    if foreign and task.type == TaskType.NARRATION and text:
        carried["shot"] = {**(carried.get("shot") or {}), "prompt": text}
    return {
        "id": task.id,
        "project_id": task.project_id,
        "shot_id": task.target_shot_id,
        "type": task.type,
        "status": task.status,
        "progress": task.progress or 0,
        "message": task.message or "",
        "parameters": carried,
        "result": {},
        "error": "",
        "estimated_duration": task.estimated_duration or 0,
        "started_at": _time(task.started_at),
        "finished_at": ZERO_TIME,
        "created_at": _time(task.created_at),
        "updated_at": _time(task.updated_at),
    }


def _is_set(group: object) -> bool:
    """A group of nothing but empty values says nothing: a storyboard's task carries all of them."""
    return any(group.values()) if isinstance(group, Mapping) else bool(group)


def _time(value: datetime | None) -> str:
    return value.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ") if value else ZERO_TIME
