"""What a film was made of, and which shots have changed since.

A film's details hold, under `CONTENTS`, a row for each shot in order: the versions that it showed and let speak, and whatever else of the
shot is seen or heard. Compared with the shots as they are, that tells whether the film is stale, without a look at the film itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher
from hashlib import sha256
from typing import Any

from models.asset import Asset
from models.rows import FilmRow, ShotRow
from models.shot import Shot

CONTENTS = "made_of"
Row = Mapping[str, str]


def contents(shots: Sequence[Shot | ShotRow], asked: Mapping[str, Any]) -> list[Row]:
    """A film of these shots; `asked` is what it was asked for with: what it says for all shots hides what a shot says itself."""
    silent = asked.get("narration") == "none"
    return [
        {
            "shot": shot.id,
            "image": _name(shot.image_path),
            "clip": _name(shot.video_path),
            "narration": "" if silent else _name(shot.audio_path),
            "text": _digest(shot.spoken),
            "title": _digest(shot.title),
            "transition": str(asked.get("transition") or shot.transition or ""),
            "motion": str(shot.motion or asked.get("motion") or ""),
        }
        for shot in shots
    ]


def stale_shots(film: Asset | FilmRow, shots: Sequence[Shot | ShotRow]) -> list[str]:
    """Ids of the shots by which the film is stale: changed, added or moved, in their order, then those that are gone.

    Empty for a film from before this was noted.
    """
    details = film.details or {}
    noted = details.get(CONTENTS)
    if not isinstance(noted, list):
        return []
    was = {str(row.get("shot")): row for row in noted if isinstance(row, dict)}
    asked = details.get("parameters")
    now = contents(shots, asked if isinstance(asked, dict) else {})
    changed = {row["shot"] for row in now if was.get(row["shot"]) != row}
    there = [shot.id for shot in shots]
    moved = _moved([name for name in was if name in there], [name for name in there if name in was])
    return [name for name in there if name in changed | moved] + [name for name in was if name not in there]


def _moved(before: list[str], after: list[str]) -> set[str]:
    """What has to be taken from its place to make one order of the other; both have the same members."""
    kept = SequenceMatcher(None, before, after, autojunk=False).get_matching_blocks()
    return set(after) - {after[block.b + at] for block in kept for at in range(block.size)}


def _name(stored: str | None) -> str:
    """The last two parts of a key, which tell the versions of a shot apart; a presigned link's are its key's."""
    return "/".join((stored or "").partition("?")[0].split("/")[-2:])


def _digest(text: str) -> str:
    """Enough of a text to see that it has changed."""
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16] if text else ""
