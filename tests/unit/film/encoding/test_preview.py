"""A preview's size and rate."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.film.encoding.selection import as_previewed
from service.film.spec import FilmShot, FilmSpec, Quality


def size(width: int, height: int, quality: Quality = Quality.PREVIEW) -> tuple[int, int]:
    spec = as_previewed(FilmSpec((FilmShot(1),), Path("o"), Path("c"), width=width, height=height, quality=quality))
    return spec.width, spec.height


@pytest.mark.parametrize(
    ("film", "preview"),
    [
        ((1280, 720), (640, 360)),
        ((720, 1280), (360, 640)),
        ((1080, 1080), (640, 640)),
        ((640, 360), (640, 360)),
        ((320, 640), (320, 640)),
        ((1920, 800), (640, 266)),
    ],
)
def test_a_previews_longer_side_is_small_whichever_it_is(film: tuple[int, int], preview: tuple[int, int]) -> None:
    assert size(*film) == preview
    assert size(*film, Quality.FINAL) == film


@given(st.integers(32, 2048), st.integers(32, 2048))
def test_a_preview_is_even_and_has_the_films_shape(half_width: int, half_height: int) -> None:
    width, height = size(2 * half_width, 2 * half_height)
    assert width % 2 == height % 2 == 0
    assert max(width, height) <= 640 or min(width, height) == 64
    # Each side is at most a pixel off.
    assert abs(width * half_height - height * half_width) <= half_width + half_height


@pytest.mark.parametrize(("film", "preview"), [(60, 15), (30, 15), (24, 15), (15, 15), (12, 12)])
def test_a_preview_has_fewer_frames_a_second(film: int, preview: int) -> None:
    spec = FilmSpec((FilmShot(1),), Path("o"), Path("c"), fps=film, quality=Quality.PREVIEW)
    assert as_previewed(spec).fps == preview
    assert as_previewed(replace(spec, quality=Quality.FINAL)).fps == film
