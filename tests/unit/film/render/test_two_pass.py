"""The search for the quality at which a film has the wanted size."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.film.encoding.writers import Encoding
from service.film.render.segments import Segment
from service.film.render.two_pass import BEST, MOST, ROUGH, TOLERANCE, USUAL, WORST, at_crf, crf_of, nearest, next_crf

SEGMENT = Segment(320, 180, 15, 9, (), "", (), "", "", Encoding("libx264", (("crf", "21.7"), ("level", "31"))))


def _search(sizes: list[tuple[float, float]], wanted: float) -> list[tuple[float, int]]:
    """What is tried of a film whose size doubles every so many steps of CRF: [(doubling, bytes at 21.7), ...] are its shots."""
    tried: list[tuple[float, int]] = []
    crf: float | None = 21.7
    while crf is not None:
        assert BEST <= crf <= WORST
        tried.append((crf, round(sum(size * 2 ** ((21.7 - crf) / doubling) for doubling, size in sizes))))
        crf = next_crf(tried, wanted)
    return tried


@given(st.lists(st.tuples(st.floats(3, 12), st.floats(1e3, 1e7)), min_size=1, max_size=9), st.floats(-8, 8))
def test_a_size_that_can_be_had_is_found_in_a_few_passes(sizes: list[tuple[float, float]], away: float) -> None:
    wanted = sum(size * 2 ** (away / doubling) for doubling, size in sizes)
    tried = _search(sizes, wanted)
    assert nearest(tried, wanted)[1] == pytest.approx(wanted, rel=TOLERANCE)
    assert len(tried) <= MOST


@pytest.mark.parametrize(
    ("crfs", "sizes", "wanted", "most"),
    [  # as two films were found to be: hardly any bits for noise, and nearly all there are for soft colours
        ((21.7, 42.04, 45.14, 46.29, 47.18, 48.66, 51.0), (5640, 350, 221, 154, 92, 50, 30), 150, MOST),
        ((1.0, 3.82, 4.09, 4.3, 9.05, 12.78, 21.7), (4728, 2890, 2626, 2240, 782, 368, 87), 2500, MOST),
        ((1.0, 4.3, 9.05, 12.78, 18.03, 21.7), (4728, 2240, 782, 368, 155, 87), 1000, USUAL),
    ],
)
def test_where_sizes_leap_it_takes_more_passes(
    crfs: tuple[float, ...], sizes: tuple[int, ...], wanted: int, most: int
) -> None:
    tried: list[tuple[float, int]] = []
    crf: float | None = 21.7
    while crf is not None:
        tried.append((crf, round(1000 * 2 ** float(np.interp(crf, crfs, np.log2(sizes))))))
        crf = next_crf(tried, 1000 * wanted)
    assert nearest(tried, 1000 * wanted)[1] == pytest.approx(1000 * wanted, rel=ROUGH)
    assert len(tried) <= most


@pytest.mark.parametrize(("wanted", "crf"), [(1e12, BEST), (1, WORST)])
def test_what_cannot_be_had_is_given_up_at_the_end_of_the_scale(wanted: float, crf: float) -> None:
    tried = _search([(6.0, 1e6)], wanted)
    assert tried == [tried[0], (crf, tried[1][1])]


def test_images_that_no_bits_can_make_better_end_the_search() -> None:
    tried = _search([(1e9, 2_000)], 1e6)
    assert [crf for crf, _ in tried] == [21.7, BEST]


def test_a_film_of_which_little_has_changed_is_tried_at_the_same_qualities() -> None:
    """So what has not changed is in the cache."""
    shots = [(6.0, 9e5), (4.5, 3e5), (8.0, 2e5)]
    other = [*shots[:2], (8.0, 2.06e5)]
    assert [crf for crf, _ in _search(shots, 3e6)] == [crf for crf, _ in _search(other, 3e6)]


def test_a_size_that_is_right_at_once_needs_no_second_pass() -> None:
    assert next_crf([(21.7, 1_000_000)], 1_020_000) is None


def test_the_quality_is_part_of_a_segments_key_and_all_else_stays() -> None:
    (other,) = at_crf([SEGMENT], 18.25)
    assert crf_of(other) == 18.25
    assert other.key != SEGMENT.key
    assert dataclasses.replace(other, encoding=SEGMENT.encoding) == SEGMENT
    assert at_crf([other], 21.7) == [SEGMENT]
