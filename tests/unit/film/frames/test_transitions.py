"""Transitions between two known frames."""

from __future__ import annotations

import numpy as np
import pytest

from service.film.frames.planes import Planes, empty
from service.film.frames.transitions import blend
from service.film.spec import Transition

SIZE = (64, 36)


def _flat(y: int, u: int, v: int) -> Planes:
    planes = empty(*SIZE)
    for plane, value in zip(planes, (y, u, v), strict=True):
        plane.fill(value)
    return planes


def _blend(kind: Transition, amount: float) -> Planes:
    out = _flat(1, 1, 1)
    blend(kind, _flat(60, 100, 140), _flat(200, 160, 90), out, amount)
    return out


def test_a_crossfade_is_half_of_each_in_the_middle() -> None:
    out = _blend(Transition.CROSSFADE, 0.5)
    assert [int(plane[5, 5]) for plane in out] == [130, 130, 115]


def test_a_fade_goes_through_black_and_keeps_both_ends() -> None:
    assert int(_blend(Transition.FADE_BLACK, 0.01).y[0, 0]) == pytest.approx(59, abs=2)
    middle = _blend(Transition.FADE_BLACK, 0.5)
    assert [int(plane[0, 0]) for plane in middle] == [16, 128, 128]
    assert int(_blend(Transition.FADE_BLACK, 0.99).y[0, 0]) == pytest.approx(196, abs=2)


@pytest.mark.parametrize("kind", [Transition.SLIDE_LEFT, Transition.WIPE_LEFT])
def test_leftwards_the_new_image_comes_from_the_right(kind: Transition) -> None:
    out = _blend(kind, 0.5)
    assert int(out.y[0, 0]) == 60
    assert int(out.y[0, -1]) == 200
    assert int(out.u[0, 0]) == 100
    assert int(out.u[0, -1]) == 160


@pytest.mark.parametrize("kind", [Transition.SLIDE_RIGHT, Transition.WIPE_RIGHT])
def test_rightwards_the_new_image_comes_from_the_left(kind: Transition) -> None:
    out = _blend(kind, 0.5)
    assert int(out.y[0, 0]) == 200
    assert int(out.y[0, -1]) == 60


@pytest.mark.parametrize("kind", [kind for kind in Transition if kind is not Transition.CUT])
def test_every_transition_fills_the_frame_and_comes_nearer_to_the_new_image(kind: Transition) -> None:
    shares = []
    for amount in (0.1, 0.3, 0.5, 0.7, 0.9):
        out = _blend(kind, amount)
        assert min(int(plane.min()) for plane in out) >= 16, "a part of the frame was not written"
        shares.append(float(np.abs(out.u.astype(int) - 160).mean()))
    assert shares[-1] < shares[0]
    if kind is not Transition.FADE_BLACK:
        assert shares == sorted(shares, reverse=True)


def test_a_slide_moves_the_images_as_they_are() -> None:
    ramp = empty(*SIZE)
    ramp.y[:] = np.arange(64, dtype=np.uint8)[None, :] + 20
    ramp.u[:] = ramp.v[:] = 128
    out = empty(*SIZE)
    blend(Transition.SLIDE_LEFT, ramp, ramp, out, 0.5)
    assert out.y[3].tolist() == [*range(52, 84), *range(20, 52)]
