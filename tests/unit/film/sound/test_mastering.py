"""One loudness under one ceiling: what the gains do to real samples."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.film.sound.loudness import CELL, LoudnessMeter, Measured
from service.film.sound.mastering import limit, master, music_lift
from service.film.sound.tracks import apply_gains
from tests.support.audio_signals import Samples, music, peaky, silence, speech, tone


def measure(signal: Samples) -> Measured:
    meter = LoudnessMeter()
    meter.feed(signal)
    return meter.finish()


def mastered(signal: Samples, target: float = -16.0, ceiling: float = -1.0) -> Measured:
    return measure(apply_gains(signal, master(measure(signal), target, ceiling).gains, 0))


@pytest.mark.parametrize(
    "signal",
    [
        pytest.param(speech(4, 1, peak=0.01), id="faint"),
        pytest.param(speech(4, 2, peak=1.0), id="loud"),
        pytest.param(music(4, peak=1.0), id="music"),
        pytest.param(np.concatenate([speech(2, 3), silence(3), speech(2, 4)], axis=1), id="pauses"),
        pytest.param(np.concatenate([music(3, peak=0.02), tone(0.2, 0.0), music(3, peak=0.02)], axis=1), id="a bang"),
        pytest.param(peaky(4, 7), id="plosives"),
    ],
)
def test_the_loudness_is_met_under_the_ceiling(signal: Samples) -> None:
    found = mastered(signal)
    assert found.integrated() == pytest.approx(-16.0, abs=0.1)
    assert found.true_peak() <= -1.0 + 0.1


def test_a_faster_release_is_taken_only_where_a_slow_one_costs_loudness() -> None:
    gentle = measure(speech(4, 1))
    plan = master(gentle, -16.0, -1.0)
    slow = limit(gentle.peaks, -1.0 - 20 * math.log10(plan.gains.max()))
    np.testing.assert_allclose(20 * np.log10(plan.gains.max() / plan.gains), slow, atol=1e-6)
    dense = measure(peaky(4, 7))
    decibels = 20 * np.log10(master(dense, -16.0, -1.0).gains)
    assert np.diff(decibels).max() > 0.05


def test_silence_stays_silence() -> None:
    plan = master(measure(silence(2)), -16.0, -1.0)
    np.testing.assert_array_equal(plan.gains, np.ones(2001))
    assert plan.lufs == -math.inf


def test_more_than_twelve_decibels_of_limiting_are_refused_and_the_loudness_told() -> None:
    clicks = speech(4, 5, peak=0.002)
    clicks[:, :: 4800 * 2] = 0.9
    plan = master(measure(clicks), -16.0, -1.0)
    assert plan.lufs < -17.0
    found = measure(apply_gains(clicks, plan.gains, 0))
    assert found.integrated() == pytest.approx(plan.lufs, abs=0.3)
    assert found.true_peak() <= -0.9


def test_a_limiter_that_has_nothing_to_do_does_nothing() -> None:
    np.testing.assert_array_equal(limit(np.full(100, 0.5), -1.0), np.zeros(101))


@settings(max_examples=50)
@given(st.lists(st.floats(0, 8), min_size=1, max_size=400), st.floats(-12, 0))
def test_every_millisecond_is_held_under_the_ceiling_by_gains_without_a_jump(
    peaks: list[float], ceiling: float
) -> None:
    attenuation = limit(np.array(peaks), ceiling)
    assert len(attenuation) == len(peaks) + 1
    # Between its edges a cell's gain goes straight, so its ends bound it.
    least = np.minimum(attenuation[1:], attenuation[:-1])
    with np.errstate(divide="ignore"):
        assert np.all(20 * np.log10(np.array(peaks)) - least <= ceiling + 1e-6)
    highest = max(20 * math.log10(max(*peaks, 1e-9)) - ceiling, 0)
    assert np.abs(np.diff(attenuation)).max() <= highest / 11 + 0.031  # the look-ahead spreads any step over 11 ms


def test_music_in_a_film_that_hardly_speaks_comes_up_but_not_over_the_speech() -> None:
    words = np.zeros(20_000)
    words[:500] = measure(speech(0.5, 6, peak=0.3)).energies
    gains = np.ones(20_000)
    lift = music_lift(words, gains, -30.0, -16.0, 14.0)
    assert 5.0 < lift <= 14.0
    spoken = np.full(20_000, CELL * 10 ** ((-16.0 + 0.691) / 10))
    assert music_lift(spoken, gains, -30.0, -16.0, 14.0) == 0.0
