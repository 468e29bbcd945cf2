"""Stored objects and their rows: every version has a name of its own, and none outlives its project.

Nothing here removes an object: it is put into the outbox (`models.outbox`) with the commit that takes its row, and `processor.removals`
goes through that. So nobody waits for storage, and nothing stays that was not to be had at the time.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from common.errors import StorageError, StorageUnavailable
from models import database_clock, outbox
from models.asset import Asset, AssetKind
from models.cast_member import CastMember
from models.db import retrying
from models.project import Project
from models.shot import Shot
from models.task import Task
from service.container import Services
from service.oss import keys, links

log = logging.getLogger(__name__)

RESERVE_TRIES = 20
UPLOAD_S, SLOWEST = 900, 128 << 10
"""An upload takes at most so long, and a second more for so many bytes; later it counts as lost."""


@dataclass(frozen=True)
class AssetOwner:
    """The owner of an asset. `title` and `order` are the shot's or project's at that time: they become the object's metadata."""

    project_id: str
    shot_id: str = ""
    task_id: str = ""
    title: str = ""
    order: int = 0


def reserve(
    services: Services, kind: AssetKind, owner: AssetOwner, extension: str, size: int, *, sha256: str = ""
) -> Asset:
    """A row and with it a name that no other upload has: `image-<n>.png`, `films/<n>.mp4`. It is committed once `stored_at` is set.

    Until then the outbox has it, too: what is never committed goes, though whoever uploads `size` bytes may die at it. With the file's
    `sha256` another attempt of the task may go on with it (`left_behind`).
    """
    now, within_ms = services.clock.now(), _patience_ms(size)
    for _ in range(RESERVE_TRIES):
        with services.database.read() as session:
            number = _free_number(services, session, kind, owner, extension)
        asset = Asset(
            object_key=_key(kind, owner, number, extension),
            project_id=owner.project_id,
            shot_id=owner.shot_id,
            task_id=owner.task_id,
            kind=kind,
            number=number,
            title=owner.title[:255],
            sha256=sha256,
            created_at=now,
        )
        try:
            with services.database.write() as session:
                session.add(asset)
                until_ms = database_clock.milliseconds(session) + within_ms
                outbox.announce(session, asset.object_key, asset.project_id, until_ms=until_ms)
            return asset
        except IntegrityError:  # another upload of the same shot took this number
            continue
    raise StorageError(f"无法为新文件取名（{kind.value}，尝试 {RESERVE_TRIES} 次）")


def _patience_ms(size: int) -> int:
    return (UPLOAD_S + size // SLOWEST) * 1000


def left_behind(services: Services, owner: AssetOwner, size: int, sha256: str) -> Asset | None:
    """What an earlier attempt of the task was uploading when its processor died, where that is this very file; else that is deleted.

    Should that processor be alive after all, it uploads the same bytes under the same name.
    """
    with services.database.read() as session:
        left = list(session.scalars(select(Asset).where(*_uncommitted(owner.project_id, owner.task_id))))
    found = next((asset for asset in left if asset.sha256 == sha256 and _goes_on(services, asset, size)), None)
    others = [asset.object_key for asset in left if asset is not found]
    if others:
        _give_up(services, others, owner.project_id)
    return found


@retrying
def _goes_on(services: Services, asset: Asset, size: int) -> bool:
    with services.database.write() as session:
        until_ms = database_clock.milliseconds(session) + _patience_ms(size)
        return outbox.prolong(session, asset.object_key, until_ms=until_ms)


def _uncommitted(project_id: str, task_id: str) -> tuple[ColumnElement[bool], ...]:
    return (Asset.project_id == project_id, Asset.task_id == task_id, Asset.stored_at.is_(None))


def _free_number(services: Services, session: Session, kind: AssetKind, owner: AssetOwner, extension: str) -> int:
    """One more than the last. What is still being removed keeps its name, or the removal would take the new one; and so does what the shot
    shows and has no row.
    """
    of_kind = (Asset.project_id == owner.project_id, Asset.shot_id == owner.shot_id, Asset.kind == kind)
    number = 1 + (session.scalar(select(func.max(Asset.number)).where(*of_kind)) or 0)
    shown = session.get(Shot, owner.shot_id) if owner.shot_id else None
    names = [shown.image_path, shown.audio_path, shown.video_path] if shown is not None else []
    taken = {keys.stem(key) for key in (*outbox.keys_of(session, owner.project_id), *_keys(services, names))}
    while keys.stem(_key(kind, owner, number, extension)) in taken:
        number += 1
    return number


def store_file(
    services: Services, asset: Asset, path: Path, owner: AssetOwner, *, hurry: bool = False, resume: bool = False
) -> Asset:
    """Upload a file under its reserved name; the row learns its size and hash when the caller's commit marks it stored.

    `hurry`, `resume`: see `ObjectStore.put_file`.
    """
    metadata = {
        "project": owner.project_id,
        "shot": owner.shot_id,
        "task": owner.task_id,
        "order": str(owner.order or ""),
        "title": owner.title,
    }
    info = services.store.put_file(
        asset.object_key,
        path,
        metadata={name: value for name, value in metadata.items() if value},
        hurry=hurry,
        resume=resume,
    )
    asset.sha256, asset.size, asset.content_type = info.sha256, info.size, info.content_type
    return asset


def mark_stored(session: Session, asset: Asset, *, now: datetime) -> None:
    """Mark the asset as committed, in the commit that makes it visible to clients.

    Raises `StorageUnavailable` when its upload took so long that it is being removed.
    """
    if not outbox.keep(session, asset.object_key):
        raise StorageUnavailable("素材上传超时")
    asset.stored_at = now
    session.merge(asset)


@retrying
def discard(services: Services, asset: Asset) -> bool:
    """Discard an asset that was not committed: its row now, its object and what belongs to it soon. Returns whether it did.

    A committed asset stays: a process that lost the database during the commit cannot know whether it went through.
    """
    with services.database.write() as session:
        row = session.get(Asset, asset.object_key, with_for_update=True)  # waits for a commit that is under way
        if row is not None and row.stored_at is not None:
            return False
        if row is not None:
            session.delete(row)
        outbox.give_up(session, [asset.object_key], asset.project_id)
    return True


def delete_orphans(services: Services, task: Task) -> None:
    """Delete what an earlier attempt at the task uploaded without committing it: its processor died. What it may go on with stays.

    The names stay reserved: should that processor be alive after all and complete its upload, it overwrites nothing.
    """
    of_task = (*_uncommitted(task.project_id, task.id), Asset.sha256 == "")
    with services.database.read() as session:
        left = list(session.scalars(select(Asset.object_key).where(*of_task)))
    if left:
        log.info("task %s: deleting orphans of an earlier attempt: %s", task.id, ", ".join(left))
        _give_up(services, left, task.project_id)


@retrying
def _give_up(services: Services, left: list[str], project_id: str) -> None:
    with services.database.write() as session:
        outbox.give_up(session, left, project_id)


def remove_project(services: Services, session: Session, project: Project, shots: Iterable[Shot]) -> None:
    """Remove every object that the project's rows name, and its asset rows, with the caller's commit."""
    named = [project.cover_image, project.video_url]
    for shot in shots:
        named += [shot.image_path, shot.audio_path, shot.video_path]
    _forget(services, session, project.id, named, Asset.project_id == project.id)


def remove_shot(services: Services, session: Session, shot: Shot) -> None:
    """Remove every object that the shot's rows name, and its asset rows, with the caller's commit."""
    named = [shot.image_path, shot.audio_path, shot.video_path]
    _forget(services, session, shot.project_id, named, Asset.project_id == shot.project_id, Asset.shot_id == shot.id)


def remove_reference(services: Services, session: Session, member: CastMember, *, but: str = "") -> None:
    """Remove the picture of a cast member, with the caller's commit; not the object `but`."""
    of_member = (Asset.kind == AssetKind.CAST, Asset.shot_id == member.public_id, Asset.object_key != but)
    _forget(services, session, member.project_id, [member.reference], Asset.project_id == member.project_id, *of_member)


def _forget(
    services: Services, session: Session, project_id: str, named: list[str | None], *of_owner: ColumnElement[bool]
) -> None:
    owned = set(session.scalars(select(Asset.object_key).where(*of_owner)))
    if owned:  # an upload that fails at the same time may have taken its row away before
        session.execute(delete(Asset).where(Asset.project_id == project_id, Asset.object_key.in_(owned)))
    outbox.remove(session, owned | _keys(services, named), project_id)


def _keys(services: Services, named: Iterable[str | None]) -> set[str]:
    """Those of the names that are in our storage."""
    bucket = services.settings.minio.bucket
    return {key for name in named if name and (key := links.key_of(name, bucket)) is not None}


def _key(kind: AssetKind, owner: AssetOwner, number: int, extension: str) -> str:
    if kind is AssetKind.FILM:
        return keys.film_key(owner.project_id, number, extension)
    if kind is AssetKind.CAST:
        return keys.cast_key(owner.project_id, owner.shot_id, number, extension)
    if kind is AssetKind.MUSIC:
        return keys.music_key(number, extension)
    name = {AssetKind.IMAGE: keys.image_key, AssetKind.NARRATION: keys.narration_key, AssetKind.CLIP: keys.clip_key}[
        kind
    ]
    return name(owner.project_id, owner.shot_id, number, extension)
