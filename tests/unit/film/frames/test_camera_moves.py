"""Camera moves stay inside the image and vary; `tests/integration/film/test_camera_jitter.py` sees in the frames that they are smooth."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.film.frames.camera_moves import DRAWN, Move, Window, choose_moves, plan_move, window_at
from service.film.frames.resampling import TOLERANCE, find_lattice
from service.film.frames.saliency import Saliency

span = st.tuples(st.floats(0, 0.5), st.floats(0.5, 1))
profile = st.lists(st.floats(0, 1), max_size=64).map(tuple)
interests = st.builds(Saliency, st.floats(0, 1), st.floats(0, 1), span, span, profile, profile)
FRAME = (1280.0, 720.0)


@given(st.sampled_from(Move), interests, st.floats(1, 3), st.booleans(), st.floats(0.1, 30), st.floats(0, 1))
def test_every_window_of_every_move_lies_inside_the_image(
    move: Move, seen: Saliency, excess: float, tall: bool, seconds: float, progress: float
) -> None:
    frame = FRAME
    image = (1280.0, 720.0 * excess) if tall else (1280.0 * excess, 720.0)
    window = window_at(*plan_move(move, image, frame, seen, seconds), progress)
    half_w, half_h = frame[0] / window.zoom / 2, frame[1] / window.zoom / 2
    assert window.zoom >= 1 - 1e-9
    assert window.x - half_w >= -1e-6
    assert window.x + half_w <= image[0] + 1e-6
    assert window.y - half_h >= -1e-6
    assert window.y + half_h <= image[1] + 1e-6


@given(st.sampled_from(DRAWN), interests, st.floats(1, 3), st.floats(1, 30))
def test_every_move_moves(move: Move, seen: Saliency, excess: float, seconds: float) -> None:
    first, last = plan_move(move, (1280, 720 * excess), FRAME, seen, seconds)
    assert max(abs(first.x - last.x), abs(first.y - last.y), 1000 * abs(first.zoom - last.zoom)) > 5


@given(st.sampled_from(DRAWN), interests)
def test_a_square_image_in_a_wide_film_is_seen_from_one_end_of_its_content_to_the_other(
    move: Move, seen: Saliency
) -> None:
    first, last = plan_move(move, (1280, 1280), FRAME, seen, 12)
    top = min(window.y - 360 / window.zoom for window in (first, last))
    bottom = max(window.y + 360 / window.zoom for window in (first, last))
    assert top <= seen.down[0] * 1280 + 1e-6
    assert bottom >= seen.down[1] * 1280 - 1e-6


@given(st.sampled_from(Move), interests, st.floats(0.5, 30))
def test_the_camera_travels_calmly(move: Move, seen: Saliency, seconds: float) -> None:
    first, last = plan_move(move, (1280, 2560), FRAME, seen, seconds)
    assert abs(first.y - last.y) <= max(0.101 * 720 * seconds, 2.1) + 60  # a zoom shifts its centre, too


@given(interests, st.floats(1, 3), st.floats(0.1, 30))
def test_without_a_move_the_camera_stands_still_as_far_away_as_it_can(
    seen: Saliency, excess: float, seconds: float
) -> None:
    for image in ((1280.0, 720.0 * excess), (1280.0 * excess, 720.0)):
        first, last = plan_move(Move.NONE, image, FRAME, seen, seconds)
        assert first == last
        assert first.zoom == 1.0


@pytest.mark.parametrize(
    ("places", "seen"),
    [((3,), (3,)), ((0,), (0,)), ((19,), (19,)), ((8, 12), (8, 12)), ((1, 1, 18), (1,)), ((2, 17, 17), (17,))],
    ids=str,
)
def test_an_image_that_stands_still_shows_most_of_what_stands_out(places: list[int], seen: list[int]) -> None:
    """A square one, whose twentieths from top to bottom stand out or do not; never between two of them, where nothing is."""
    rows = tuple(float(places.count(row)) for row in range(20))
    window = plan_move(Move.NONE, (1280, 1280), FRAME, Saliency(rows=rows, columns=(1.0,)), 5)[0]
    assert window.x == 640
    for place in seen:
        assert window.y - 360 <= place * 64 + 1e-6
        assert (place + 1) * 64 <= window.y + (360 if place == 19 else 288) + 1e-6, "not where subtitles lie"


@pytest.mark.parametrize(("move", "down"), [(Move.PAN_DOWN, True), (Move.PAN_UP, False)])
def test_a_pan_goes_where_its_name_says(move: Move, down: bool) -> None:
    first, last = plan_move(move, (1280, 1280), FRAME, Saliency(0.5, 0.5, (0.1, 0.9), (0.1, 0.9)), 5)
    assert (last.y > first.y) is down


def test_a_zoom_into_a_tall_image_ends_at_what_stands_out() -> None:
    seen = Saliency(0.5, 0.85, (0.3, 0.7), (0.1, 0.95))
    into, out = (plan_move(move, (1280, 1280), FRAME, seen, 12) for move in (Move.ZOOM_IN, Move.ZOOM_OUT))
    assert into[1].y > into[0].y
    assert out[0].y > out[1].y


@given(st.lists(st.integers(), min_size=1, max_size=40))
def test_no_move_comes_twice_in_a_row(seeds: list[int]) -> None:
    moves = choose_moves(seeds)
    assert all(one is not two for one, two in itertools.pairwise(moves))
    assert moves == choose_moves(seeds)


def test_different_seeds_give_all_moves() -> None:
    assert set(choose_moves(range(60))) == set(DRAWN)


def test_a_zoom_grows_by_the_same_ratio_every_frame() -> None:
    zooms = [window_at(Window(0, 0, 1.0), Window(0, 0, 1.2), k / 10).zoom for k in range(11)]
    ratios = np.array(zooms[1:]) / np.array(zooms[:-1])
    assert np.ptp(ratios) < 1e-9


@given(st.floats(100, 300), st.floats(1.6, 2.6), st.integers(60, 1300))
def test_a_lattice_puts_every_sample_where_it_was_wanted(start: float, step: float, count: int) -> None:
    axis = find_lattice(start, step, count, 10_000)
    if axis is None:  # the affine warp does it then
        return
    index = np.arange(count) + axis.skip
    place = axis.first + (index + 0.5) * axis.pixels / axis.samples - 0.5
    assert np.abs(place - (start + step * np.arange(count))).max() <= TOLERANCE + 1e-6
    assert axis.skip + count <= axis.samples


def test_most_steps_of_a_camera_move_have_a_lattice() -> None:
    steps = np.geomspace(2.3, 2.05, 200)
    found = [find_lattice(200.3, float(step), 1280, 10_000) is not None for step in steps]
    assert sum(found) > 150
