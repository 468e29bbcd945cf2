"""Pans by whole parts of a pixel: the move that was planned, and the frames that sampling anew would give."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from service.film.frames.camera_moves import Move, Window
from service.film.frames.pan import MOST_CHANGE, PARTS, Pan, in_parts
from service.film.frames.planes import empty
from service.film.frames.resampling import Sampler
from service.film.frames.still import Still
from service.film.spec import Fit

SIZE = (320, 180)
ends = st.tuples(st.floats(0, 1), st.floats(0, 1))


@settings(max_examples=200)
@given(ends, ends, st.integers(2, 400), st.floats(1.0, 1.3), st.floats(1.0, 2.0), st.floats(1.0, 2.0))
def test_a_pan_in_parts_is_nearly_the_planned_one_and_stays_in_the_image(
    start: tuple[float, float], end: tuple[float, float], frames: int, zoom: float, wide: float, high: float
) -> None:
    image = (SIZE[0] * wide, SIZE[1] * high)
    half = (SIZE[0] / zoom / 2, SIZE[1] / zoom / 2)

    def window(place: tuple[float, float]) -> Window:
        x, y = (h + share * (p - 2 * h) for h, share, p in zip(half, place, image, strict=True))
        return Window(x, y, zoom)

    first, last = window(start), window(end)
    found = in_parts(first, last, frames, image, SIZE)
    assume(found is not None)
    assert found is not None
    for axis in (0, 1):
        way, planned = found[1][axis] - found[0][axis], last[axis] - first[axis]
        assert abs(way - planned) <= MOST_CHANGE * abs(planned) + 1e-9
        steps = way * zoom * PARTS / (frames - 1)
        assert steps == pytest.approx(round(steps), abs=1e-6)
        assert sum(w[axis] for w in found) == pytest.approx(first[axis] + last[axis])
        for w in found:
            assert half[axis] - 1e-6 <= w[axis] <= image[axis] - half[axis] + 1e-6


def test_a_zoom_and_a_crawl_are_no_such_pans() -> None:
    image = (400.0, 225.0)
    assert in_parts(Window(160, 90, 1.0), Window(160, 90, 1.1), 30, image, SIZE) is None
    assert in_parts(Window(160, 90, 1.1), Window(161, 90, 1.1), 300, image, SIZE) is None


def test_a_frame_of_a_pan_is_what_sampling_it_gives() -> None:
    rng = np.random.default_rng(4)
    planes = [rng.integers(0, 255, (300, 400), np.uint8) for _ in range(2)]
    sampler = Sampler(planes, 2.0)
    step = (2.1, 2.05)
    starts = [(30.3 - n * 3 * step[0] / 8, 7.9 + n * 5 * step[1] / 8) for n in range(20)]
    pan = Pan(sampler, (40, 60), starts, step, 8)
    outs, wanted = ([np.empty((40, 60), np.uint8) for _ in planes] for _ in range(2))
    for start in reversed(starts):
        pan.sample(outs, start, step)
        sampler.warp(wanted, start, step)
        for out, want in zip(outs, wanted, strict=True):
            # The same places, reached from another one: a rounding may fall to the other side.
            assert np.abs(out.astype(int) - want).max() <= 1


@pytest.mark.parametrize("move", list(Move))
def test_detail_of_the_film_s_own_scale_is_kept(move: Move) -> None:
    """A pattern of four pixels a period, in an image that the film shows a little smaller than it is, keeps most of its contrast."""
    y, x = np.mgrid[0:270, 0:480]
    wave = 127 + 60 * np.sin(2 * np.pi * x / 4) + 60 * np.sin(2 * np.pi * y / 4)
    rgb = np.repeat(wave.round().astype(np.uint8)[..., None], 3, axis=2)
    still = Still(rgb, (400, 226), fit=Fit.CROP, move=move, frames=40, fps=10)
    out = empty(400, 226)
    for frame in (0, 13, 39):
        still.draw(frame, out)
        assert out.y[4:-4, 4:-4].std() > 0.8 * 60 * 219 / 255


@pytest.mark.parametrize("move", list(Move))
def test_a_frame_shows_the_box_that_it_says(move: Move) -> None:
    """The brightness of a ramp tells where in the image a pixel was taken."""
    ramp = np.linspace(0, 255, 480)[None, :] * 0.5 + np.linspace(0, 255, 270)[:, None] * 0.5
    rgb = np.repeat(ramp.round().astype(np.uint8)[..., None], 3, axis=2)
    still = Still(rgb, SIZE, fit=Fit.CROP, move=move, frames=60, fps=15)
    out = empty(*SIZE)
    for frame in (0, 17, 59):
        still.draw(frame, out)
        left, top, right, bottom = still.box(frame)
        for column, row in ((20, 20), (160, 90), (300, 150)):
            x = left + (column + 0.5) / SIZE[0] * (right - left) - 0.5
            y = top + (row + 0.5) / SIZE[1] * (bottom - top) - 0.5
            wanted = 16 + 219 / 255 * (x * 255 / 479 + y * 255 / 269) / 2
            assert float(out.y[row, column]) == pytest.approx(wanted, abs=1.1)
