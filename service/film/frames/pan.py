"""Camera moves of constant zoom: nothing is resampled per frame.

A pan that moves by whole eighths of a film pixel per frame sees its image at no more than eight sub-pixel places (sixteen in the planes
of half the resolution). Sampled once at each of them, every frame is a part of one of the results, cut out at a whole sample.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from service.film.frames.camera_moves import Window
from service.film.frames.planes import Plane
from service.film.frames.resampling import Point, Sampler

PARTS = 8  # of a film pixel
MOST_CHANGE = 0.12  # of the speed, in order to have it in whole parts


def in_parts(
    first: Window, last: Window, frames: int, image: tuple[float, float], size: tuple[int, int]
) -> tuple[Window, Window] | None:
    """The same move at nearly the same speed, of whole `PARTS` of a film pixel per frame; None where there is none.

    `image` is the image's size, in the units of the windows; the windows stay within it.
    """
    if first.zoom != last.zoom or frames < 2:
        return None
    ends = []
    for low, high, whole, frame in zip(first[:2], last[:2], image, size, strict=True):
        part = (frames - 1) / (PARTS * first.zoom)  # the way of one part per frame
        steps = (high - low) / part
        room = (
            min(low + high, 2 * whole - low - high) - frame / first.zoom
        )  # twice the way from the middle to the nearer edge
        wanted = round(steps)
        if abs(wanted) * part > room:
            wanted = int(steps)
        if abs(wanted - steps) > MOST_CHANGE * abs(steps):
            return None
        ends.append(((low + high - wanted * part) / 2, (low + high + wanted * part) / 2))
    (x, to_x), (y, to_y) = ends
    return Window(x, y, first.zoom), Window(to_x, to_y, last.zoom)


class Pan:
    """Planes of one size under such a move."""

    def __init__(
        self, sampler: Sampler, shape: tuple[int, int], starts: Iterable[Point], step: Point, parts: int
    ) -> None:
        """`shape` (rows, columns) is a frame's in these planes, `starts` the place of its first sample in each frame, `step` the distance
        of samples (see `Sampler`), `parts` how many places per sample the starts take."""
        self._shape, self._parts = shape, parts
        points = np.array(list(starts))
        self._origin, self._unit = points.min(axis=0), np.array(step) / parts
        places = [self._place((x, y)) for x, y in points]
        more = np.max([whole for whole, _ in places], axis=0)
        self._seen: dict[tuple[int, int], list[Plane]] = {}
        for _, rest in places:
            if rest in self._seen:
                continue
            planes = [np.empty((shape[0] + more[1], shape[1] + more[0]), np.uint8) for _ in range(sampler.count)]
            x, y = self._origin + self._unit * rest
            sampler.warp(planes, (x, y), step)
            self._seen[rest] = planes

    def sample(self, outs: Sequence[Plane], start: Point, _step: Point) -> None:
        """Like `Sampler.sample`, for one of the starts that were announced; the step is the pan's own."""
        (column, row), rest = self._place(start)
        for plane, out in zip(self._seen[rest], outs, strict=True):
            np.copyto(out, plane[row : row + self._shape[0], column : column + self._shape[1]])

    def _place(self, start: Point) -> tuple[tuple[int, int], tuple[int, int]]:
        """Whole samples from the origin, and the parts that are left (x, y)."""
        x, y = (int(count) for count in np.rint((np.array(start) - self._origin) / self._unit))
        return (x // self._parts, y // self._parts), (x % self._parts, y % self._parts)
