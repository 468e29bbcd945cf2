"""Making planes of RGB, and planes of other sizes. Apart from `planes`, since whoever only hands frames on does without OpenCV."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from service.film.frames.planes import Plane

# Rows: Y, U, V; columns: R, G, B (0..255) and the offset. From BT.709's Kr = 0.2126, Kb = 0.0722, scaled to 219 and 224 steps.
_KR, _KB = 0.2126, 0.0722
_KG = 1.0 - _KR - _KB
_LUMA = np.array([_KR, _KG, _KB]) * 219.0 / 255.0
_BLUE = np.array([-_KR, -_KG, 1.0 - _KB]) / (2.0 * (1.0 - _KB)) * 224.0 / 255.0
_RED = np.array([1.0 - _KR, -_KG, -_KB]) / (2.0 * (1.0 - _KR)) * 224.0 / 255.0
RGB_TO_YUV = np.column_stack([np.vstack([_LUMA, _BLUE, _RED]), [16.0, 128.0, 128.0]])


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
