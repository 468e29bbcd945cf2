"""Parts of a file, read as if they were all of one."""

from __future__ import annotations

import io
from bisect import bisect_right
from itertools import accumulate

from service.film.sound import riff
from service.film.sound.frames import Bytes
from service.film.sound.pieces import Piece

_WHAT_SIZE = 0x10000  # libav's AVSEEK_SIZE: where a seek would go is not asked, but how much there is


class Window:
    """One piece of a file, for libav to read and to seek in."""

    def __init__(self, data: Bytes, piece: Piece) -> None:
        self._data, self._at = data, 0
        self._ranges = piece.ranges
        lengths = [end - start for start, end in piece.ranges]
        self._header = riff.header(piece.form, sum(lengths)) if piece.form else b""
        self._begins = list(accumulate(lengths, initial=len(self._header)))

    def readable(self) -> bool:
        """As libav's binding asks; the same of `seekable`."""
        return True

    seekable = readable

    def read(self, size: int = -1) -> bytes:
        """As much as there is in one part, `size` bytes at most."""
        if self._at < len(self._header):
            part = self._header[self._at :]
        elif self._at < self._begins[-1]:
            index = bisect_right(self._begins, self._at) - 1
            start, end = self._ranges[index]
            start += self._at - self._begins[index]
            part = self._data[start : min(end, start + size) if size >= 0 else end]
        else:
            return b""
        part = part[:size] if size >= 0 else part
        self._at += len(part)
        return part

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """As of any file."""
        if whence == _WHAT_SIZE:
            return self._begins[-1]
        base = {io.SEEK_CUR: self._at, io.SEEK_END: self._begins[-1]}.get(whence, 0)
        self._at = max(0, base + offset)
        return self._at

    def tell(self) -> int:
        """The next byte's place."""
        return self._at
