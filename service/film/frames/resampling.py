"""Resampling a plane at any sub-pixel position and step, three times as fast as an affine warp.

OpenCV's fastest resampler, `cv2.resize`, maps a whole number of source pixels to a whole number of samples: neither the place nor the step
is free. But a lattice a little larger than what is wanted can be chosen (how many pixels, how many samples, and how many of those to leave
out) so that the wanted samples lie on it, to within a few hundredths of a source pixel. Where no such lattice is found, the affine warp
does it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np

from service.film.frames.planes import Plane

EXTRA = 64  # samples that a lattice may have more than are wanted, per axis
TOLERANCE = (
    0.04  # source pixels that a sample may be off; the planes are twice oversampled, so half of that in the film
)

Point = tuple[float, float]
"""x, y."""


class Axis(NamedTuple):
    """A lattice along one axis: `samples` samples over `pixels` source pixels from `first`, of which the first `skip` are not wanted."""

    first: int
    pixels: int
    samples: int
    skip: int


class Sampler:
    """Planes of one size, to be sampled many times at the same places. Outside of them, their borders go on."""

    def __init__(self, planes: Sequence[Plane], step: float) -> None:
        """`step` is about the distance of samples, in pixels of the planes: how much room a lattice needs on the outside."""
        self._margin = round((EXTRA + 1) * step)
        edge = (self._margin,) * 4
        self._planes = [
            np.asarray(cv2.copyMakeBorder(plane, *edge, borderType=cv2.BORDER_REPLICATE), np.uint8) for plane in planes
        ]
        self._buffer = np.empty((0, 0), np.uint8)

    @property
    def count(self) -> int:
        """How many planes there are."""
        return len(self._planes)

    def sample(self, outs: Sequence[Plane], start: Point, step: Point) -> None:
        """Fill one of `outs` from each plane: the first sample is taken at `start` (pixel centres are whole), the next a `step` on."""
        rows, columns = outs[0].shape
        x, y = start[0] + self._margin, start[1] + self._margin
        across = find_lattice(x, step[0], columns, self._planes[0].shape[1])
        down = None if across is None else find_lattice(y, step[1], rows, self._planes[0].shape[0])
        if across is None or down is None:
            self.warp(outs, start, step)
            return
        if self._buffer.shape != (rows + EXTRA, columns + EXTRA):
            self._buffer = np.empty((rows + EXTRA, columns + EXTRA), np.uint8)
        lattice = self._buffer[: down.samples, : across.samples]
        for plane, out in zip(self._planes, outs, strict=True):
            part = plane[down.first : down.first + down.pixels, across.first : across.first + across.pixels]
            cv2.resize(part, (across.samples, down.samples), dst=lattice, interpolation=cv2.INTER_LINEAR)
            np.copyto(out, lattice[down.skip : down.skip + rows, across.skip : across.skip + columns])

    def warp(self, outs: Sequence[Plane], start: Point, step: Point) -> None:
        """The same, at exactly these places."""
        rows, columns = outs[0].shape
        matrix = np.array([[step[0], 0.0, start[0] + self._margin], [0.0, step[1], start[1] + self._margin]])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        for plane, out in zip(self._planes, outs, strict=True):
            cv2.warpAffine(plane, matrix, (columns, rows), dst=out, flags=flags, borderMode=cv2.BORDER_REPLICATE)


def find_lattice(start: float, step: float, count: int, size: int) -> Axis | None:
    """The lattice nearest to `count` samples at `start`, `start + step`, ... in a row of `size` pixels; None when none is near enough."""
    middle = (count - 1) / 2
    samples = np.arange(count, count + EXTRA + 1)
    pixels = np.rint(step * samples)
    spread = (
        np.abs(pixels / samples - step) * middle
    )  # how far off the outermost sample is when the middle one is right
    fitting = spread < TOLERANCE
    if not fitting.any():
        return None
    samples, pixels, spread = samples[fitting, None], pixels[fitting, None], spread[fitting, None]
    skip = np.arange(EXTRA + 1)
    scale = pixels / samples
    # cv2.resize takes sample k at (k + 1/2) × scale − 1/2; the middle sample is put where it is wanted.
    place = (skip + middle + 0.5) * scale - 0.5
    wanted = start + step * middle
    first = np.rint(wanted - place)
    error = np.abs(first + place - wanted) + spread
    error[(skip > samples - count) | (first < 0) | (first + pixels > size)] = np.inf
    row, column = divmod(int(error.argmin()), EXTRA + 1)
    if error[row, column] > TOLERANCE:
        return None
    return Axis(int(first[row, column]), int(pixels[row, 0]), int(samples[row, 0]), column)
