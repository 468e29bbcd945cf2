"""Use case: put back for an hour what a split or a merge has changed, unless somebody has changed it since.

Nothing that was made is lost by that: what the part of a split got meanwhile is among the versions of the shot that it was part of, and
what a merge moved goes back to the shot that it came from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple, TypeVar

from sqlalchemy.exc import IntegrityError

from common.errors import Conflict, NotFound
from models import shot_undo
from models.asset import Asset, AssetKind
from models.database_clock import EPOCH
from models.db import retrying
from models.row_state import state_of, values_of
from models.shot import Shot, ShotStatus, spoken_words
from service import shot_row, shots
from service.assets import shot_versions
from service.assets.shot_versions import COLUMNS
from service.container import Services
from service.deletions import KEEP_MS
from service.workflow import completion, once
from service.workflow.unit_of_work import ProjectUnit, project_unit

T = TypeVar("T")

TRIES = 5
NOTHING = "没有可以撤销的拆分或合并，或已超过可撤销的时间"
CHANGED = "拆分或合并之后分镜又有改动，无法撤销"
PART_IS_GONE = "拆分已撤销，任务取消"
SAID = ("narration", "description", "audio_path", "duration")


class Edited(NamedTuple):
    """The shot that an edit made or left, and until when it can be undone."""

    shot_id: str
    until: datetime


def as_edited(_services: Services, kept: Sequence[Any]) -> Edited:
    """An edit as it was kept for its Idempotency-Key."""
    return Edited(str(kept[0]), _time(kept[1]))


def said_before(shot: Shot) -> dict[str, Any]:
    """What a split or a merge changes of the shot that it leaves."""
    return {name: getattr(shot, name) for name in SAID}


def note(unit: ProjectUnit, first: Shot, left: str, was: dict[str, Any], *parts: Shot, **edit: Any) -> Edited:
    """Keep what can be put back of `first`, which was so, as long as it and the other parts stay as they are now.

    `left` is the id that the edit returns.
    """
    session = unit.session
    session.flush()
    states = {}
    for shot in (first, *parts):
        session.refresh(shot)  # as it will be read: a time may lose its fraction
        states[shot.id] = state_of(shot)
    until_ms = shot_undo.put(
        session, first.project_id, first.id, {"was": was, "states": states, **edit}, keep_ms=KEEP_MS
    )
    once.made(session, [left, until_ms])
    return Edited(left, _time(until_ms))


def packed(shot: Shot) -> dict[str, Any]:
    """A shot that goes, for `note`."""
    return {
        name: value.isoformat() if isinstance(value, datetime) else value for name, value in values_of(shot).items()
    }


def beside_uploads(work: Callable[[], T]) -> T:
    """Do what moves versions from shot to shot, once more where an upload took a number among them meanwhile."""
    for left in reversed(range(TRIES)):
        try:
            return work()
        except IntegrityError:
            if not left:
                raise
    raise AssertionError


def _as_undone(_services: Services, kept: Iterable[Any]) -> list[str]:
    return [str(shot_id) for shot_id in kept]


@once.once(_as_undone)
def undo(services: Services, project_id: str, shot_id: str) -> list[str]:
    """Undo the shot's last split or merge; returns the ids of the shots that there are instead.

    Raises `NotFound` where there is none, or over an hour has gone; `Conflict` where one of its shots is not as it was left.
    """
    return beside_uploads(lambda: _undo(services, project_id, shot_id))


@retrying
def _undo(services: Services, project_id: str, shot_id: str) -> list[str]:
    with project_unit(services, project_id) as unit:
        row = shot_row.editable(unit, project_id)
        place = shot_row.place_of(row, shot_id)
        edit = shot_undo.take(unit.session, project_id, shot_id)
        if edit is None:
            raise NotFound(NOTHING)
        there = {shot.id: state_of(shot) for shot in row}
        if any(there.get(part) != state for part, state in edit["states"].items()):
            raise Conflict(CHANGED)
        first, was = row[place], edit["was"]
        if "part" in edit:
            _rejoin(services, unit, first, row[shot_row.place_of(row, edit["part"])])
            row = [shot for shot in row if shot.id != edit["part"]]
        back = [_bring_back(unit, edit["gone"], edit["moved"])] if "gone" in edit else []
        shot_row.editable(unit, project_id, more=len(back))
        _say_again(services, unit, first, was)
        _check_that_it_is_kept(services, unit, back, COLUMNS)
        shot_row.put(unit, [*row[: place + 1], *back, *row[place + 1 :]])
        found = [first.id, *(shot.id for shot in back)]
        once.made(unit.session, found)
    return found


def _say_again(services: Services, unit: ProjectUnit, first: Shot, was: dict[str, Any]) -> None:
    shot_row.say(services, unit, first, spoken_words(was["narration"], was["description"]))
    is_heard_again = first.audio_path != was["audio_path"]
    for name in SAID:
        setattr(first, name, was[name])
    first.updated_at = unit.now
    _check_that_it_is_kept(services, unit, [first], [AssetKind.NARRATION] if is_heard_again else [])


def _rejoin(services: Services, unit: ProjectUnit, first: Shot, part: Shot) -> None:
    """The part goes, with what is in the making for it; what it had stays among the versions of the first."""
    old = shots.open_tasks(unit.session, part)
    shot_versions.adopt(services, unit.session, part, COLUMNS, now=unit.now)
    shot_versions.move(unit.session, part, first)
    unit.session.delete(part)
    unit.session.flush()
    completion.cancel(unit, old, reason=PART_IS_GONE)


def _bring_back(unit: ProjectUnit, gone: dict[str, Any], moved: Sequence[Sequence[Any]]) -> Shot:
    """A shot as it was, with those of its versions that are still kept."""
    shot = Shot(**gone)
    shot.created_at = datetime.fromisoformat(gone["created_at"])
    shot.updated_at = unit.now
    if shot.status == ShotStatus.PROCESSING:  # its task was cancelled
        shot.status = ShotStatus.COMPLETED if shot.image_path else ShotStatus.PENDING
    unit.session.add(shot)
    unit.session.flush()
    for key, number in moved:
        row = unit.session.get(Asset, key)
        if row is not None:
            row.shot_id, row.number = shot.id, number
    return shot


def _check_that_it_is_kept(
    services: Services, unit: ProjectUnit, back: Iterable[Shot], kinds: Iterable[AssetKind]
) -> None:
    """Raise `Conflict` where `keep.versions` has had something removed that is to be shown again."""
    for shot in back:
        for kind in kinds:
            if not shot_versions.is_kept(services, unit.session, shot, kind):
                raise Conflict(CHANGED)


def _time(until_ms: int) -> datetime:
    return EPOCH + timedelta(milliseconds=until_ms)
