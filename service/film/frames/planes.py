"""8-bit 4:2:0 frames as three planes, BT.709 limited range: black is Y 16, white Y 235, no colour is U = V = 128.

Chroma samples lie where H.264 players expect them: on every second luma column, between two luma rows.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Plane = npt.NDArray[np.uint8]

BLACK = (16, 128, 128)


class Planes(NamedTuple):
    """Luma (H×W) and chroma (H/2×W/2 each)."""

    y: Plane
    u: Plane
    v: Plane


def empty(width: int, height: int) -> Planes:
    """Planes of even width and height, not filled."""
    half = (height // 2, width // 2)
    return Planes(np.empty((height, width), np.uint8), np.empty(half, np.uint8), np.empty(half, np.uint8))
