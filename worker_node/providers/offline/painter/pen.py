"""Drawing one figure from parts, and setting it into the image in the image's light.

Figures are drawn in their own unit: 1 is the figure's height, x to the right from its middle, y up from the ground.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from worker_node.providers.offline.painter.canvas import Canvas, blurred, polygon_mask
from worker_node.providers.offline.painter.colour import Array, Palette, rgb

Point = tuple[float, float]

HALF_WIDTH = 1.1
ABOVE, UNDER = 1.35, 0.15
FINE = 180  # pixels; smaller figures are drawn at twice their size, or their details are lost


class Pen:
    """Collects the parts of a figure of `height` pixels. Colours are the things' own; light comes with `place`. `tint` ("#rrggbb")
    is the colour that the thing shall have where it may have any."""

    def __init__(self, height: float, *, flip: bool = False, tint: str = "") -> None:
        self._tint = tint
        self._scale = 2 if height < FINE else 1
        self._unit = height * self._scale
        self._flip = -1 if flip else 1
        self._width = max(4, math.ceil(2 * HALF_WIDTH * height)) * self._scale
        self._height = max(4, math.ceil((ABOVE + UNDER) * height)) * self._scale
        self._colour: Array = np.zeros((self._height, self._width, 3), np.float32)
        self._alpha: Array = np.zeros((self._height, self._width), np.float32)
        self._left, self._top, self._right, self._bottom = self._width, self._height, 0, 0
        self.lights: list[tuple[float, float, float, str]] = []

    @property
    def reach(self) -> tuple[float, float]:
        """How far the drawing goes to the left and to the right of its middle, in pixels of the canvas."""
        middle = self._width / 2
        return max(0.0, middle - self._left) / self._scale, max(0.0, self._right - middle) / self._scale

    @property
    def height(self) -> float:
        """How far the drawing goes above its ground, in pixels of the canvas."""
        return max(0.0, ABOVE * self._unit - self._top) / self._scale

    def own(self, rng: np.random.Generator, choices: Sequence[str]) -> str:
        """The colour that was asked for, else one of these."""
        drawn = choices[int(rng.integers(len(choices)))]
        return self._tint or drawn

    def polygon(self, points: Sequence[Point], colour: str, opacity: float = 1.0) -> None:
        """Straight edges."""
        xs = self._width / 2 + np.array([x for x, _ in points]) * self._unit * self._flip
        ys = (ABOVE - np.array([y for _, y in points])) * self._unit
        x0, x1 = max(0, math.floor(xs.min()) - 1), min(self._width, math.ceil(xs.max()) + 2)
        y0, y1 = max(0, math.floor(ys.min()) - 1), min(self._height, math.ceil(ys.max()) + 2)
        if x0 >= x1 or y0 >= y1:
            return
        share = polygon_mask(x1 - x0, y1 - y0, np.stack([xs - x0, ys - y0], axis=1)) * np.float32(opacity)
        part = self._colour[y0:y1, x0:x1]
        part += (rgb(colour) - part) * share[..., None]
        covered = self._alpha[y0:y1, x0:x1]
        covered += (1 - covered) * share
        self._left, self._right = min(self._left, x0), max(self._right, x1)
        self._top, self._bottom = min(self._top, y0), max(self._bottom, y1)

    def blob(self, points: Sequence[Point], colour: str, opacity: float = 1.0) -> None:
        """A closed smooth curve through the points."""
        self.polygon(smooth(points), colour, opacity)

    def ellipse(self, x: float, y: float, across: float, up: float, colour: str, turn: float = 0.0) -> None:
        """`across` and `up` are radii, `turn` is in degrees against the clock."""
        cosine, sine = math.cos(math.radians(turn)), math.sin(math.radians(turn))
        steps = [2 * math.pi * step / 36 for step in range(36)]
        around = [(across * math.cos(step), up * math.sin(step)) for step in steps]
        self.polygon([(x + a * cosine - b * sine, y + a * sine + b * cosine) for a, b in around], colour)

    def stroke(self, points: Sequence[Point], width: float, colour: str, end: float | None = None) -> None:
        """A smooth line; its width goes from `width` to `end`."""
        line = smooth(points, closed=False)
        last = width if end is None else end
        left, right = [], []
        for number, (x, y) in enumerate(line):
            ahead, behind = line[min(number + 1, len(line) - 1)], line[max(number - 1, 0)]
            dx, dy = ahead[0] - behind[0], ahead[1] - behind[1]
            length = math.hypot(dx, dy) or 1.0
            half = (width + (last - width) * number / max(1, len(line) - 1)) / 2
            left.append((x - dy / length * half, y + dx / length * half))
            right.append((x + dy / length * half, y - dx / length * half))
        self.polygon(left + right[::-1], colour)
        self.ellipse(*line[0], width / 2, width / 2, colour)
        self.ellipse(*line[-1], last / 2, last / 2, colour)

    def light(self, x: float, y: float, radius: float, colour: str = "#ffcf70") -> None:
        """Something that shines."""
        self.lights.append((x * self._flip, y, radius, colour))

    def place(
        self,
        canvas: Canvas,
        x: float,
        y: float,
        palette: Palette,
        *,
        depth: float,
        side: int,
        lamps: float,
        shadow: bool,
        dark: float,
    ) -> None:
        """Set the figure's ground point at a pixel. `depth` 0 to 1 fades it into the haze, `side` is where the light comes from (-1 left),
        `lamps` how strongly its lights shine, `dark` 0 to 1 makes a silhouette of it."""
        scale, unit = self._scale, self._unit / self._scale
        x0, y0 = self._left // scale * scale, self._top // scale * scale
        size = (math.ceil((self._right - x0) / scale), math.ceil((self._bottom - y0) / scale))
        if min(size) < 1:
            return
        drawn = (slice(y0, y0 + size[1] * scale), slice(x0, x0 + size[0] * scale))
        alpha, own = self._alpha[drawn], self._colour[drawn]
        if scale > 1:
            alpha = np.asarray(cv2.resize(alpha, size, interpolation=cv2.INTER_AREA), np.float32)
            own = np.asarray(cv2.resize(own, size, interpolation=cv2.INTER_AREA), np.float32)
        # The sheet is black where nothing is drawn, so that its colours are weighed by their cover already.
        lit = np.clip(own / np.maximum(alpha, 1e-3)[..., None] * palette.ambient, 0, 1)
        across = np.linspace(1, -1, size[0], dtype=np.float32)[None, :] * np.float32(-side)
        lit = lit * (1 + 0.16 * across)[..., None]
        reach = max(1.0, min(unit * 0.018, canvas.height * 0.0032))
        move = np.array([[1, 0, -side * reach], [0, 1, reach]], np.float32)
        rim = np.clip(alpha - cv2.warpAffine(alpha, move, size), 0, 1)
        lit += (palette.glow - lit) * (blurred(rim, 0.6) * np.float32(0.42))[..., None]
        lit = lit * np.float32(1 - dark) + palette.top * np.float32(0.35 * dark)
        lit += (palette.haze - lit) * np.float32(depth)
        left = round(x - self._width / scale / 2) + x0 // scale
        top = round(y - ABOVE * unit) + y0 // scale
        if shadow:
            feet = alpha[max(0, round(y - 0.04 * unit) - top) :].max(axis=0, initial=0.0) > 0.5
            _shade(canvas, left, y, unit, np.flatnonzero(feet))
        _blend(canvas, np.clip(lit, 0, 1).astype(np.float32), alpha, left, top)
        for lx, ly, radius, colour in self.lights:
            centre = (x + lx * unit, y - ly * unit)
            canvas.glow(*centre, radius * unit * 3.2, rgb(colour), 0.55 * lamps)
            canvas.glow(*centre, radius * unit, rgb(colour), 0.95 * lamps)


def _shade(canvas: Canvas, left: int, y: float, unit: float, feet: NDArray[np.intp]) -> None:
    """The shadow on the ground under the columns (pixels from `left`) in which feet stand."""
    if not feet.size:
        return
    half = max(unit * 0.06, (feet[-1] - feet[0]) / 2 * 1.15)
    middle = left + (feet[0] + feet[-1]) / 2
    around = [(math.cos(math.pi * step / 12), math.sin(math.pi * step / 12)) for step in range(24)]
    canvas.polygon(
        [(middle + half * a, y + half * 0.16 * b) for a, b in around], rgb("#101018"), 0.4, blur=max(1.0, half * 0.1)
    )


def _blend(canvas: Canvas, colour: Array, alpha: Array, left: int, top: int) -> None:
    height, width = alpha.shape
    x0, y0 = max(0, left), max(0, top)
    x1, y1 = min(canvas.width, left + width), min(canvas.height, top + height)
    if x0 >= x1 or y0 >= y1:
        return
    window = (slice(y0 - top, y1 - top), slice(x0 - left, x1 - left))
    part = canvas.pixels[y0:y1, x0:x1]
    part += (colour[window] - part) * alpha[window][..., None]


def smooth(points: Sequence[Point], *, closed: bool = True, steps: int = 8) -> list[Point]:
    """A Catmull-Rom curve through the points."""
    count = len(points)
    segments = range(count) if closed else range(count - 1)
    curve: list[Point] = []
    for index in segments:
        corners = [
            points[(index + k) % count] if closed else points[min(max(index + k, 0), count - 1)] for k in (-1, 0, 1, 2)
        ]
        (ax, ay), (bx, by), (cx, cy), (dx, dy) = corners
        for step in range(steps):
            t = step / steps
            weights = (-t + 2 * t**2 - t**3, 2 - 5 * t**2 + 3 * t**3, t + 4 * t**2 - 3 * t**3, -(t**2) + t**3)
            curve.append(
                (
                    0.5 * (weights[0] * ax + weights[1] * bx + weights[2] * cx + weights[3] * dx),
                    0.5 * (weights[0] * ay + weights[1] * by + weights[2] * cy + weights[3] * dy),
                )
            )
    if not closed:
        curve.append(points[-1])
    return curve
