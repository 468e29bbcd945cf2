"""Use cases of a project's row of shots: insert, duplicate, split, merge, order, change several.

Each holds the project's lock, so that shots are numbered from 1 without a gap whoever else is at it. None of them paints or speaks: a shot
whose text has changed has no narration until it is asked for, or the next film asks for it. While a storyboard is in the making, which
replaces all shots, they are refused.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sqlalchemy.exc import IntegrityError

from common.errors import ClientError, Conflict, InvalidInput, NotFound
from models import cast_member, queries
from models.asset import Asset, AssetKind
from models.base import new_id
from models.db import retrying
from models.rows import ShotRow
from models.shot import Shot, ShotStatus
from models.task import TaskType
from service import preconditions, shots
from service.access import quotas
from service.assets import shot_versions, versions
from service.assets.fetch import fetch
from service.assets.shot_versions import COLUMNS
from service.container import Services
from service.fields import MAX_NARRATION
from service.film.spec import MAX_SHOTS
from service.oss import links
from service.preconditions import Known
from service.shot_requests import NewShot, ShotPatch
from service.workflow import completion, once
from service.workflow.project_status import refresh_project
from service.workflow.unit_of_work import ProjectUnit, project_unit

MERGED = "分镜已与前一个合并，任务取消"
TRIES = 5
WIDE = "\u2e80"  # from here on letters are written without blanks between words


@dataclass(frozen=True)
class Patch:
    """A change of one shot of several. `changes` is read when its turn comes, and may raise; `known` is what its client knew."""

    shot_id: str
    changes: Callable[[], ShotPatch]
    known: Known | None = None


@dataclass(frozen=True)
class Patched:
    """The shot as it is now, or why it is not."""

    shot_id: str
    shot: Shot | None = None
    error: ClientError | None = None


@once.once(once.as_kept)
@retrying
def insert(services: Services, project_id: str, new: NewShot, *, first: bool) -> str:
    """A shot with nothing but its words, behind `new.after`; at the end without that, or `first`. Returns its id.

    Raises `NotFound` for a project or a shot that is not there, `Conflict` as all edits do.
    """
    with project_unit(services, project_id) as unit:
        row = _editable(unit, project_id, more=1)
        shot = _new_shot(unit, project_id, new)
        at = 0 if first else _place(row, new.after) + 1 if new.after else len(row)
        _put(unit, [*row[:at], shot, *row[at:]])
        once.made(unit.session, shot.id)
    return shot.id


@once.once(once.as_kept)
@retrying
def split(services: Services, project_id: str, shot_id: str, at: int) -> str:
    """Part a shot's narration before its character `at` (from 0); the picture stays with the first. Returns the second part's id.

    Raises `NotFound`, or `InvalidInput` where one of the parts would have nothing to say.
    """
    with project_unit(services, project_id) as unit:
        row = _editable(unit, project_id, more=1)
        place = _place(row, shot_id)
        first, text = row[place], row[place].spoken
        said, left = text[:at].rstrip(), text[at:].lstrip()
        if not said or not left:
            raise InvalidInput("at", f"at 须在旁白之内，使前后两段都有文字：旁白共 {len(text)} 个字符，收到 {at}")
        second = _new_shot(
            unit,
            project_id,
            NewShot(title=first.title, prompt=first.prompt or "", narration=left, motion=_motion(first)),
        )
        _say(services, unit, first, said)
        _put(unit, [*row[: place + 1], second, *row[place + 1 :]])
        once.made(unit.session, second.id)
    return second.id


@once.once(once.as_kept)
def merge(services: Services, project_id: str, shot_id: str) -> str:
    """Make one of a shot and the next: its picture, both their texts. Returns its id.

    What was made for the next one stays among the versions of this one; what is in the making for it is cancelled. Raises `NotFound`,
    or `Conflict` for the last shot and for texts too long for one.
    """
    for left in reversed(range(TRIES)):
        try:
            return _merge(services, project_id, shot_id)
        except IntegrityError:  # an upload took a number among the versions meanwhile
            if not left:
                raise
    raise AssertionError


@retrying
def _merge(services: Services, project_id: str, shot_id: str) -> str:
    with project_unit(services, project_id) as unit:
        row = _editable(unit, project_id)
        place = _place(row, shot_id)
        if place + 1 == len(row):
            raise Conflict("这是最后一个分镜，没有可以合并的下一个")
        first, second = row[place : place + 2]
        text = _joined(first.spoken, second.spoken)
        if len(text) > min(MAX_NARRATION, services.settings.story.max_chars):
            raise Conflict(f"合并后的旁白有 {len(text)} 个字符，最多 {MAX_NARRATION} 个")
        old = shots.open_tasks(unit.session, second)
        shot_versions.adopt(services, unit.session, second, COLUMNS, now=unit.now)
        shot_versions.move(unit.session, second, first)
        unit.session.delete(second)
        _say(services, unit, first, text)
        _put(unit, [shot for shot in row if shot is not second])
        completion.cancel(unit, old, reason=MERGED)
        once.made(unit.session, first.id)
    return first.id


@retrying
def reorder(services: Services, project_id: str, order: Sequence[str]) -> list[Shot]:
    """Put the shots into this order; raises `NotFound`, or `Conflict` unless it names each of the project's once."""
    with project_unit(services, project_id) as unit:
        row = _editable(unit, project_id)
        by_id = {shot.id: shot for shot in row}
        if sorted(order) != sorted(by_id):
            raise Conflict(f"order 须恰好包含项目现有的 {len(row)} 个分镜，各一次；请重新读取后再试")
        ordered = [by_id[shot_id] for shot_id in order]
        _put(unit, ordered)
        cast_member.meet(unit.session, project_id, ordered)
    return ordered


@retrying
def patch(services: Services, project_id: str, patches: Sequence[Patch]) -> list[Patched]:
    """Change several shots, each as if it were alone; what is wrong with one keeps no other. Raises `NotFound` for the project."""
    with project_unit(services, project_id) as unit:
        if unit.project is None:
            raise NotFound("项目不存在")
        rows = {shot.id: shot for shot in queries.shots(unit.session, project_id)}
        done = [_patched(services, unit, rows.get(one.shot_id), one) for one in patches]
        if any(one.error is None for one in done):
            unit.session.flush()
            refresh_project(unit.session, unit.project, now=unit.now)
        cast_member.meet(unit.session, project_id, [one.shot for one in done if one.shot is not None])
    return done


def _patched(services: Services, unit: ProjectUnit, shot: Shot | None, wanted: Patch) -> Patched:
    try:
        changes = wanted.changes()
        if shot is None:
            raise NotFound("分镜不存在")
        preconditions.check(shot, wanted.known)
    except ClientError as error:
        return Patched(wanted.shot_id, error=error)
    for name, value in changes.model_dump(exclude_none=True, exclude={"narration"}).items():
        setattr(shot, name, value)
    shot.updated_at = unit.now
    if changes.narration is not None:
        _say(services, unit, shot, changes.narration)
    return Patched(wanted.shot_id, shot)


@once.once(once.as_kept)
def duplicate(services: Services, project_id: str, shot_id: str) -> str:
    """A copy of a shot behind it, with copies of what it shows and says. Returns its id.

    Raises `NotFound`, or `Conflict` when it was changed meanwhile.
    """
    shot = shots.get(services, project_id, shot_id)
    copies: list[Asset] = []
    try:
        with tempfile.TemporaryDirectory(prefix="s2v-") as folder:
            copies += _copies(services, shot, new_id(), Path(folder))
        return _duplicate(services, shot, copies)
    except BaseException:
        for asset in copies:
            versions.discard(services, asset)
        raise


@retrying
def _duplicate(services: Services, known: ShotRow, copies: Sequence[Asset]) -> str:
    with project_unit(services, known.project_id) as unit:
        row = _editable(unit, known.project_id, more=1)
        place = _place(row, known.id)
        shot = row[place]
        if any(getattr(shot, column) != getattr(known, column) for column in COLUMNS.values()):
            raise Conflict("分镜刚被修改，请重试")
        new = NewShot(
            title=shot.title,
            prompt=shot.prompt or "",
            narration=shot.spoken,
            transition=shot.transition or "",
            motion=_motion(shot),
        )
        twin = _new_shot(unit, known.project_id, new, copies[0].shot_id if copies else "")
        for asset in sorted(
            copies, key=lambda one: one.kind != AssetKind.IMAGE
        ):  # an image puts the clip before it aside
            versions.mark_stored(unit.session, asset, now=unit.now)
            shot_versions.show(twin, AssetKind(asset.kind), asset.object_key)
        twin.duration = shot.duration if twin.audio_path else 0
        _put(unit, [*row[: place + 1], twin, *row[place + 1 :]])
        once.made(unit.session, twin.id)
    return twin.id


def _copies(services: Services, shot: ShotRow, twin_id: str, folder: Path) -> list[Asset]:
    """What the shot shows, stored once more under the twin's name; without what is not there."""
    named = {kind: getattr(shot, column) for kind, column in COLUMNS.items()}
    with services.database.write() as session:
        quotas.take(services, session)
    files, _ = fetch(services, {kind.value: name for kind, name in named.items() if name}, folder, lambda: None)
    made: list[Asset] = []
    try:
        for kind, path in ((AssetKind(word), path) for word, path in files.items()):
            with services.database.read() as session:
                original = session.get(Asset, links.key_of(named[kind], services.settings.minio.bucket) or "")
            owner = versions.AssetOwner(
                shot.project_id, twin_id, original.task_id if original is not None else "", shot.title, shot.order
            )
            asset = versions.reserve(services, kind, owner, path.suffix.lstrip("."), path.stat().st_size)
            asset.details = original.details if original is not None else {}
            made.append(asset)
            versions.store_file(services, asset, path, owner, hurry=True)  # its client waits
    except BaseException:
        for asset in made:
            versions.discard(services, asset)
        raise
    return made


def _put(unit: ProjectUnit, row: Sequence[Shot]) -> None:
    """The project's shots are these, in this order."""
    unit.session.flush()
    shots.number(unit.session, row)
    if unit.project is not None:
        unit.project.updated_at = unit.now
        refresh_project(unit.session, unit.project, now=unit.now)


def _editable(unit: ProjectUnit, project_id: str, *, more: int = 0) -> list[Shot]:
    """The project's shots, which may become so many more; raises `NotFound` or `Conflict`."""
    if unit.project is None:
        raise NotFound("项目不存在")
    if queries.open_tasks(unit.session, project_id, type_=TaskType.STORYBOARD):
        raise Conflict("分镜还在生成中，请在分镜完成后再试")
    row = queries.shots(unit.session, project_id)
    if len(row) + more > MAX_SHOTS:
        raise Conflict(f"一个项目最多 {MAX_SHOTS} 个分镜")
    return row


def _place(row: Sequence[Shot], shot_id: str) -> int:
    for place, shot in enumerate(row):
        if shot.id == shot_id:
            return place
    raise NotFound("分镜不存在")


def _new_shot(unit: ProjectUnit, project_id: str, new: NewShot, shot_id: str = "") -> Shot:
    shot = Shot(
        id=shot_id or new_id(),
        project_id=project_id,
        order=0,
        title=new.title[:255],
        description=new.narration,
        narration=new.narration,
        prompt=new.prompt,
        status=ShotStatus.PENDING,
        transition=new.transition,
        motion=new.motion,
        created_at=unit.now,
        updated_at=unit.now,
    )
    unit.session.add(shot)
    return shot


def _say(services: Services, unit: ProjectUnit, shot: Shot, text: str) -> None:
    """The shot has this text from now on; what was spoken of another is put aside, and what is being spoken of it is replaced."""
    said = shot.spoken
    shot.narration = shot.description = text
    shot.updated_at = unit.now
    if shot.spoken != said:
        completion.cancel(unit, shots.drop_narration(services, unit, shot), reason=shots.CANCELLED_BY_UPDATE)


def _joined(first: str, second: str) -> str:
    """Two texts as one, with a blank between them where they are written with blanks."""
    said, more = first.rstrip(), second.lstrip()
    blank = " " if said and more and said[-1] < WIDE and more[0] < WIDE else ""
    return said + blank + more


def _motion(shot: Shot) -> Literal["auto", "none", ""]:
    return "auto" if shot.motion == "auto" else "none" if shot.motion == "none" else ""
