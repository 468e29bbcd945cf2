"""8-bit 4:2:0 frames as three planes, BT.709 limited range: black is Y 16, white Y 235, no colour is U = V = 128.

Chroma samples lie where H.264 players expect them: on every second luma column, between two luma rows.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

Plane = npt.NDArray[np.uint8]

BLACK = (16, 128, 128)

# Rows: Y, U, V; columns: R, G, B (0..255) and the offset. From BT.709's Kr = 0.2126, Kb = 0.0722, scaled to 219 and 224 steps.
_KR, _KB = 0.2126, 0.0722
_KG = 1.0 - _KR - _KB
_LUMA = np.array([_KR, _KG, _KB]) * 219.0 / 255.0
_BLUE = np.array([-_KR, -_KG, 1.0 - _KB]) / (2.0 * (1.0 - _KB)) * 224.0 / 255.0
_RED = np.array([1.0 - _KR, -_KG, -_KB]) / (2.0 * (1.0 - _KR)) * 224.0 / 255.0
RGB_TO_YUV = np.column_stack([np.vstack([_LUMA, _BLUE, _RED]), [16.0, 128.0, 128.0]])


class Planes(NamedTuple):
    """Luma (H×W) and chroma (H/2×W/2 each)."""

    y: Plane
    u: Plane
    v: Plane


def empty(width: int, height: int) -> Planes:
    """Planes of even width and height, not filled."""
    half = (height // 2, width // 2)
    return Planes(np.empty((height, width), np.uint8), np.empty(half, np.uint8), np.empty(half, np.uint8))


def yuv444(rgb: npt.NDArray[np.uint8]) -> tuple[Plane, Plane, Plane]:
    """Full-size Y, U, V of an H×W×3 RGB image."""
    y, u, v = cv2.split(cv2.transform(rgb, RGB_TO_YUV))
    return np.asarray(y, np.uint8), np.asarray(u, np.uint8), np.asarray(v, np.uint8)


def resize(plane: Plane, width: int, height: int) -> Plane:
    """Resample: averaging when made smaller (no aliasing), bicubic when made larger."""
    rows, columns = plane.shape[:2]
    if (columns, rows) == (width, height):
        return plane
    shrink = width <= columns and height <= rows
    method = cv2.INTER_AREA if shrink else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(plane, (width, height), interpolation=method), np.uint8)
