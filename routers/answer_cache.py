"""Answers that were given before, and still hold: bounded by their bytes, judged by `models.row_versions`."""

from __future__ import annotations

import time
from typing import NamedTuple

from models.row_versions import RowVersions, slot_of

LONGEST_S = 300.0
"""How long an answer is kept at most: rows that another program changed, or a person by hand, are seen after that."""
HOUR_S = 3600
OVERHEAD = 600  # bytes of an entry beside its body, about

Key = tuple[str, ...]


class Answer(NamedTuple):
    """A good answer: its headers, its tag, and its body around the id of the request, which `has_id` says is there."""

    headers: list[tuple[str, str]]
    etag: str
    before: bytes
    after: bytes
    has_id: bool


class _Kept(NamedTuple):
    answer: Answer
    slot: int
    version: int
    until: float


class AnswerCache:
    """In two halves: what was not asked for while the younger one filled goes with the older one."""

    def __init__(self, versions: RowVersions, max_bytes: int) -> None:
        self._versions, self._half = versions, max_bytes // 2
        self._young: dict[Key, _Kept] = {}
        self._old: dict[Key, _Kept] = {}
        self._bytes = 0

    def get(self, key: Key) -> Answer | None:
        """The answer, where it still holds."""
        kept = self._young.get(key)
        if kept is None:
            kept = self._old.pop(key, None)
            if kept is None:
                return None
            self._put(key, kept)
        if self._versions.holds(kept.slot, kept.version) and time.monotonic() < kept.until:
            return kept.answer
        return None

    def keep(self, key: Key, answer: Answer, project_id: str, began: int) -> None:
        """Keep an answer that was read of this project since `began`, unless it may be old already."""
        slot = slot_of(project_id)
        version = self._versions.settled(slot, began)
        if version is not None:
            longest = min(LONGEST_S, HOUR_S - time.time() % HOUR_S)  # links are signed by the hour
            self._put(key, _Kept(answer, slot, version, time.monotonic() + longest))

    def _put(self, key: Key, kept: _Kept) -> None:
        size = len(kept.answer.before) + len(kept.answer.after) + OVERHEAD
        if size > self._half:
            return
        if self._bytes + size > self._half:
            self._old, self._young, self._bytes = self._young, {}, 0
        before = self._young.get(key)
        self._young[key] = kept
        self._bytes += size if before is None else len(kept.answer.before) - len(before.answer.before)
