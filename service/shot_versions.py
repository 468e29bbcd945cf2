"""Use cases of a shot's versions: list them, show an earlier one again, upload one's own."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any, BinaryIO

from sqlalchemy.orm import Session

from common.errors import BadNodeResult, InvalidInput, NotFound, TooLarge
from models import cast_member, queries
from models.asset import Asset, AssetKind
from models.db import retrying
from models.shot import Shot
from models.task import Task, TaskStatus, TaskType
from service import intake
from service.assets import shot_versions, versions
from service.assets.media_type import Kind, sniff
from service.assets.shot_versions import DURATION, HEIGHT, SOURCE, UPLOADED, WIDTH, Version
from service.container import Services
from service.film.decoder import visiting_decoder
from service.film.errors import UnusableMedia
from service.workflow import completion, once
from service.workflow.project_status import refresh_project
from service.workflow.unit_of_work import ProjectUnit, project_unit

REPLACED = "素材已被替换，旧任务取消"
_NAMES = {
    AssetKind.IMAGE: (Kind.IMAGE, "可用的图片（支持 png、jpg、webp）"),
    AssetKind.NARRATION: (Kind.AUDIO, "可播放的音频（支持 mp3、wav、m4a、ogg、flac、aac、webm）"),
    AssetKind.CLIP: (Kind.VIDEO, "可用的视频片段（支持 mp4、webm）"),
}


def of_shot(services: Services, project_id: str, shot_id: str, kind: AssetKind) -> list[Version]:
    """The shot's versions of this kind, newest first; raises `NotFound`."""
    with services.database.read() as session:
        return shot_versions.listed(services, session, _found(session, project_id, shot_id), kind)


@retrying
def restore(services: Services, project_id: str, shot_id: str, kind: AssetKind, number: int) -> Shot:
    """Show an earlier version again; raises `NotFound`. What is in the making in its place is cancelled, as by an edit."""
    with project_unit(services, project_id) as unit:
        shot = _found(unit.session, project_id, shot_id)
        asset = shot_versions.find(services, unit.session, shot, kind, number)
        if asset is not None:
            shot_versions.adopt(services, unit.session, shot, (kind, AssetKind.CLIP), now=unit.now)
            seconds = float((asset.details or {}).get(DURATION) or 0)
            shot_versions.show(shot, kind, asset.object_key, seconds)
            shot.updated_at = unit.now
        _replaced(unit, shot, kind)
        cast_member.meet(unit.session, project_id, [shot])
    return shot


def _as_uploaded(services: Services, kept: dict[str, Any]) -> tuple[Shot, Version]:
    with services.database.read() as session:
        shot = _found(session, kept["project"], kept["shot"])
        cast_member.meet(session, shot.project_id, [shot])
        listed = shot_versions.listed(services, session, shot, AssetKind(kept["kind"]))
    for version in listed:
        if version.number == kept["number"]:
            return shot, version
    raise NotFound("没有这个版本")


@once.once(_as_uploaded)
def upload(
    services: Services, project_id: str, shot_id: str, kind: AssetKind, stream: BinaryIO
) -> tuple[Shot, Version]:
    """Make a file of one's own the shot's newest version, and show it. What is in the making in its place is cancelled.

    Raises `NotFound`, `TooLarge` over `film.max_upload` bytes, `InvalidInput` for what no film can be made with.
    """
    with services.database.read() as session:
        shot = _found(session, project_id, shot_id)
    owner = versions.AssetOwner(project_id, shot.id, "", shot.title, shot.order)
    with tempfile.TemporaryDirectory(prefix="s2v-") as folder:
        path = Path(folder) / "upload"
        limit = services.settings.film.max_upload
        intake.receive(stream, path, limit, lambda: too_large(limit))
        extension, details = _looked_at(path, kind)
        intake.check_room(services)
        asset = versions.reserve(services, kind, owner, extension, path.stat().st_size)
        asset.details = {SOURCE: UPLOADED, **details}
        try:
            versions.store_file(services, asset, path, owner, hurry=True)  # its client waits
            kept = _publish(services, shot, asset)
        except BaseException:
            versions.discard(services, asset)
            raise
    return _as_uploaded(services, kept)


@retrying
def _publish(services: Services, known: Shot, asset: Asset) -> dict[str, Any]:
    kind = AssetKind(asset.kind)
    with project_unit(services, known.project_id) as unit:
        shot = _found(unit.session, known.project_id, known.id)
        shot_versions.publish(services, unit.session, shot, asset, now=unit.now)
        _replaced(unit, shot, kind)
        kept = {"project": shot.project_id, "shot": shot.id, "kind": kind.value, "number": asset.number}
        once.made(unit.session, kept)
    return kept


def _replaced(unit: ProjectUnit, shot: Shot, kind: AssetKind) -> None:
    """Cancel what would take the place of what is shown now."""
    unit.session.flush()
    tasks = queries.open_tasks(unit.session, shot.project_id)
    completion.cancel(
        unit, [task for task in tasks if task.target_shot_id == shot.id and _replaces(task, kind)], reason=REPLACED
    )
    if unit.project is not None:
        refresh_project(unit.session, unit.project, now=unit.now)


def _replaces(task: Task, kind: AssetKind) -> bool:
    """Whether a task makes the same, or a clip of the image that was there; a clip that waits for an image is of the one to come."""
    if task.type == TaskType.FILM:
        return kind is AssetKind.CLIP or (kind is AssetKind.IMAGE and task.status != TaskStatus.BLOCKED)
    return bool(task.type == {AssetKind.IMAGE: TaskType.IMAGE, AssetKind.NARRATION: TaskType.NARRATION}.get(kind))


def _looked_at(path: Path, kind: AssetKind) -> tuple[str, dict[str, Any]]:
    """The extension that a file deserves and what is known of it, after the checks of what comes in; raises `InvalidInput`."""
    bytes_of, name = _NAMES[kind]
    try:
        extension = sniff(path, bytes_of).extension
        if kind is AssetKind.IMAGE:
            return extension, _looked_at_image(path)
        with visiting_decoder() as decoder:
            seconds = decoder.check_clip(path) if kind is AssetKind.CLIP else decoder.look_at_sound(path)[0]
            return extension, {DURATION: round(seconds, 2)}
    except (BadNodeResult, UnusableMedia) as error:
        raise InvalidInput("file", f"file 不是{name}：{error}") from error


def _looked_at_image(path: Path) -> dict[str, Any]:
    from service.film.frames.image_file import size_of  # noqa: PLC0415 - a server starts without NumPy

    intake.check_picture(path)
    width, height = size_of(path)
    return {WIDTH: width, HEIGHT: height}


def too_large(limit: int) -> TooLarge:
    """The refusal of an upload over `limit` bytes."""
    return TooLarge(f"file 不能超过 {limit / (1 << 20):.3g} MB", field="file")


def _found(session: Session, project_id: str, shot_id: str) -> Shot:
    shot = queries.shot(session, shot_id)
    if shot is None or shot.project_id != project_id:
        raise NotFound("分镜不存在")
    return shot
