"""Stored objects and their rows: every version has a name of its own, and none outlives its project."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import delete, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from common.errors import DependencyError, StorageError
from models.asset import Asset, AssetKind
from models.project import Project
from models.shot import Shot
from models.task import Task
from service.container import Services
from service.oss import keys, links

log = logging.getLogger(__name__)

RESERVE_TRIES = 20


@dataclass(frozen=True)
class AssetOwner:
    """The owner of an asset. `title` and `order` are the shot's or project's at that time: they become the object's metadata."""

    project_id: str
    shot_id: str = ""
    task_id: str = ""
    title: str = ""
    order: int = 0


def reserve(services: Services, kind: AssetKind, owner: AssetOwner, extension: str) -> Asset:
    """A row and with it a name that no other upload has: `image-<n>.png`, `films/<n>.mp4`. It is committed once `stored_at` is set."""
    now = services.clock.now()
    for _ in range(RESERVE_TRIES):
        with services.database.read() as session:
            of_kind = (Asset.project_id == owner.project_id, Asset.shot_id == owner.shot_id, Asset.kind == kind)
            number = 1 + (session.scalar(select(func.max(Asset.number)).where(*of_kind)) or 0)
        asset = Asset(
            object_key=_key(kind, owner, number, extension),
            project_id=owner.project_id,
            shot_id=owner.shot_id,
            task_id=owner.task_id,
            kind=kind,
            number=number,
            title=owner.title[:255],
            created_at=now,
        )
        try:
            with services.database.write() as session:
                session.add(asset)
            return asset
        except IntegrityError:  # another upload of the same shot took this number
            continue
    raise StorageError(f"无法为新文件取名（{kind.value}，尝试 {RESERVE_TRIES} 次）")


def store_file(services: Services, asset: Asset, path: Path, owner: AssetOwner) -> Asset:
    """Upload a file under its reserved name; the row learns its size and hash when the caller's commit marks it stored."""
    metadata = {
        "project": owner.project_id,
        "shot": owner.shot_id,
        "task": owner.task_id,
        "order": str(owner.order or ""),
        "title": owner.title,
    }
    info = services.store.put_file(
        asset.object_key, path, metadata={name: value for name, value in metadata.items() if value}
    )
    asset.sha256, asset.size, asset.content_type = info.sha256, info.size, info.content_type
    return asset


def mark_stored(session: Session, asset: Asset, *, now: datetime) -> None:
    """Mark the asset as committed, in the commit that makes it visible to clients."""
    asset.stored_at = now
    session.merge(asset)


def discard(services: Services, asset: Asset, companions: Iterable[str] = ()) -> bool:
    """Delete an asset that was not committed: its row, its object and its companions. Returns whether it did.

    A committed asset stays: a process that lost the database during the commit cannot know whether it went through.
    """
    with services.database.write() as session:
        row = session.get(Asset, asset.object_key, with_for_update=True)  # waits for a commit that is under way
        if row is not None and row.stored_at is not None:
            return False
    remove(services, [asset.object_key, *companions])
    with services.database.write() as session:  # only now may another upload take the name
        session.execute(delete(Asset).where(Asset.object_key == asset.object_key))
    return True


def delete_orphans(services: Services, task: Task) -> None:
    """Delete what an earlier attempt at the task uploaded without committing it: its processor died.

    The names stay reserved: should that processor be alive after all and complete its upload, it overwrites nothing.
    """
    of_task = (Asset.project_id == task.project_id, Asset.task_id == task.id, Asset.stored_at.is_(None))
    with services.database.read() as session:
        left = list(session.scalars(select(Asset).where(*of_task)))
    for asset in left:
        log.info("task %s: deleting %s, an orphan of an earlier attempt", task.id, asset.object_key)
        stem = asset.object_key.rpartition(".")[0]
        remove(services, services.store.list(f"{stem}."))


def keys_of_project(session: Session, project: Project, shots: Iterable[Shot]) -> list[str]:
    """Every key that the project's rows name; its asset rows go with them."""
    named = [project.cover_image, project.video_url]
    for shot in shots:
        named += [shot.image_path, shot.audio_path, shot.video_path]
    rows = list(session.scalars(select(Asset).where(Asset.project_id == project.id)))
    return _forget(session, rows, named)


def keys_of_shot(session: Session, shot: Shot) -> list[str]:
    """Every key that the shot's rows name; its asset rows go with them."""
    rows = list(session.scalars(select(Asset).where(Asset.project_id == shot.project_id, Asset.shot_id == shot.id)))
    return _forget(session, rows, [shot.image_path, shot.audio_path, shot.video_path])


def _forget(session: Session, rows: list[Asset], named: list[str | None]) -> list[str]:
    found = {name for name in named if name}
    for row in rows:
        found.update([row.object_key, *(row.details or {}).get("companions", [])])
        session.delete(row)
    return sorted(found)


def remove(services: Services, stored: Iterable[str]) -> None:
    """Remove objects whose rows are gone. A failure is logged only: nothing else refers to these objects."""
    for name in stored:
        key = links.key_of(name, services.settings.minio.bucket)
        if key is None:
            continue
        try:
            services.store.remove(key)
        except (StorageError, DependencyError) as error:
            log.warning("cannot delete object %s: %s", key, error)


def _key(kind: AssetKind, owner: AssetOwner, number: int, extension: str) -> str:
    if kind is AssetKind.FILM:
        return keys.film_key(owner.project_id, number, extension)
    if kind is AssetKind.MUSIC:
        return keys.music_key(number, extension)
    name = {AssetKind.IMAGE: keys.image_key, AssetKind.NARRATION: keys.narration_key, AssetKind.CLIP: keys.clip_key}[
        kind
    ]
    return name(owner.project_id, owner.shot_id, number, extension)
