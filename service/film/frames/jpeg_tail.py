"""JPEG files whose last bytes are lost, the marker of their end among them: shown where the picture itself is there, as viewers do."""

from __future__ import annotations

import io
import re

import numpy as np
from PIL import Image

LOST = 0.02  # of the pixels: as many may be missing
_END = b"\xff\xd9"
_FRAMES = frozenset({0xC0, 0xC1, 0xC2})  # baseline, extended, progressive: what Pillow decodes
_SCAN, _INTERVAL = 0xDA, 0xDD
_NEXT_MARKER = re.compile(
    rb"\xff(?=[^\x00\xd0-\xd7\xff])"
)  # after a scan's data, where 255 is followed by 0, and restarts are not the end
# What may have followed. Pixels that differ with it are those that are not there.
_FILLERS = (b"\x00", b"\x55", b"\xaa")


def completed(data: bytes) -> bytes | None:
    """The file with its end marker; None where more than `LOST` of the picture is missing. Raises what Pillow does for no image at all."""
    data = data.rstrip(b"\xff")
    has_all, interval = _scans(data)
    if not has_all:
        return None
    whole = data + _END
    shown = _pixels(whole)
    missing = np.zeros(shown.shape[:2], bool)
    for filler in _FILLERS:
        other = _pixels(data + _more(filler, missing.size, interval) + _END)
        missing |= (other != shown).any(axis=2)
    return whole if missing.mean() <= LOST else None


def _more(filler: bytes, pixels: int, interval: int) -> bytes:
    """Data for that many pixels, with the restart markers that are due after each `interval` blocks of 64 pixels or more."""
    if not interval:
        return filler * (4096 + pixels // 8)
    count = 8 + pixels // (64 * interval)
    return b"".join(filler * (64 + 16 * interval) + bytes((0xFF, 0xD0 + number % 8)) for number in range(count))


def _pixels(data: bytes) -> np.ndarray[tuple[int, int, int], np.dtype[np.uint8]]:
    with Image.open(io.BytesIO(data), formats=["JPEG"]) as image:
        pixels = np.asarray(image, np.uint8)
    return pixels.reshape(*pixels.shape[:2], -1)


def _scans(data: bytes) -> tuple[bool, int]:
    """Whether the last scan of every component has begun, and the interval of restarts.

    A progressive file has several scans of a component, of which the first ones show it blurred.
    """
    components: set[int] = set()
    means: set[int] = set()  # the components whose averages are exact
    details: set[int] = set()  # and whose finest details are
    at, interval = 2, 0
    while at + 4 <= len(data) and data[at] == 0xFF:
        kind, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        body = data[at + 4 : at + 2 + length]
        at += 2 + length
        if kind in _FRAMES:
            components = set(body[6::3])
        elif kind == _INTERVAL:
            interval = int.from_bytes(body, "big")
        elif kind == _SCAN and 4 <= len(body) == length - 2:
            first, last, bits = body[-3:]
            named = set(body[1:-3:2]) if not bits & 15 else set()
            means |= named if first == 0 else set()
            details |= named if last == 63 else set()
            after = _NEXT_MARKER.search(data, at)
            at = after.start() if after else len(data)
    return bool(components) and components == means == details, interval
