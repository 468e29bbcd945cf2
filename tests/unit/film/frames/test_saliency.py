"""What an image's content is taken to be, and that the camera shows it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from service.film.frames.camera_moves import Move
from service.film.frames.planes import empty
from service.film.frames.saliency import Saliency, saliency
from service.film.frames.still import Still
from service.film.spec import Fit

SIZE = (320, 180)
SUBJECT = 230


def _landscape(*subjects: tuple[float, float]) -> npt.NDArray[np.uint8]:
    """A square, softly shaded image with bright subjects, a tenth of its side large, at these centres (0 to 1)."""
    y, x = np.mgrid[0:512, 0:512] / 512
    image = 70 + 40 * y + 10 * np.sin(9 * x)
    for left, top in subjects:
        image[(abs(x - left) < 0.05) & (abs(y - top) < 0.05)] = SUBJECT
    return np.repeat(image.astype(np.uint8)[:, :, None], 3, axis=2)


@pytest.mark.parametrize("place", [(0.3, 0.4), (0.5, 0.9), (0.75, 0.2)])
def test_a_single_thing_is_found(place: tuple[float, float]) -> None:
    seen = saliency(_landscape(place)[:, :, 0])
    assert (seen.x, seen.y) == pytest.approx(place, abs=0.08)
    assert seen.down[0] < place[1] < seen.down[1]
    assert seen.across[0] < place[0] < seen.across[1]


def test_spans_reach_from_the_first_thing_to_the_last() -> None:
    seen = saliency(_landscape((0.5, 0.1), (0.4, 0.9))[:, :, 0])
    assert seen.down[0] < 0.15
    assert seen.down[1] > 0.85


@pytest.mark.parametrize("shape", [(40, 40), (1, 500), (500, 1), (3, 3)])
def test_a_flat_image_of_any_shape_has_its_interest_in_the_middle(shape: tuple[int, int]) -> None:
    assert saliency(np.full(shape, 90, np.uint8)) == Saliency()


def test_noise_gives_numbers_in_range() -> None:
    seen = saliency(np.random.default_rng(3).integers(0, 255, (90, 160), np.uint8))
    assert all(0 <= value <= 1 for value in (seen.x, seen.y, *seen.across, *seen.down))


@pytest.mark.parametrize("move", Move)
@pytest.mark.parametrize("places", [((0.5, 0.93),), ((0.4, 0.08),), ((0.3, 0.1), (0.6, 0.93))], ids=len)
def test_things_at_the_edges_of_a_square_image_are_seen_in_a_wide_film(
    move: Move, places: tuple[tuple[float, float], ...]
) -> None:
    """A crop in the middle would lose all of them."""
    frames = 12 * 30
    still = Still(_landscape(*places), SIZE, fit=Fit.CROP, move=move, frames=frames, fps=30)
    out = empty(*SIZE)
    found = set()
    for frame in (0, frames // 2, frames - 1):
        still.draw(frame, out)
        # A subject is 32 pixels wide and high (but for the zoom): most of it has to be in the image.
        for number, (left, _) in enumerate(places):
            part = out.y[:, int((left - 0.2) * SIZE[0]) : int((left + 0.2) * SIZE[0])]
            if (part > 180).sum() > 600:
                found.add(number)
    assert len(found) == (len(places) if move is not Move.NONE else 1)
