"""Who speaks a shot: the one of its cast who has a voice, else the project's voice. What changes with the cast is spoken anew."""

from __future__ import annotations

from collections.abc import Mapping

from models import cast_member, queries
from models.asset import Asset
from models.shot import Shot
from models.task import Task
from service import project_options, shots
from service.assets.shot_versions import SOURCE, UPLOADED
from service.container import Services
from service.oss import links
from service.schemas import NarrationRequest
from service.workflow import completion, narration_group
from service.workflow.project_status import refresh_project
from service.workflow.unit_of_work import ProjectUnit

CANCELLED = "角色的声音已修改，旧任务取消"


def of_shots(unit: ProjectUnit) -> Mapping[str, str]:
    """The voice of each of the project's shots, by its id, where nobody asks for another."""
    project_id = unit.project.id if unit.project is not None else ""
    there = cast_member.members(unit.session, project_id)
    return {
        shot.id: project_options.narration(unit.project, NarrationRequest(), cast_member.voice_in(there, shot)).voice
        for shot in queries.shots(unit.session, project_id)
    }


def follow(services: Services, unit: ProjectUnit, before: Mapping[str, str]) -> None:
    """The cast has changed: put aside the narrations of shots that have another voice now, and replace those in the making.

    What somebody uploaded, or asked for in a voice by its name, stays.
    """
    unit.session.flush()
    if unit.project is None:
        return
    now = of_shots(unit)
    changed = [shot for shot in queries.shots(unit.session, unit.project.id) if now[shot.id] != before.get(shot.id)]
    for shot in changed:
        if _is_spoken_otherwise(services, unit, shot):
            old = shots.drop_narration(services, unit, shot)
            shot.updated_at = unit.now
        else:
            old, speaking = narration_group.replace_stale_narrations(unit.session, shot, now=unit.now)
            unit.ready += speaking
        completion.cancel(unit, old, reason=CANCELLED)
    if changed:
        refresh_project(unit.session, unit.project, now=unit.now)


def _is_spoken_otherwise(services: Services, unit: ProjectUnit, shot: Shot) -> bool:
    """Whether the narration that the shot has was generated in another voice than it would be now."""
    key = links.key_of(shot.audio_path, services.settings.minio.bucket) if shot.audio_path else None
    if key is None:
        return False
    asset = unit.session.get(Asset, key)
    if asset is None:  # the Go backend's, which knew no cast
        return True
    task = unit.session.get(Task, asset.task_id) if asset.task_id else None
    is_generated = (asset.details or {}).get(SOURCE) != UPLOADED
    return is_generated and task is not None and narration_group.is_stale(unit.session, shot, task)
