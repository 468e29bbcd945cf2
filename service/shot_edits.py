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

from common.errors import ClientError, Conflict, InvalidInput, NotFound
from models import cast_member, queries
from models.asset import Asset, AssetKind
from models.base import new_id
from models.db import retrying
from models.rows import ShotRow
from models.shot import Shot
from service import preconditions, shot_row, shot_undo, shots
from service.access import quotas
from service.assets import shot_versions, versions
from service.assets.fetch import fetch
from service.assets.shot_versions import COLUMNS
from service.container import Services
from service.fields import MAX_NARRATION
from service.oss import links
from service.preconditions import Known
from service.shot_requests import NewShot, ShotPatch
from service.shot_undo import Edited
from service.workflow import completion, once
from service.workflow.project_status import refresh_project
from service.workflow.unit_of_work import ProjectUnit, project_unit

MERGED = "分镜已与前一个合并，任务取消"
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
        row = shot_row.editable(unit, project_id, more=1)
        shot = shot_row.new_shot(unit, project_id, new)
        at = 0 if first else shot_row.place_of(row, new.after) + 1 if new.after else len(row)
        shot_row.put(unit, [*row[:at], shot, *row[at:]])
        once.made(unit.session, shot.id)
    return shot.id


@once.once(shot_undo.as_edited)
@retrying
def split(services: Services, project_id: str, shot_id: str, at: int) -> Edited:
    """Part a shot's narration before its character `at` (from 0); the picture stays with the first. Returns the second part.

    Raises `NotFound`, or `InvalidInput` where one of the parts would have nothing to say.
    """
    with project_unit(services, project_id) as unit:
        row = shot_row.editable(unit, project_id, more=1)
        place = shot_row.place_of(row, shot_id)
        first, text = row[place], row[place].spoken
        said, left = text[:at].rstrip(), text[at:].lstrip()
        if not said or not left:
            raise InvalidInput("at", f"at 须在旁白之内，使前后两段都有文字：旁白共 {len(text)} 个字符，收到 {at}")
        was = shot_undo.said_before(first)
        second = shot_row.new_shot(
            unit,
            project_id,
            NewShot(title=first.title, prompt=first.prompt or "", narration=left, motion=_motion(first)),
        )
        shot_row.say(services, unit, first, said)
        shot_row.put(unit, [*row[: place + 1], second, *row[place + 1 :]])
        return shot_undo.note(unit, first, second.id, was, second, part=second.id)


@once.once(shot_undo.as_edited)
def merge(services: Services, project_id: str, shot_id: str) -> Edited:
    """Make one of a shot and the next: its picture, both their texts. Returns it.

    What was made for the next one stays among the versions of this one; what is in the making for it is cancelled. Raises `NotFound`,
    or `Conflict` for the last shot and for texts too long for one.
    """
    return shot_undo.beside_uploads(lambda: _merge(services, project_id, shot_id))


@retrying
def _merge(services: Services, project_id: str, shot_id: str) -> Edited:
    with project_unit(services, project_id) as unit:
        row = shot_row.editable(unit, project_id)
        place = shot_row.place_of(row, shot_id)
        if place + 1 == len(row):
            raise Conflict("这是最后一个分镜，没有可以合并的下一个")
        first, second = row[place : place + 2]
        text = _joined(first.spoken, second.spoken)
        if len(text) > min(MAX_NARRATION, services.settings.story.max_chars):
            raise Conflict(f"合并后的旁白有 {len(text)} 个字符，最多 {MAX_NARRATION} 个")
        was, gone = shot_undo.said_before(first), shot_undo.packed(second)
        old = shots.open_tasks(unit.session, second)
        shot_versions.adopt(services, unit.session, second, COLUMNS, now=unit.now)
        moved = shot_versions.move(unit.session, second, first)
        unit.session.delete(second)
        shot_row.say(services, unit, first, text)
        shot_row.put(unit, [shot for shot in row if shot is not second])
        completion.cancel(unit, old, reason=MERGED)
        return shot_undo.note(unit, first, first.id, was, gone=gone, moved=moved)


@retrying
def reorder(services: Services, project_id: str, order: Sequence[str]) -> list[Shot]:
    """Put the shots into this order; raises `NotFound`, or `Conflict` unless it names each of the project's once."""
    with project_unit(services, project_id) as unit:
        row = shot_row.editable(unit, project_id)
        by_id = {shot.id: shot for shot in row}
        if sorted(order) != sorted(by_id):
            raise Conflict(f"order 须恰好包含项目现有的 {len(row)} 个分镜，各一次；请重新读取后再试")
        ordered = [by_id[shot_id] for shot_id in order]
        shot_row.put(unit, ordered)
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
        shot_row.say(services, unit, shot, changes.narration)
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
        row = shot_row.editable(unit, known.project_id, more=1)
        place = shot_row.place_of(row, known.id)
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
        twin = shot_row.new_shot(unit, known.project_id, new, copies[0].shot_id if copies else "")
        for asset in sorted(
            copies, key=lambda one: one.kind != AssetKind.IMAGE
        ):  # an image puts the clip before it aside
            versions.mark_stored(unit.session, asset, now=unit.now)
            shot_versions.show(twin, AssetKind(asset.kind), asset.object_key)
        twin.duration = shot.duration if twin.audio_path else 0
        shot_row.put(unit, [*row[: place + 1], twin, *row[place + 1 :]])
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


def _joined(first: str, second: str) -> str:
    """Two texts as one, with a blank between them where they are written with blanks."""
    said, more = first.rstrip(), second.lstrip()
    blank = " " if said and more and said[-1] < WIDE and more[0] < WIDE else ""
    return said + blank + more


def _motion(shot: Shot) -> Literal["auto", "none", ""]:
    return "auto" if shot.motion == "auto" else "none" if shot.motion == "none" else ""
