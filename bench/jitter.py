"""How steady a camera move is: bright dots are followed over all frames, and compared with where they should be."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from service.film.frames.camera_moves import Move
from service.film.frames.planes import Plane, empty
from service.film.frames.still import Still
from service.film.spec import Fit

SPACING, SIGMA, REACH = 48, 3.0, 14  # pixels of the image; the reach is of the film
FLOOR, PEAK = 30, 220


def dotted(width: int, height: int) -> npt.NDArray[np.uint8]:
    """A grey RGB image with soft dots in a square lattice."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    off_x, off_y = (side % SPACING - SPACING / 2 for side in (x, y))
    dots = FLOOR + (PEAK - FLOOR) * np.exp(-(off_x**2 + off_y**2) / (2 * SIGMA**2))
    return np.repeat(dots.round().astype(np.uint8)[..., None], 3, axis=2)


def centres(length: int) -> npt.NDArray[np.float64]:
    """Where the dots of `dotted` are along a side, from the image's edge."""
    return np.arange(SPACING / 2, length - SPACING / 2, SPACING) + 0.5


def jitter(move: Move, size: tuple[int, int], image: tuple[int, int], frames: int, fps: int) -> float:
    """RMS distance (film pixels, both directions) of the dots from their course, each dot's own constant offset left out."""
    still = Still(dotted(*image), size, fit=Fit.CROP, move=move, frames=frames, fps=fps)
    out = empty(*size)
    grid = np.stack(np.meshgrid(centres(image[0]), centres(image[1])), axis=-1).reshape(-1, 2)
    places = np.stack([_in_film(grid, still.box(frame), size) for frame in range(frames)])
    seen = ((places > REACH + 2) & (places < np.array(size) - REACH - 2)).all(axis=(0, 2))
    off = np.empty((frames, int(seen.sum()), 2))
    for frame in range(frames):
        still.draw(frame, out)
        off[frame] = [_offset(out.y, place) for place in places[frame][seen]]
    off -= off.mean(axis=0)
    return float(np.sqrt((off**2).sum(axis=2).mean()))


def _in_film(
    points: npt.NDArray[np.float64], box: tuple[float, float, float, float], size: tuple[int, int]
) -> npt.NDArray[np.float64]:
    low, high = np.array(box[:2]), np.array(box[2:])
    return np.asarray((points - low) / (high - low) * np.array(size))


def _offset(luma: Plane, place: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """How far a dot's centre of light is from where it should be."""
    left, top = (int(side) - REACH for side in place)
    part = luma[top : top + 2 * REACH + 1, left : left + 2 * REACH + 1].astype(np.float64)
    y, x = np.mgrid[0 : part.shape[0], 0 : part.shape[1]] + 0.5
    light = part - part.min()
    weight = light.sum()
    return np.array([(light * (x + left - place[0])).sum() / weight, (light * (y + top - place[1])).sum() / weight])
