"""The envelope of the music: where it goes down, how deep, and how gently."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.film.sound.ducking import ATTACK_S, HOLD_S, RELEASE_S, duck_gains, fade_gains

DUCKED = 10 ** (-6 / 20)


def test_music_is_down_before_the_first_word_and_up_again_after_the_last() -> None:
    gains = duck_gains([(2.0, 3.0)], -6.0, 6000)
    assert gains[: int((2.0 - ATTACK_S) * 1000)] == pytest.approx(1.0)
    assert gains[2000:3100] == pytest.approx(DUCKED)
    assert gains[math.ceil((3.0 + HOLD_S + RELEASE_S) * 1000) :] == pytest.approx(1.0)


def test_music_stays_down_in_a_short_pause_and_comes_up_in_a_long_one() -> None:
    short = duck_gains([(1.0, 2.0), (2.8, 4.0)], -6.0, 6000)
    assert short[1000:4000] == pytest.approx(DUCKED)
    long = duck_gains([(1.0, 2.0), (4.0, 5.0)], -6.0, 6000)
    assert long[2900] == pytest.approx(1.0)


def test_without_speech_music_is_as_it_is() -> None:
    np.testing.assert_array_equal(duck_gains([], -6.0, 1000), np.ones(1001))


spans = st.lists(st.tuples(st.floats(0, 12), st.floats(0.01, 3)).map(lambda s: (s[0], s[0] + s[1])), max_size=8)


@given(spans, st.floats(-24, 0))
def test_speech_is_always_under_the_full_ducking_and_no_step_can_be_heard(
    speech: list[tuple[float, float]], duck_db: float
) -> None:
    gains = duck_gains(speech, duck_db, 10_000)
    at = np.arange(10_001) / 1000
    for start, end in speech:
        assert gains[(at >= start) & (at <= end)] == pytest.approx(10 ** (duck_db / 20))
    decibels = 20 * np.log10(gains)
    assert decibels.min() >= duck_db - 1e-9
    assert decibels.max() <= 1e-9
    # A raised cosine is steepest in its middle.
    assert np.abs(np.diff(decibels)).max() <= -duck_db * math.pi / 2 / (ATTACK_S * 1000) + 1e-6


def test_fades_begin_and_end_in_silence() -> None:
    gains = fade_gains(1.0, 2.0, 10_000)
    assert gains[[0, -1]] == pytest.approx(0.0, abs=1e-9)
    assert gains[1000:8000] == pytest.approx(1.0)
    assert np.all(np.diff(gains[:1000]) > 0)
    assert np.all(np.diff(gains[8001:]) < 0)


def test_fades_longer_than_the_film_meet_in_its_middle() -> None:
    gains = fade_gains(5.0, 5.0, 2000)
    assert np.all(np.isfinite(gains))
    assert gains[0] == pytest.approx(0.0, abs=1e-9)
    assert gains[-1] == pytest.approx(0.0, abs=1e-9)
