"""A still image as a moving source: prepared once, then a window of it resampled per frame."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from service.film.frames.camera_moves import Move, Window, plan_move, window_at
from service.film.frames.pan import PARTS, Pan, in_parts
from service.film.frames.planes import Plane, Planes
from service.film.frames.resampling import Point, Sampler
from service.film.frames.saliency import saliency
from service.film.frames.yuv import resize, yuv444
from service.film.spec import Fit

# Of the planes that are sampled: bilinear sampling of a twice larger plane has neither blur nor jitter. No simple fraction is near it,
# which would leave the sampler little choice of lattices.
OVERSAMPLING = 2.18
ASPECT_TOLERANCE = 0.02  # an image this near to the frame's aspect is cropped, never framed by a blur
BLUR_DIM = 0.6  # brightness of the blurred surroundings

Rgb = npt.NDArray[np.uint8]
Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""


class Still:
    """An image under a camera move. Frames are numbered from the first in which the shot is seen."""

    def __init__(self, rgb: Rgb, size: tuple[int, int], *, fit: Fit, move: Move, frames: int, fps: int) -> None:
        """`size` is the film's (width, height), `frames` how many frames the shot is seen for, its transitions included."""
        self._width, self._height = size
        self._frames = frames
        if fit is Fit.BLUR:
            rgb = framed(rgb, size)
        rows, columns = rgb.shape[:2]
        scale = max(
            size[0] / columns, size[1] / rows
        )  # film pixels per image pixel when the image just covers the frame
        image = (columns * scale, rows * scale)
        self._scale = scale
        seen = saliency(cv2.cvtColor(resize(rgb, *_thumbnail(columns, rows)), cv2.COLOR_RGB2GRAY).astype(np.uint8))
        planned = plan_move(move, image, size, seen, frames / fps)
        steady = in_parts(*planned, frames, image, size)
        self._panned = steady is not None
        self._first, self._last = steady or planned
        self._prepare(rgb, scale)

    def box(self, frame: int) -> Box:
        """What frame number `frame` shows, in pixels of the image from its edges."""
        window = self._window(frame)
        half = (self._width / 2 / window.zoom, self._height / 2 / window.zoom)
        edges = (window.x - half[0], window.y - half[1], window.x + half[0], window.y + half[1])
        left, top, right, bottom = (edge / self._scale for edge in edges)
        return left, top, right, bottom

    def _window(self, frame: int) -> Window:
        return window_at(self._first, self._last, frame / max(1, self._frames - 1))

    def draw(self, frame: int, out: Planes) -> None:
        """Write frame number `frame` into `out`."""
        window = self._window(frame)
        self._luma.sample((out.y,), *self._lattice(window, self._luma_shape, 1))
        self._chroma.sample((out.u, out.v), *self._lattice(window, self._chroma_shape, 2))

    def _lattice(self, window: Window, shape: tuple[int, int], every: int) -> tuple[Point, Point]:
        """Where the first sample lies in planes of this shape, and the distance to the next; one in `every` film pixels."""
        scale_x, scale_y = shape[1] / self._span[0], shape[0] / self._span[1]
        # A luma sample is the middle of a film pixel. A chroma sample lies on the first column of its two, and between the two rows.
        x = window.x - (self._width / 2 - 0.5) / window.zoom - self._origin[0]
        y = window.y - (self._height / 2 - every / 2) / window.zoom - self._origin[1]
        step = every / window.zoom
        return (x * scale_x - 0.5, y * scale_y - 0.5), (step * scale_x, step * scale_y)

    def _prepare(self, rgb: Rgb, scale: float) -> None:
        """Make the planes that are sampled: only the part of the image that the camera sees, at the resolution that it needs."""
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
        # Oversampled at the middle of the zoom. An image is only made smaller than it is when it is larger than that: to have its
        # detail averaged away, only to be enlarged again, is what makes films of stills look soft.
        density = math.sqrt(self._first.zoom * self._last.zoom) * OVERSAMPLING
        width, height = (max(2, round(side * density)) for side in self._span)
        self._luma_shape, self._chroma_shape = (height, width), (max(1, height // 2), max(1, width // 2))
        part = rgb[top:bottom, left:right]
        if part.shape[0] > height and part.shape[1] > width:
            part = resize(part, width, height)
        y, u, v = yuv444(np.ascontiguousarray(part))
        self._luma = self._sampled((y,), self._luma_shape, 1)
        self._chroma = self._sampled((u, v), self._chroma_shape, 2)

    def _sampled(self, planes: Sequence[Plane], shape: tuple[int, int], every: int) -> Sampler | Pan:
        sampler = Sampler([resize(plane, shape[1], shape[0]) for plane in planes], OVERSAMPLING)
        if not self._panned:
            return sampler
        lattices = [self._lattice(self._window(frame), shape, every) for frame in range(self._frames)]
        size = (self._height // every, self._width // every)
        return Pan(sampler, size, [start for start, _ in lattices], lattices[0][1], every * PARTS)


def framed(rgb: Rgb, size: tuple[int, int]) -> Rgb:
    """The whole image in the middle of the frame, on a blurred and darkened enlargement of itself."""
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


def _thumbnail(columns: int, rows: int) -> tuple[int, int]:
    scale = min(1.0, 128 / max(columns, rows))
    return max(1, round(columns * scale)), max(1, round(rows * scale))


def _covering(columns: int, rows: int, width: int, height: int) -> tuple[int, int]:
    scale = max(width / columns, height / rows)
    return max(width, round(columns * scale)), max(height, round(rows * scale))


def _centre(rgb: Rgb, width: int, height: int) -> Rgb:
    top, left = (rgb.shape[0] - height) // 2, (rgb.shape[1] - width) // 2
    return rgb[top : top + height, left : left + width]
