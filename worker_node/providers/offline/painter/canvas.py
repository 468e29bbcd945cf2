"""The canvas: float RGB, painted through masks; and the noise that keeps flat areas alive."""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np
from numpy.typing import NDArray

from worker_node.providers.offline.painter.colour import Array, Colour

SUBPIXEL = 4  # bits of a pixel's fraction in polygon corners
FILM_ASPECT = 16 / 9
SQUEEZED_MOST = 0.62


class Canvas:
    """An image in the making: `pixels` is (height, width, 3) float32 in 0 to 1, y down."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.pixels: Array = np.zeros((height, width, 3), np.float32)
        share = width / height / FILM_ASPECT
        self.squeeze = min(1.0, max(SQUEEZED_MOST, 1.1 * share))
        """What heights of a composition are multiplied by: a film crops a tall image to its middle, so what matters stays there."""
        self.band = 0.5 - min(1.0, max(0.5 * SQUEEZED_MOST, share)) / 2
        """The upper edge of that middle, in image heights."""

    def level(self, share: float) -> float:
        """Where a composition's height (0 top, 1 bottom) lies in this image, in image heights."""
        return 0.5 + (share - 0.5) * self.squeeze

    def row(self, share: float) -> float:
        """`level` in pixels."""
        return self.level(share) * self.height

    def cover(self, mask: Array, colour: Array, opacity: float = 1.0) -> None:
        """Lay a colour, or a field of colours, over the canvas through a mask of the same height and width."""
        share = (mask * opacity)[..., None]
        self.pixels += (colour - self.pixels) * share

    def cover_below(self, top: int, mask: Array, colour: Array, opacity: float = 1.0) -> None:
        """`cover` for a mask that begins at row `top`: most layers leave the sky alone."""
        part = self.pixels[top : top + mask.shape[0]]
        part += (colour - part) * (mask * opacity)[..., None]

    def glow(self, x: float, y: float, radius: float, colour: Colour, strength: float) -> None:
        """Add light that falls off from a point (pixels); light adds up, but never burns out to flat white."""
        x0, x1 = max(0, int(x - radius)), min(self.width, int(x + radius) + 1)
        y0, y1 = max(0, int(y - radius)), min(self.height, int(y + radius) + 1)
        if x0 >= x1 or y0 >= y1:
            return
        ys, xs = np.ogrid[y0:y1, x0:x1]
        distance = np.sqrt((xs - x) ** 2 + (ys - y) ** 2) / radius
        light = (np.clip(1 - distance, 0, 1) ** 2.2 * strength).astype(np.float32)[..., None] * colour
        part = self.pixels[y0:y1, x0:x1]
        part += (1 - part) * np.clip(light, 0, 1)

    def polygon(
        self, points: Iterable[tuple[float, float]], colour: Colour, opacity: float = 1.0, blur: float = 0.0
    ) -> None:
        """A filled, anti-aliased polygon (pixels), with soft edges where `blur` (pixels) is given."""
        corners = np.array(list(points), np.float64)
        margin = 2 + 3 * blur
        x0, y0 = np.floor(corners.min(axis=0) - margin).astype(int)
        x1, y1 = np.ceil(corners.max(axis=0) + margin).astype(int)
        x0, y0, x1, y1 = max(0, x0), max(0, y0), min(self.width, x1), min(self.height, y1)
        if x0 >= x1 or y0 >= y1:
            return
        mask = polygon_mask(x1 - x0, y1 - y0, corners - (x0, y0))
        if blur:
            mask = blurred(mask, blur)
        part = self.pixels[y0:y1, x0:x1]
        part += (colour - part) * (mask * opacity)[..., None]


def polygon_mask(width: int, height: int, corners: NDArray[np.float64]) -> Array:
    """A mask, 1 inside of the polygon."""
    mask = np.zeros((height, width), np.uint8)
    scaled = np.round(corners * (1 << SUBPIXEL)).astype(np.int32)
    cv2.fillPoly(mask, [scaled], 255, cv2.LINE_AA, SUBPIXEL)
    return np.asarray(mask / np.float32(255), np.float32)


def blurred(field: Array, sigma: float) -> Array:
    """Gaussian blur; large ones on a smaller copy."""
    if sigma < 4:
        return np.asarray(cv2.GaussianBlur(field, (0, 0), max(0.1, sigma)), np.float32)
    factor = max(1, int(sigma // 2))
    height, width = field.shape[:2]
    small = cv2.resize(field, (max(2, width // factor), max(2, height // factor)), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), sigma / factor)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)


def noise(
    rng: np.random.Generator,
    width: int,
    height: int,
    *,
    cells: float,
    octaves: int = 4,
    stretch: float = 1.0,
    fade: float = 0.5,
) -> Array:
    """Fractal noise, about 0 to 1 with mean 0.5. `cells` across the longer side; `stretch` > 1 makes it lie flat; each octave has
    twice the cells and `fade` of the weight."""
    total: Array = np.zeros((height, width), np.float32)
    weight, weights = 1.0, 0.0
    long_side = max(width, height)
    for _ in range(octaves):
        columns = max(2, round(cells * width / long_side / stretch) + 1)
        rows = max(2, round(cells * height / long_side * min(stretch, 3)) + 1)
        if columns > width * 2 or rows > height * 2:
            break
        grid = rng.random((rows, columns), np.float32)
        total += cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC) * np.float32(weight)
        weights += weight
        weight *= fade
        cells *= 2
    return np.asarray(total / np.float32(weights), np.float32)


def ridge(
    rng: np.random.Generator,
    width: int,
    *,
    base: float,
    rise: float,
    cells: float,
    octaves: int = 6,
    sharp: bool = False,
) -> Array:
    """A skyline: for every column its y (pixels); about `base`, `rise` high. `sharp` makes peaks of the swells."""
    line: Array = np.zeros(width, np.float32)
    weight, weights = 1.0, 0.0
    for _ in range(octaves):
        count = max(3, round(cells) + 2)
        grid = rng.random((1, count), np.float32)
        wave = cv2.resize(grid, (width, 1), interpolation=cv2.INTER_CUBIC)[0]
        line += (1 - np.abs(2 * wave - 1) if sharp else wave) * np.float32(weight)
        weights += weight
        weight *= 0.48
        cells *= 2.1
        if cells > width / 2:
            break
    return (base - (line / weights - 0.3) * rise).astype(np.float32)


def below(line: Array, height: int, top: int) -> Array:
    """A mask of rows `top` to the bottom: 1 below the skyline, its edge one pixel soft."""
    rows = np.arange(top, height, dtype=np.float32)[:, None]
    return np.asarray(np.clip(rows - line[None, :] + np.float32(0.5), 0, 1), np.float32)


def smoothstep(low: float, high: float, field: Array) -> Array:
    """0 below `low`, 1 above `high`, smooth between."""
    share = np.clip((field - np.float32(low)) / np.float32(high - low), 0, 1)
    return np.asarray(share * share * (3 - 2 * share), np.float32)
