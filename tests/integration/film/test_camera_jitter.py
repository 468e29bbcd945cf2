"""Camera moves are smooth to a fraction of a pixel in the rendered frames."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from service.film.frames.camera_moves import DRAWN, Move
from service.film.frames.planes import empty
from service.film.frames.still import Still
from service.film.spec import Fit
from tests.support.soak import soaking

BACKGROUND = 40
DOT_SIGMA = 9.0


@pytest.mark.parametrize("rows", soaking([900, 1600], keep=1), ids=["wide", "square"])
@pytest.mark.parametrize("move", DRAWN)
def test_no_camera_move_jitters_by_more_than_a_fiftieth_of_a_pixel(move: Move, rows: int) -> None:
    """Dots are tracked through the frames; what a smooth path does not explain is jitter."""
    frames, size = 50, (640, 360)
    still = Still(_dots(rows), size, fit=Fit.CROP, move=move, frames=frames, fps=30 if rows < 1600 else 90)
    out = empty(*size)
    tracks: list[list[tuple[float, float]]] = []
    for frame in range(frames):
        still.draw(frame, out)
        places = _starts(out.y) if frame == 0 else tracks[-1]
        tracks.append([_centre(out.y, place) for place in places])
    paths = np.array(tracks)
    assert paths.shape[1] >= 8, "too few dots are seen in all frames"
    time = np.linspace(-1, 1, frames)
    fitted = np.polynomial.Polynomial
    rest = [path - fitted.fit(time, path, 5)(time) for path in paths.reshape(frames, -1).T]
    assert np.abs(paths[-1] - paths[0]).max() > 5, "the camera stands still"
    assert float(np.sqrt(np.mean(np.square(rest)))) <= 0.02


def _dots(rows: int) -> npt.NDArray[np.uint8]:
    """A lattice of soft dots."""
    x, y = (np.arange(length)[:, None] for length in (1600, rows))
    across = np.exp(-((x - np.arange(400, 1300, 200)) ** 2) / (2 * DOT_SIGMA**2)).sum(axis=1)
    down = np.exp(-((y - np.arange(270, rows - 200, 120)) ** 2) / (2 * DOT_SIGMA**2)).sum(axis=1)
    image = (BACKGROUND + 180 * np.outer(down, across)).clip(0, 255).astype(np.uint8)
    return np.repeat(image[:, :, None], 3, axis=2)


def _starts(luma: npt.NDArray[np.uint8]) -> list[tuple[float, float]]:
    """Brightest points that are far enough from the edges to stay in the image."""
    rest = luma.astype(float)
    found = []
    while rest.max() > 150:
        y, x = divmod(int(rest.argmax()), luma.shape[1])
        rest[max(0, y - 14) : y + 15, max(0, x - 14) : x + 15] = 0
        if 50 < x < luma.shape[1] - 50 and 50 < y < luma.shape[0] - 50:
            found.append((float(x), float(y)))
    return found


def _centre(luma: npt.NDArray[np.uint8], near: tuple[float, float]) -> tuple[float, float]:
    x, y = near
    for _ in range(3):
        left, top = round(x) - 14, round(y) - 14
        part = np.clip(luma[top : top + 29, left : left + 29].astype(float) - 60, 0, None)
        rows, columns = np.mgrid[top : top + part.shape[0], left : left + part.shape[1]]
        x, y = float((part * columns).sum() / part.sum()), float((part * rows).sum() / part.sum())
    return x, y
