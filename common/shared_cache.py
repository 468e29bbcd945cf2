"""Byte strings by their keys, in memory that processes share: what is new takes the place of what is oldest.

It is made before the processes are forked. One of them at a time writes into the ring (over what stands there for the same key, where that
has the room), and notes in a table where what it wrote begins. A reader locks nothing, and believes nothing of that: what it finds there
must have the key that it looks for, and the hash that was noted with it. So what another process is just writing, or was killed at, or has
written over, is not found, and no more.

The hash is Python's own, which is drawn anew at each start, and is the same in all processes that were forked.
"""

from __future__ import annotations

import mmap
import os
import struct
import sys
import tempfile
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager

ROOM = 512  # bytes of the ring for each place of the table, at most: half of what the smallest answers take, so that few want one
WAYS = 4  # places that a key may have
GRAIN = 32  # bytes; where something begins is counted in these
SPARE = 32  # one byte is left free for so many, so that what became a little longer fits into its place, and drives nothing else out
_HEAD = struct.Struct("<qIII")  # the hash of key and value, their lengths, and the room that they have with this
_TAG = 24  # bits of a key's hash that stand in its place in the table, above where it begins
_AT = 64 - _TAG
_HASH = (1 << 64) - 1


class SharedCache:
    """Of `size` bytes in all, and a table of a few hundredths of that beside them; it takes no memory before it is filled."""

    def __init__(self, size: int) -> None:
        self._size = size // GRAIN * GRAIN
        self._ring = mmap.mmap(-1, max(1, self._size))
        self._buckets = 1 << max(0, (size // ROOM // WAYS).bit_length())
        places = WAYS * self._buckets
        numbers = memoryview(mmap.mmap(-1, 8 * (places + 1))).cast("Q")
        self._table, self._next = numbers[:places], numbers[places:]  # what comes next begins at `_next[0]` in the ring
        self._own_turn, self._turn, self._lockf = threading.Lock(), _lock_file(), _lockf()
        weakref.finalize(self, os.close, self._turn)

    def get(self, key: bytes) -> bytes | None:
        """What was put under this key, where it is there still: the last of it, but where two processes were about to at once."""
        hashed = hash(key) & _HASH
        for at in self._places(hashed):
            value = self._read(at, key)
            if value is not None:
                return value
        return None

    def put(self, key: bytes, value: bytes) -> None:
        """Keep this, where it is not more than a quarter of all, and nobody else is writing."""
        data = key + value
        size = _HEAD.size + len(data)
        if size > self._size // 4:
            return
        hashed = hash(key) & _HASH
        with self._writing() as is_ours:
            if not is_ours:
                return
            at, room = self._place_of(hashed, key) or (0, 0)
            if size > room:
                room = -(-(size + size // SPARE) // GRAIN) * GRAIN
                at = self._next[0] if self._next[0] + room <= self._size else 0
                self._next[0] = at + room
            self._ring[at : at + size] = _HEAD.pack(hash(data), len(key), len(value), room) + data
            self._note(hashed, at // GRAIN + 1)

    @contextmanager
    def _writing(self) -> Iterator[bool]:
        """Whether this thread is the one that writes, of all processes. The system ends the turn of one that is killed in it."""
        with self._own_turn:
            is_ours = self._lockf(self._turn, os.F_TLOCK, 0) == 0  # else another process's, which nobody waits for
            try:
                yield is_ours
            finally:
                if is_ours:
                    self._lockf(self._turn, os.F_ULOCK, 0)

    def _places(self, hashed: int) -> Iterator[int]:
        first, tag = self._bucket(hashed), hashed >> _AT
        for place in self._table[first : first + WAYS]:
            if place and place >> _AT == tag:
                yield _begin(place)

    def _place_of(self, hashed: int, key: bytes) -> tuple[int, int] | None:
        """Where something stands for this key, and the room there."""
        for at in self._places(hashed):
            if self._read(at, key) is not None:
                return at, _HEAD.unpack_from(self._ring, at)[3]
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
        _, of_key, of_value, room = _HEAD.unpack_from(self._ring, at)
        if room % GRAIN or room > self._size or _HEAD.size + of_key + of_value > room:
            return True  # what stands there is no head, and says nothing of lengths
        key = self._ring[at + _HEAD.size : at + _HEAD.size + of_key]
        return (hash(key) & _HASH) >> _AT != place >> _AT or self._read(at, key) is None

    def _read(self, at: int, key: bytes) -> bytes | None:
        begin = at + _HEAD.size
        hashed, of_key, of_value, _ = _HEAD.unpack_from(self._ring, at)
        if of_key != len(key) or of_value > self._size:
            return None
        data = self._ring[begin : begin + of_key + of_value]
        return data[of_key:] if hash(data) == hashed and data.startswith(key) else None


def _begin(place: int) -> int:
    return GRAIN * ((place & ((1 << _AT) - 1)) - 1)


def _lockf() -> Callable[[int, int, int], int]:
    """The system's lockf(3). Python's own gives up the interpreter with each call, and would get it back long after the lock."""
    import ctypes  # noqa: PLC0415 - it takes time, and other commands do without

    function = ctypes.PyDLL(None).lockf
    function.argtypes, function.restype = [ctypes.c_int, ctypes.c_int, ctypes.c_long], ctypes.c_int
    return function


def _lock_file() -> int:
    """A descriptor to be locked: of memory where there is such a file, else of a temporary file that has no name."""
    if sys.platform == "linux":
        return os.memfd_create("turn")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())
