"""Answers that were given before, and still hold: judged by `models.row_versions`, kept for all processes of the server."""

from __future__ import annotations

import struct
import time
import zlib
from hashlib import blake2b
from typing import NamedTuple

from common.shared_cache import SharedCache
from models.row_versions import RowVersions
from routers.answer_dictionary import DICTIONARY

LONGEST_S = 300.0
"""How long an answer is kept at most: rows that another program changed, or a person by hand, are seen after that."""
HOUR_S = 3600
PACKED_FROM = 512  # bytes of a body that is worth packing: two fifths are left of a task, a third of shots; unpacking takes 2 to 4 µs/KB
LEVEL = 4  # of zlib: a twentieth less than at 1 for some 50 µs of what is made anew anyway
NO_HEADER = -zlib.MAX_WBITS  # nor a check sum: what is kept has a hash
# Slot, version and end of what is kept; `at`, whether the body is packed, the tag's length.
_HEAD = struct.Struct("<HQdi?H")


class Answer(NamedTuple):
    """A good answer's tag, and its body without the id of the request, which goes in `at` that byte, nowhere if that is -1."""

    etag: str
    body: bytes
    at: int


class AnswerCache:
    """Keys are whatever an answer depends on beside its rows."""

    def __init__(self, versions: RowVersions, shared: SharedCache) -> None:
        self._versions, self._shared = versions, shared

    def get(self, key: bytes) -> Answer | None:
        """The answer, where it still holds."""
        kept = self._shared.get(_name(key))
        if kept is None:
            return None
        slot, version, until, at, is_packed, tag = _HEAD.unpack_from(kept)
        if not self._versions.holds(slot, version) or time.monotonic() >= until:
            return None
        end = _HEAD.size + tag
        body = kept[end:]
        return Answer(kept[_HEAD.size : end].decode(), _unpacked(body) if is_packed else body, at)

    def keep(self, key: bytes, answer: Answer, slot: int, began: int) -> None:
        """Keep an answer that was read of this slot's rows since `began`, unless it may be old already."""
        version = self._versions.settled(slot, began)
        if version is None:
            return
        longest = min(LONGEST_S, HOUR_S - time.time() % HOUR_S)  # links are signed by the hour
        until = time.monotonic() + longest
        is_packed = len(answer.body) >= PACKED_FROM
        body = _packed(answer.body) if is_packed else answer.body
        etag = answer.etag.encode()
        self._shared.put(_name(key), _HEAD.pack(slot, version, until, answer.at, is_packed, len(etag)) + etag + body)


def _name(key: bytes) -> bytes:
    """A hash that no client can find twice, shorter than the key."""
    return blake2b(key, digest_size=16).digest()


def _packed(body: bytes) -> bytes:
    packing = zlib.compressobj(LEVEL, wbits=NO_HEADER, zdict=DICTIONARY)
    return packing.compress(body) + packing.flush()


def _unpacked(body: bytes) -> bytes:
    return zlib.decompressobj(NO_HEADER, DICTIONARY).decompress(body)
