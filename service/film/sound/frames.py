"""MPEG audio frames (ISO/IEC 11172-3, 2.4.1.3) and ADTS frames (13818-7, 6.2) by their headers."""

from __future__ import annotations

import mmap
from collections.abc import Callable
from typing import Final, TypeAlias

Bytes: TypeAlias = "bytes | mmap.mmap"
"""A file, or its beginning."""
Length = Callable[[Bytes, int], int]
"""How many bytes the frame at a place has; 0 where there is none."""

IN_A_ROW: Final = 3  # frames that follow each other, where nothing else says that they are frames

_RATES = (44_100, 48_000, 32_000)
_KBPS = {  # by (MPEG 1, layer)
    (True, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (True, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (False, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}


def mpeg_length(data: Bytes, at: int) -> int:
    """Of an MPEG audio frame of layer II or III."""
    head = data[at : at + 4]
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return 0
    version, layer = head[1] >> 3 & 3, 4 - (head[1] >> 1 & 3)
    rate, bits = head[2] >> 2 & 3, head[2] >> 4
    if version == 1 or layer not in (2, 3) or rate == 3 or bits in (0, 15):
        return 0
    first = version == 3
    hz = _RATES[rate] >> (0 if first else 1 if version == 2 else 2)
    samples = 144 if first or layer == 2 else 72
    return samples * 1000 * _KBPS[first, layer][bits - 1] // hz + (head[2] >> 1 & 1)


def adts_length(data: Bytes, at: int) -> int:
    """Of an AAC frame with its ADTS header."""
    head = data[at : at + 7]
    if len(head) < 7 or head[0] != 0xFF or head[1] & 0xF6 != 0xF0 or head[2] >> 2 & 15 > 12:
        return 0
    length = (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5
    return length if length > 7 else 0


def in_a_row(data: Bytes, at: int, length_of: Length, wanted: int) -> bool:
    """Whether so many frames follow each other, the first at `at`."""
    for _ in range(wanted):
        length = length_of(data, at)
        if not length:
            return False
        at += length
    return True


def counted(data: Bytes, at: int) -> int | None:
    """How many frames follow, as a Xing header in the frame at `at` says; -1 where it leaves that open, None without such a header."""
    first, mono = data[at + 1] >> 3 & 3 == 3, data[at + 3] >> 6 == 3
    tag = at + 4 + ((17 if mono else 32) if first else (9 if mono else 17))
    if data[tag : tag + 4] not in (b"Xing", b"Info"):
        return None
    return int.from_bytes(data[tag + 8 : tag + 12], "big") if data[tag + 7] & 1 else -1
