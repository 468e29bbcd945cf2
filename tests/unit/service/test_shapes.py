"""The sizes that a project's aspect makes."""

from __future__ import annotations

import math
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.fields import Aspect, frame_size
from service.film.frames.still import ASPECT_TOLERANCE
from service.shapes import IMAGES, film_size, image_size

ASPECTS = get_args(Aspect)


def ratio(aspect: str) -> float:
    across, down = aspect.split(":")
    return int(across) / int(down)


def test_every_aspect_has_an_image_size_and_no_aspect_has_the_one_of_old() -> None:
    assert set(IMAGES) == {"", *ASPECTS}
    assert image_size("") == image_size(None) == (1024, 1024)


@pytest.mark.parametrize("aspect", ASPECTS)
def test_an_image_is_what_models_paint_and_of_a_shape_that_films_take_for_theirs(aspect: str) -> None:
    width, height = image_size(aspect)
    assert width % 64 == height % 64 == 0
    assert width * height == pytest.approx(1024 * 1024, rel=0.05)
    assert abs(math.log(width / height / ratio(aspect))) < ASPECT_TOLERANCE


@pytest.mark.parametrize("aspect", ASPECTS)
def test_a_film_has_the_size_that_its_aspect_has_as_a_resolution(aspect: str) -> None:
    assert film_size("", aspect, "1280x720") == frame_size(aspect)


@pytest.mark.parametrize(
    ("asked", "aspect", "default", "size"),
    [
        ("", "", "1000x562", (1000, 562)),
        ("", None, "4096x64", (4096, 64)),
        ("640x360", "9:16", "1280x720", (640, 360)),
        ("1080p", "1:1", "1280x720", (1920, 1080)),
        ("", "16:9", "1920x1080", (1920, 1080)),
        ("", "9:16", "1920x1080", (1080, 1920)),
        ("", "16:9", "720x1280", (1280, 720)),
        ("", "16:9", "854x480", (854, 480)),
        ("", "16:9", "1366x768", (1366, 768)),
        ("", "3:4", "1000x562", (562, 750)),
        ("", "16:9", "4096x4096", (4096, 2304)),
    ],
)
def test_a_film_has_what_was_asked_for_else_the_default_s_shorter_side(
    asked: str, aspect: str | None, default: str, size: tuple[int, int]
) -> None:
    assert film_size(asked, aspect, default) == size


sides = st.integers(32, 2048).map(lambda half: 2 * half)


@given(sides, sides, st.sampled_from(ASPECTS))
def test_every_film_of_an_aspect_can_be_asked_for_by_its_size(width: int, height: int, aspect: str) -> None:
    made = film_size("", aspect, f"{width}x{height}")
    assert frame_size(f"{made[0]}x{made[1]}") == made
    assert made[0] / made[1] == pytest.approx(ratio(aspect), rel=0.04), "but for whole, even pixels"
    assert min(made) == min(width, height) or max(made) == 4096
