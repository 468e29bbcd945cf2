"""The versions of a shot's image, narration and clip: every one that was made or uploaded stays, and one of them is shown.

A version is a committed row of `models.asset`; which one is current the shot's own columns say. What it was made with stands in its details
or, as of rows from before, in the parameters of the task that made it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from common.errors import NotFound
from models import outbox, queries
from models.asset import Asset, AssetKind
from models.shot import Shot, ShotStatus
from models.task import Task, TaskStatus, TaskType
from service.assets import versions
from service.container import Services
from service.oss import links

COLUMNS = {AssetKind.IMAGE: "image_path", AssetKind.NARRATION: "audio_path", AssetKind.CLIP: "video_path"}
KINDS = {"images": AssetKind.IMAGE, "narrations": AssetKind.NARRATION, "clips": AssetKind.CLIP}
"""By the word in an address."""

DURATION, WIDTH, HEIGHT, SOURCE = "duration", "width", "height", "source"
"""Of a version's details: seconds, pixels, and UPLOADED where nobody generated it."""
UPLOADED, GENERATED = "upload", "generated"


@dataclass(frozen=True)
class Version:
    """`words` are the prompt of an image or a clip, the text of a narration; "" and None where nothing is known.

    `stored` is a key, or what an older backend left; `duration` is in seconds.
    """

    kind: AssetKind
    number: int
    stored: str
    is_current: bool
    created_at: datetime | None
    words: str = ""
    seed: int | None = None
    provider: str = ""
    source: str = GENERATED
    duration: float | None = None
    width: int | None = None
    height: int | None = None


def show(shot: Shot, kind: AssetKind, key: str, seconds: float = 0.0) -> None:
    """Let the shot have this version; a narration is so many seconds long."""
    setattr(shot, COLUMNS[kind], key)
    if kind is AssetKind.IMAGE:
        shot.status = ShotStatus.COMPLETED
        shot.video_path = ""  # a clip of the image before: the next film must show the new one
    elif kind is AssetKind.NARRATION:
        shot.duration = math.ceil(seconds)


def publish(services: Services, session: Session, shot: Shot, asset: Asset, *, now: datetime) -> None:
    """Commit what was stored as the shot's newest version, and show it. Raises as `versions.mark_stored` does."""
    kind = AssetKind(asset.kind)
    versions.mark_stored(session, asset, now=now)
    adopt(services, session, shot, (kind, AssetKind.CLIP), now=now)
    show(shot, kind, asset.object_key, float((asset.details or {}).get(DURATION) or 0))
    shot.updated_at = now
    _prune(services, session, shot, kind)


def adopt(services: Services, session: Session, shot: Shot, kinds: Iterable[AssetKind], *, now: datetime) -> None:
    """Give what the shot shows a row where it has none, as what the Go backend made: before it is replaced it becomes a version."""
    session.flush()
    for kind in dict.fromkeys(kinds):
        key = _current_key(services, shot, kind)
        if key is None or session.get(Asset, key) is not None:
            continue
        details = {DURATION: shot.duration} if kind is AssetKind.NARRATION and shot.duration else {}
        row = Asset(
            object_key=key,
            project_id=shot.project_id,
            shot_id=shot.id,
            kind=kind,
            number=_number_before(session, shot, kind),
            title=shot.title,
            details=details,
            created_at=shot.updated_at or now,
            stored_at=now,
        )
        session.add(row)
        session.flush()


def listed(services: Services, session: Session, shot: Shot, kind: AssetKind) -> list[Version]:
    """The versions that can be had, newest first."""
    rows = _rows(session, shot, kind)
    current = _current_key(services, shot, kind)
    tasks = _parameters(session, [row.task_id for row in rows])
    found = [_version(row, tasks.get(row.task_id, {}), is_current=row.object_key == current) for row in rows]
    stored = str(getattr(shot, COLUMNS[kind]) or "")
    if stored and not any(version.is_current for version in found):
        number = _number_before(session, shot, kind)
        seconds = float(shot.duration) if kind is AssetKind.NARRATION and shot.duration else None
        found.append(Version(kind, number, stored, is_current=True, created_at=shot.updated_at, duration=seconds))
    return found


def find(services: Services, session: Session, shot: Shot, kind: AssetKind, number: int) -> Asset | None:
    """The committed row of this version; None where what an older backend made is shown already. Raises `NotFound`."""
    for row in _rows(session, shot, kind):
        if row.number == number:
            return row
    if any(version.number == number for version in listed(services, session, shot, kind)):
        return None
    raise NotFound("没有这个版本")


def move(session: Session, shot: Shot, to: Shot) -> list[tuple[str, int]]:
    """Let another shot have the versions of this one, none of which it shows, behind its own. Returns their keys and old numbers."""
    moved: list[tuple[str, int]] = []
    for kind in COLUMNS:
        last = session.scalar(select(func.max(Asset.number)).where(*_of_kind(to, kind))) or 0
        for row in session.scalars(select(Asset).where(*_of_kind(shot, kind)).order_by(Asset.number)).all():
            last += 1
            moved.append((row.object_key, row.number))
            row.shot_id, row.number = to.id, last
            session.flush()
    return moved


def is_kept(services: Services, session: Session, shot: Shot, kind: AssetKind) -> bool:
    """Whether what the shot shows of this kind is not removed; what lies elsewhere is not ours to know."""
    key = _current_key(services, shot, kind)
    return key is None or session.get(Asset, key) is not None


def _prune(services: Services, session: Session, shot: Shot, kind: AssetKind) -> None:
    """Remove what is over `keep.versions`, with the caller's commit; not while a film is made, which may be reading it."""
    kept = services.settings.keep.versions
    if not kept or queries.open_tasks(session, shot.project_id, type_=TaskType.FILM, status=(TaskStatus.PROCESSING,)):
        return
    session.flush()
    current = _current_key(services, shot, kind)
    surplus = [row for row in _rows(session, shot, kind)[kept:] if row.object_key != current]
    for row in surplus:
        session.delete(row)
    outbox.remove(session, [row.object_key for row in surplus], shot.project_id)


def _of_kind(shot: Shot, kind: AssetKind) -> tuple[Any, ...]:
    return Asset.project_id == shot.project_id, Asset.kind == kind, Asset.shot_id == shot.id


def _rows(session: Session, shot: Shot, kind: AssetKind) -> Sequence[Asset]:
    committed = select(Asset).where(*_of_kind(shot, kind), Asset.stored_at.is_not(None))
    return session.scalars(committed.order_by(Asset.number.desc())).all()


def _current_key(services: Services, shot: Shot, kind: AssetKind) -> str | None:
    stored = getattr(shot, COLUMNS[kind])
    return links.key_of(stored, services.settings.minio.bucket) if stored else None


def _number_before(session: Session, shot: Shot, kind: AssetKind) -> int:
    """For what is older than all that has a number: 0 where something newer is there, and is known to be 1."""
    first = session.scalar(select(func.min(Asset.number)).where(*_of_kind(shot, kind)))
    return 1 if first is None else first - 1


def _parameters(session: Session, task_ids: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
    wanted = [task_id for task_id in task_ids if task_id]
    if not wanted:
        return {}
    rows = session.execute(select(Task.id, Task.parameters).where(Task.id.in_(wanted)))
    return {row.id: row.parameters or {} for row in rows}


def _version(row: Asset, parameters: Mapping[str, Any], *, is_current: bool) -> Version:
    details = row.details or {}
    made_by, asked = _object(details.get("made_by")), _object(parameters.get("shot"))
    words = _object(parameters.get("tts")).get("text") if row.kind == AssetKind.NARRATION else asked.get("prompt")
    seed = made_by.get("seed", asked.get("seed"))
    return Version(
        kind=AssetKind(row.kind),
        number=row.number,
        stored=row.object_key,
        is_current=is_current,
        created_at=row.created_at,
        words=str(words or made_by.get("prompt") or ""),
        seed=seed if isinstance(seed, int) else None,
        provider=str(made_by.get("provider") or ""),
        source=str(details.get(SOURCE) or GENERATED),
        duration=_number(details.get(DURATION)),
        width=_whole(details.get(WIDTH)),
        height=_whole(details.get(HEIGHT)),
    )


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) else None
