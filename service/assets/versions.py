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
class Place:
    """Whose asset it is. `title` and `order` are the shot's or project's at that time: they become the object's metadata."""

    project_id: str
    shot_id: str = ""
    task_id: str = ""
    title: str = ""
    order: int = 0


def reserve(services: Services, kind: AssetKind, place: Place, extension: str) -> Asset:
    """A row and with it a name that no other upload has: `image-<n>.png`, `films/<n>.mp4`. It counts once `stored_at` is set."""
    now = services.clock.now()
    for _ in range(RESERVE_TRIES):
        with services.database.read() as session:
            of_kind = (Asset.project_id == place.project_id, Asset.shot_id == place.shot_id, Asset.kind == kind)
            number = 1 + (session.scalar(select(func.max(Asset.number)).where(*of_kind)) or 0)
        asset = Asset(
            object_key=_key(kind, place, number, extension),
            project_id=place.project_id,
            shot_id=place.shot_id,
            task_id=place.task_id,
            kind=kind,
            number=number,
            title=place.title[:255],
            created_at=now,
        )
        try:
            with services.database.write() as session:
                session.add(asset)
            return asset
        except IntegrityError:  # another upload of the same shot took this number
            continue
    raise StorageError(f"无法为新文件取名（{kind.value}，尝试 {RESERVE_TRIES} 次）")


def store_file(services: Services, asset: Asset, path: Path, place: Place) -> Asset:
    """Upload a file under its reserved name; the row learns its size and hash when the caller's commit marks it stored."""
    metadata = {
        "project": place.project_id,
        "shot": place.shot_id,
        "task": place.task_id,
        "order": str(place.order or ""),
        "title": place.title,
    }
    info = services.store.put_file(
        asset.object_key, path, metadata={name: value for name, value in metadata.items() if value}
    )
    asset.sha256, asset.size, asset.content_type = info.sha256, info.size, info.content_type
    return asset


def mark_stored(session: Session, asset: Asset, *, now: datetime) -> None:
    """Make the asset count, in the commit that makes it visible to clients."""
    asset.stored_at = now
    session.merge(asset)


def discard(services: Services, asset: Asset, companions: Iterable[str] = ()) -> bool:
    """Take back an asset that does not count: its row, its object and what was stored beside it. Returns whether it did.

    One that counts after all stays: whoever lost the database while it committed cannot know whether the commit went through.
    """
    with services.database.write() as session:
        row = session.get(Asset, asset.object_key, with_for_update=True)  # waits for a commit that is under way
        if row is not None and row.stored_at is not None:
            return False
    remove(services, [asset.object_key, *companions])
    with services.database.write() as session:  # only now may another upload take the name
        session.execute(delete(Asset).where(Asset.object_key == asset.object_key))
    return True


def discard_leftovers(services: Services, task: Task) -> None:
    """Remove what an earlier attempt at the task uploaded and never made count: its processor died.

    The names stay taken. Should the processor be alive after all, and its upload end only now, it meets nobody else's.
    """
    of_task = (Asset.project_id == task.project_id, Asset.task_id == task.id, Asset.stored_at.is_(None))
    with services.database.read() as session:
        left = list(session.scalars(select(Asset).where(*of_task)))
    for asset in left:
        log.info("task %s: %s was left behind by an attempt that broke off", task.id, asset.object_key)
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
    """Remove objects whose rows are gone. Storage that does not answer now is logged: nothing else names these objects."""
    for name in stored:
        key = links.key_of(name, services.settings.minio.bucket)
        if key is None:
            continue
        try:
            services.store.remove(key)
        except (StorageError, DependencyError) as error:
            log.warning("object %s stays behind: %s", key, error)


def _key(kind: AssetKind, place: Place, number: int, extension: str) -> str:
    if kind is AssetKind.FILM:
        return keys.film_key(place.project_id, number, extension)
    if kind is AssetKind.MUSIC:
        return keys.music_key(number, extension)
    name = {AssetKind.IMAGE: keys.image_key, AssetKind.AUDIO: keys.audio_key, AssetKind.CLIP: keys.clip_key}[kind]
    return name(place.project_id, place.shot_id, number, extension)
