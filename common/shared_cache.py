"""Byte strings by their keys, in memory that processes share: what is new takes the place of what is oldest.

It is made before the processes are forked, and needs no lock between them. Each writes into a ring of its own (over what it wrote for the
same key, where that had the room), and notes in a table that all share where what it wrote begins. A reader believes nothing of that: what
it finds there must have the key that it looks for, and the hash that was noted with it. So what another process is just writing, or was
killed at, or has written over, is not found, and no more.

The hash is Python's own, which is drawn anew at each start, and is the same in all processes that were forked.
"""

from __future__ import annotations

import mmap
import struct
import threading
from collections.abc import Iterator

ROOM = 512  # bytes of the rings for each place of the table, at most: half of what the smallest answers take, so that few want one
WAYS = 4  # places that a key may have
GRAIN = 32  # bytes; where something begins is counted in these
SPARE = 32  # one byte is left free for so many, so that what became a little longer fits into its place, and drives nothing else out
_HEAD = struct.Struct("<qIII")  # the hash of key and value, their lengths, and the room that they have with this
_TAG = 24  # bits of a key's hash that stand in its place in the table, above where it begins
_AT = 64 - _TAG
_HASH = (1 << 64) - 1


class SharedCache:
    """Of `size` bytes in all, and a table of a few hundredths of that beside them; it takes no memory before it is filled."""

    def __init__(self, size: int, processes: int = 1) -> None:
        self._ring = size // processes // GRAIN * GRAIN
        self._rings = mmap.mmap(-1, max(1, self._ring * processes))
        self._buckets = 1 << max(0, (size // ROOM // WAYS).bit_length())
        self._table = memoryview(mmap.mmap(-1, 8 * WAYS * self._buckets)).cast("Q")
        self._lock = threading.Lock()
        self.join(0)

    def join(self, number: int) -> None:
        """This process is the one of that number, counted from 0, from now on."""
        self._first = self._next = number * self._ring

    def get(self, key: bytes) -> bytes | None:
        """What was put under this key, where it is there still: the last of it, but where two processes put it at once."""
        hashed = hash(key) & _HASH
        for at in self._places(hashed):
            value = self._read(at, key)
            if value is not None:
                return value
        return None

    def put(self, key: bytes, value: bytes) -> None:
        """Keep this, where it is not more than a quarter of this process's ring."""
        data = key + value
        size = _HEAD.size + len(data)
        if size > self._ring // 4:
            return
        hashed = hash(key) & _HASH
        with self._lock:
            at, room = self._own_place(hashed, key) or (0, 0)
            if size > room:
                room = -(-(size + size // SPARE) // GRAIN) * GRAIN
                at = self._next if self._next + room <= self._first + self._ring else self._first
                self._next = at + room
            self._rings[at : at + size] = _HEAD.pack(hash(data), len(key), len(value), room) + data
            self._note(hashed, at // GRAIN + 1)

    def _places(self, hashed: int) -> Iterator[int]:
        first, tag = self._bucket(hashed), hashed >> _AT
        for place in self._table[first : first + WAYS]:
            if place and place >> _AT == tag:
                yield _begin(place)

    def _own_place(self, hashed: int, key: bytes) -> tuple[int, int] | None:
        """Where this process has written something for this key, and the room there."""
        for at in self._places(hashed):
            if self._first <= at < self._first + self._ring and self._read(at, key) is not None:
                return at, _HEAD.unpack_from(self._rings, at)[3]
        return None

    def _bucket(self, hashed: int) -> int:
        return WAYS * (hashed & (self._buckets - 1))

    def _note(self, hashed: int, at: int) -> None:
        """In the key's own place, or in one that was never used or is of nothing any more, or else in any."""
        first, tag = self._bucket(hashed), hashed >> _AT
        places = self._table[first : first + WAYS].tolist()
        own = [way for way, place in enumerate(places) if place >> _AT == tag and place]
        free = [way for way, place in enumerate(places) if not place]
        way = (own or free or [way for way, place in enumerate(places) if self._is_over(place)] or [tag % WAYS])[0]
        self._table[first + way] = tag << _AT | at

    def _is_over(self, place: int) -> bool:
        """Whether something else was written there since."""
        at = _begin(place)
        _, of_key, of_value, room = _HEAD.unpack_from(self._rings, at)
        if room % GRAIN or room > self._ring or _HEAD.size + of_key + of_value > room:
            return True  # what stands there is no head, and says nothing of lengths
        key = self._rings[at + _HEAD.size : at + _HEAD.size + of_key]
        return (hash(key) & _HASH) >> _AT != place >> _AT or self._read(at, key) is None

    def _read(self, at: int, key: bytes) -> bytes | None:
        begin = at + _HEAD.size
        hashed, of_key, of_value, _ = _HEAD.unpack_from(self._rings, at)
        if of_key != len(key) or of_value > self._ring:
            return None
        data = self._rings[begin : begin + of_key + of_value]
        return data[of_key:] if hash(data) == hashed and data.startswith(key) else None


def _begin(place: int) -> int:
    return GRAIN * ((place & ((1 << _AT) - 1)) - 1)
