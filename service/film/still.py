"""A still picture as a moving source: prepared once, then a window of it resampled per frame."""

from __future__ import annotations

import math

import cv2
import numpy as np
import numpy.typing as npt

from service.film.framing import interest
from service.film.motion import Move, plan_move, window_at
from service.film.planes import Plane, Planes, resize, yuv444
from service.film.sampling import Sampler
from service.film.spec import Fit

# Of the planes that are sampled: bilinear sampling of a twice larger plane has neither blur nor jitter. No simple fraction is near it,
# which would leave the sampler little choice of lattices.
OVERSAMPLING = 2.18
ASPECT_TOLERANCE = 0.02  # a picture this near to the frame's aspect is cropped, never framed by a blur
BLUR_DIM = 0.6  # brightness of the blurred surroundings

Rgb = npt.NDArray[np.uint8]


class Still:
    """A picture under a camera move. Frames are numbered from the first in which the shot is seen."""

    def __init__(self, rgb: Rgb, size: tuple[int, int], *, fit: Fit, move: Move, frames: int, fps: int) -> None:
        """`size` is the film's (width, height), `frames` how many frames the shot is seen for, its transitions included."""
        self._width, self._height = size
        self._frames = frames
        if fit is Fit.BLUR:
            rgb = framed(rgb, size)
        rows, columns = rgb.shape[:2]
        scale = max(
            size[0] / columns, size[1] / rows
        )  # film pixels per picture pixel when the picture just covers the frame
        picture = (columns * scale, rows * scale)
        seen = interest(cv2.cvtColor(resize(rgb, *_thumbnail(columns, rows)), cv2.COLOR_RGB2GRAY).astype(np.uint8))
        self._first, self._last = plan_move(move, picture, size, seen, frames / fps)
        self._prepare(rgb, scale)

    def draw(self, frame: int, out: Planes) -> None:
        """Write frame number `frame` into `out`."""
        window = window_at(self._first, self._last, frame / max(1, self._frames - 1))
        # Where the centre of the frame's first luma sample lies in the picture, and the distance to the next.
        step = 1.0 / window.zoom
        left, top = window.x - self._width / 2 * step, window.y - self._height / 2 * step
        self._sample(self._luma, self._luma_shape, out.y, (left + step / 2, top + step / 2), step)
        for sampler, target in zip(self._chroma, (out.u, out.v), strict=True):
            # A chroma sample lies on the first luma column of its pair, and between the two luma rows.
            self._sample(sampler, self._chroma_shape, target, (left + step / 2, top + step), 2 * step)

    def _sample(
        self, sampler: Sampler, shape: tuple[int, int], out: Plane, start: tuple[float, float], step: float
    ) -> None:
        scale_x, scale_y = shape[1] / self._span[0], shape[0] / self._span[1]
        first = ((start[0] - self._origin[0]) * scale_x - 0.5, (start[1] - self._origin[1]) * scale_y - 0.5)
        sampler.sample(out, first, (step * scale_x, step * scale_y))

    def _prepare(self, rgb: Rgb, scale: float) -> None:
        """Make the planes that are sampled: only the part of the picture that the camera sees, at the resolution that it needs."""
        rows, columns = rgb.shape[:2]
        ends = (self._first, self._last)
        half = [(self._width / 2 / end.zoom, self._height / 2 / end.zoom) for end in ends]
        margin = 2.0 / scale
        left = max(0, math.floor(min(e.x - h[0] for e, h in zip(ends, half, strict=True)) / scale - margin))
        top = max(0, math.floor(min(e.y - h[1] for e, h in zip(ends, half, strict=True)) / scale - margin))
        right = min(columns, math.ceil(max(e.x + h[0] for e, h in zip(ends, half, strict=True)) / scale + margin))
        bottom = min(rows, math.ceil(max(e.y + h[1] for e, h in zip(ends, half, strict=True)) / scale + margin))
        self._origin = (left * scale, top * scale)
        self._span = ((right - left) * scale, (bottom - top) * scale)
        # The film's own resolution at the middle of the zoom: what a frame can show without aliasing.
        density = math.sqrt(self._first.zoom * self._last.zoom)
        width, height = (max(2, round(side * density)) for side in self._span)
        part = rgb[top:bottom, left:right]
        if part.shape[1] > width and part.shape[0] > height:
            part = resize(part, width, height)
        y, u, v = yuv444(np.ascontiguousarray(part))
        self._luma_shape = (round(height * OVERSAMPLING), round(width * OVERSAMPLING))
        self._chroma_shape = (round(height * OVERSAMPLING / 2), round(width * OVERSAMPLING / 2))
        self._luma = Sampler(resize(y, *self._luma_shape[::-1]), OVERSAMPLING)
        self._chroma = [Sampler(_chroma(plane, (width, height), self._chroma_shape), OVERSAMPLING) for plane in (u, v)]


def framed(rgb: Rgb, size: tuple[int, int]) -> Rgb:
    """The whole picture in the middle of the frame, on a blurred and darkened enlargement of itself."""
    width, height = size
    rows, columns = rgb.shape[:2]
    if abs(math.log((columns / rows) / (width / height))) < ASPECT_TOLERANCE:
        return rgb
    # A quarter more than the film's size leaves detail for the zoom.
    width, height = round(width * 1.25), round(height * 1.25)
    small = resize(rgb, *_covering(columns, rows, max(2, width // 8), max(2, height // 8)))
    small = _centre(small, max(2, width // 8), max(2, height // 8))
    small = np.asarray(cv2.GaussianBlur(small, (0, 0), max(1.0, min(small.shape[:2]) / 14)), np.uint8)
    canvas = np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)
    canvas = np.asarray(cv2.convertScaleAbs(canvas, alpha=BLUR_DIM), np.uint8)
    scale = min(width / columns, height / rows)
    inner = resize(rgb, max(1, min(width, round(columns * scale))), max(1, min(height, round(rows * scale))))
    top, left = (height - inner.shape[0]) // 2, (width - inner.shape[1]) // 2
    canvas[top : top + inner.shape[0], left : left + inner.shape[1]] = inner
    return canvas


def _chroma(plane: Plane, luma: tuple[int, int], shape: tuple[int, int]) -> Plane:
    """Half the resolution of luma, without aliasing, then enlarged like luma for smooth sampling."""
    low = (max(1, luma[0] // 2), max(1, luma[1] // 2))
    if plane.shape[1] > low[0] and plane.shape[0] > low[1]:
        plane = resize(plane, *low)
    return resize(plane, shape[1], shape[0])


def _thumbnail(columns: int, rows: int) -> tuple[int, int]:
    scale = min(1.0, 128 / max(columns, rows))
    return max(1, round(columns * scale)), max(1, round(rows * scale))


def _covering(columns: int, rows: int, width: int, height: int) -> tuple[int, int]:
    scale = max(width / columns, height / rows)
    return max(width, round(columns * scale)), max(height, round(rows * scale))


def _centre(rgb: Rgb, width: int, height: int) -> Rgb:
    top, left = (rgb.shape[0] - height) // 2, (rgb.shape[1] - width) // 2
    return rgb[top : top + height, left : left + width]
