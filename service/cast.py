"""Use cases of a project's cast: read it, add to it, change it, give somebody a picture, paint anew the shots in which somebody appears."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

from sqlalchemy.orm import Session

from common.errors import BadNodeResult, Conflict, InvalidInput, NotFound, TooLarge
from models import cast_member, queries
from models.asset import Asset, AssetKind
from models.cast_member import CastMember
from models.db import retrying
from models.project import Project
from models.shot import Shot, ShotStatus
from models.task import Task, TaskStatus, TaskType
from service import cast_voices, intake
from service import shots as shots_
from service.access import quotas
from service.assets import versions
from service.assets.media_type import Kind, sniff
from service.container import Services
from service.fields import MAX_PROMPT
from service.film.errors import UnusableMedia
from service.schemas import CastChanges, NewCastMember
from service.workflow import completion, once
from service.workflow.project_status import refresh_project
from service.workflow.unit_of_work import ProjectUnit, project_unit

MOST = 100  # members of a project
MAX_REFERENCE = 8 << 20  # bytes
CANCELLED = "角色的镜头正在重新绘制，旧任务取消"


def of_project(services: Services, project_id: str) -> Sequence[CastMember]:
    """Who appears in the project's story, in order; raises `NotFound`."""
    with services.database.read() as session:
        _found_project(queries.project(session, project_id))
        return cast_member.members(session, project_id)


def _as_added(services: Services, kept: Any) -> CastMember:
    with services.database.read() as session:
        return _found(session, kept["project"], kept["member"])


@once.once(_as_added)
@retrying
def add(services: Services, project_id: str, new: NewCastMember) -> CastMember:
    """Somebody more, at the end; raises `NotFound`, or `Conflict` when there are too many."""
    with project_unit(services, project_id) as unit:
        _found_project(unit.project)
        there = cast_member.members(unit.session, project_id)
        if len(there) >= MOST:
            raise Conflict(f"一个项目最多 {MOST} 个角色")
        before = cast_voices.of_shots(unit)
        position = 1 + max((member.position for member in there), default=0)
        member = CastMember(project_id=project_id, position=position, name=new.name, updated_at=unit.now)
        member.look_zh = member.look_en = new.look
        member.voice = new.voice
        unit.session.add(member)
        cast_voices.follow(services, unit, before)
        once.made(unit.session, {"project": project_id, "member": member.public_id})
    return member


@retrying
def change(services: Services, project_id: str, member_id: str, changes: CastChanges) -> CastMember:
    """Change what is given. Another look takes the old one's place in the prompts of shots; nothing is painted. Raises `NotFound`.

    Where that lets another voice speak a shot, its narration is put aside: the next film asks for one.
    """
    with project_unit(services, project_id) as unit:
        _found_project(unit.project)
        member = _found(unit.session, project_id, member_id)
        before, given = cast_voices.of_shots(unit), changes.model_fields_set
        if "name" in given and changes.name:
            member.name = changes.name
        if "voice" in given:
            member.voice = changes.voice or ""
        if "look" in given:
            _look_otherwise(unit, member, changes.look or "")
        member.updated_at = unit.now
        cast_voices.follow(services, unit, before)
    return member


def _look_otherwise(unit: ProjectUnit, member: CastMember, look: str) -> None:
    before = member.painted_look
    member.look_zh = member.look_en = look
    for shot in queries.shots(unit.session, member.project_id) if before and before != look else ():
        prompt = re.sub(re.escape(before), lambda _: look, shot.prompt or "", flags=re.IGNORECASE)[:MAX_PROMPT]
        if prompt != (shot.prompt or ""):
            shot.prompt, shot.updated_at = prompt, unit.now


@retrying
def remove(services: Services, project_id: str, member_id: str) -> None:
    """Take somebody out of the cast, with their picture; of shots only the narrations in their voice are put aside. Raises `NotFound`."""
    with project_unit(services, project_id) as unit:
        _found_project(unit.project)
        member = _found(unit.session, project_id, member_id)
        before = cast_voices.of_shots(unit)
        versions.remove_reference(services, unit.session, member)
        unit.session.delete(member)
        cast_voices.follow(services, unit, before)


def set_reference(services: Services, project_id: str, member_id: str, stream: BinaryIO) -> CastMember:
    """Keep a picture by which somebody is painted, in place of the one before it.

    Raises `NotFound`, `TooLarge` over `MAX_REFERENCE` bytes, `InvalidInput` when it is no picture that can be used.
    """
    with services.database.read() as session:
        _found_project(queries.project(session, project_id))
        member = _found(session, project_id, member_id)
    owner = versions.AssetOwner(project_id, member.public_id, title=member.name)
    with tempfile.TemporaryDirectory(prefix="s2v-") as folder:
        path = Path(folder) / "reference"
        intake.receive(stream, path, MAX_REFERENCE, too_large)
        extension = _looked_at(path)
        intake.check_room(services)
        asset = versions.reserve(services, AssetKind.CAST, owner, extension, path.stat().st_size)
        try:
            versions.store_file(services, asset, path, owner, hurry=True)  # its client waits
            return _publish(services, project_id, member_id, asset)
        except BaseException:
            versions.discard(services, asset)
            raise


def too_large() -> TooLarge:
    """The refusal of an upload over `MAX_REFERENCE` bytes."""
    return TooLarge(f"参考图不能超过 {MAX_REFERENCE >> 20} MiB")


def _looked_at(path: Path) -> str:
    """The extension that the picture deserves; raises `InvalidInput`."""
    try:
        extension = sniff(path, Kind.IMAGE).extension
        intake.check_picture(path)
    except (BadNodeResult, UnusableMedia) as error:
        raise InvalidInput("file", f"file 不是可用的图片（支持 png、jpg、webp）：{error}") from error
    return extension


@retrying
def _publish(services: Services, project_id: str, member_id: str, asset: Asset) -> CastMember:
    with project_unit(services, project_id) as unit:
        _found_project(unit.project)
        member = _found(unit.session, project_id, member_id)
        versions.remove_reference(services, unit.session, member, but=asset.object_key)
        versions.mark_stored(unit.session, asset, now=unit.now)
        member.reference, member.updated_at = asset.object_key, unit.now
        unit.session.flush()
    return member


def _as_repainted(services: Services, kept: Any) -> list[Task]:
    with services.database.read() as session:
        found = [queries.task(session, task_id) for task_id in kept]
    return [task for task in found if task is not None]


@once.once(_as_repainted)
@retrying
def repaint(services: Services, project_id: str, member_id: str) -> list[Task]:
    """Paint anew the shots in which somebody appears, with their look in the prompt; what makes the old images is cancelled.

    Returns the tasks; raises `NotFound`.
    """
    with project_unit(services, project_id) as unit:
        session, project = unit.session, _found_project(unit.project)
        member = _found(session, project_id, member_id)
        shots = [shot for shot in queries.shots(session, project_id) if member.appears_in(shot)]
        quotas.take(services, session, tasks=len(shots))
        old = _painting(session, project_id, {shot.id for shot in shots})
        tasks = [_painted(unit, project, shot, member) for shot in shots]
        session.add_all(
            tasks
        )  # before the old ones are cancelled, so that a film which waits for these shots waits for these tasks
        session.flush()
        unit.ready += [task.id for task in tasks]
        completion.cancel(unit, old, reason=CANCELLED)
        for shot in shots:
            shot.status = ShotStatus.PROCESSING
        refresh_project(session, project, now=unit.now)
        once.made(session, [task.id for task in tasks])
    return tasks


def _painting(session: Session, project_id: str, shot_ids: set[str]) -> list[Task]:
    """Open tasks that show the shots' old images: images, and clips that have not waited for one."""
    return [
        task
        for task in queries.open_tasks(session, project_id)
        if task.target_shot_id in shot_ids
        and (task.type == TaskType.IMAGE or (task.type == TaskType.FILM and task.status != TaskStatus.BLOCKED))
    ]


def _painted(unit: ProjectUnit, project: Project, shot: Shot, member: CastMember) -> Task:
    look = member.painted_look
    if look and look.casefold() not in (shot.prompt or "").casefold():
        shot.prompt = f"{shot.prompt}, {look}"[:MAX_PROMPT] if shot.prompt else look
    shot.updated_at = unit.now
    return shots_.new_image(shot, project, now=unit.now)


def _found_project(project: Project | None) -> Project:
    if project is None:
        raise NotFound("项目不存在")
    return project


def _found(session: Session, project_id: str, member_id: str) -> CastMember:
    for member in cast_member.members(session, project_id):
        if member.public_id == member_id:
            return member
    raise NotFound("角色不存在")
