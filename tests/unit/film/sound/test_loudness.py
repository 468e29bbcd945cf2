"""Loudness and true peak, after the test signals of EBU Tech 3341 and against ffmpeg's `ebur128` filter."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.film.sound.loudness import CELL, LoudnessMeter, Measured
from tests.support.audio_signals import RATE, Samples, both, ebur128, gentle, music, silence, speech, tone, write_wav


def measured(*parts: Samples, block: int = RATE) -> Measured:
    signal = np.concatenate(parts, axis=1)
    meter = LoudnessMeter()
    for at in range(0, signal.shape[1], block):
        meter.feed(signal[:, at : at + block])
    return meter.finish()


def levels(*steps: tuple[float, float]) -> float:
    """The loudness of a 997 Hz tone that goes through (dBFS, seconds)."""
    return measured(*(tone(seconds, dbfs) for dbfs, seconds in steps)).integrated()


@pytest.mark.parametrize("dbfs", [-23.0, -33.0])
def test_a_stereo_tone_is_as_loud_as_its_level(dbfs: float) -> None:
    """EBU Tech 3341, cases 1 and 2."""
    assert levels((dbfs, 20)) == pytest.approx(dbfs, abs=0.1)


def test_one_channel_alone_is_three_decibels_softer() -> None:
    signal = tone(5, -20)
    signal[1] = 0
    assert measured(signal).integrated() == pytest.approx(-23.0, abs=0.1)


def test_what_is_ten_decibels_below_the_rest_does_not_count() -> None:
    """EBU Tech 3341, case 3: the relative gate."""
    assert levels((-36, 10), (-23, 60), (-36, 10)) == pytest.approx(-23.0, abs=0.1)


def test_what_is_nearly_silent_neither_counts_nor_moves_the_relative_gate() -> None:
    """EBU Tech 3341, case 4: both gates."""
    assert levels((-72, 10), (-36, 10), (-23, 60), (-36, 10), (-72, 10)) == pytest.approx(-23.0, abs=0.1)


def test_what_is_within_ten_decibels_counts() -> None:
    """EBU Tech 3341, case 5."""
    assert levels((-26, 20), (-20, 20.1), (-26, 20)) == pytest.approx(-23.0, abs=0.1)


def test_long_silence_between_tones_does_not_make_them_softer() -> None:
    assert measured(tone(5, -23), silence(60), tone(5, -23)).integrated() == pytest.approx(-23.0, abs=0.2)


@pytest.mark.parametrize("dbfs", [-75.0, -200.0])
def test_what_the_absolute_gate_shuts_out_has_no_loudness(dbfs: float) -> None:
    assert levels((dbfs, 3)) == -math.inf


def test_nothing_at_all_has_neither_loudness_nor_peak() -> None:
    nothing = LoudnessMeter().finish()
    assert (nothing.integrated(), nothing.true_peak(), len(nothing.energies)) == (-math.inf, -math.inf, 0)


@pytest.mark.parametrize(
    ("divisor", "degrees", "amplitude", "dbtp"),
    [(4, 0, 0.5, -6.0), (4, 45, 0.5, -6.0), (6, 60, 0.5, -6.0), (8, 67.5, 0.5, -6.0), (4, 45, 1.41, 3.0)],
)
def test_a_peak_between_the_samples_is_found(divisor: int, degrees: float, amplitude: float, dbtp: float) -> None:
    """EBU Tech 3341, cases 15 to 19, with their tolerance."""
    at = np.arange(RATE)
    signal = gentle(both(amplitude * np.sin(2 * np.pi * at / divisor + np.radians(degrees))))
    assert dbtp - 0.4 <= measured(signal).true_peak() <= dbtp + 0.2


def test_a_peak_is_known_to_the_millisecond() -> None:
    signal = silence(1)
    signal[0, 500 * CELL + 20] = 0.5
    peaks = measured(signal).peaks
    assert int(peaks.argmax()) == 500
    assert peaks[500] == pytest.approx(0.5, abs=0.01)
    assert peaks[:498].max() < 1e-6
    assert peaks[502:].max() < 1e-6


@pytest.mark.parametrize(
    "signal",
    [
        pytest.param(
            np.concatenate([speech(3, 1, peak=0.9), silence(4), speech(2, 2, peak=0.05)], axis=1), id="pauses"
        ),
        pytest.param(music(6, peak=0.99), id="music"),
        pytest.param(gentle(np.clip(music(3, 3, peak=4.0), -0.999, 0.999)), id="clipped"),
        pytest.param(gentle(tone(1, -12, 60)), id="low"),
        pytest.param(gentle(tone(1, -12, 11_000)), id="high"),
        pytest.param(speech(0.5, 4), id="short"),
    ],
)
def test_ffmpeg_measures_the_same_loudness_and_peak(signal: Samples, tmp_path: Path) -> None:
    lufs, dbtp = ebur128(write_wav(tmp_path / "a.wav", signal))
    ours = measured(signal)
    assert ours.integrated() == pytest.approx(lufs, abs=0.1)
    assert ours.true_peak() == pytest.approx(dbtp, abs=0.2)


SIGNAL = speech(4.0137, 5)
WHOLE = measured(SIGNAL)


@settings(max_examples=25)
@given(st.lists(st.integers(1, 90_000), min_size=1, max_size=30))
def test_the_size_of_the_blocks_plays_no_part(sizes: list[int]) -> None:
    meter = LoudnessMeter()
    at = 0
    for size in [*sizes, SIGNAL.shape[1]]:
        meter.feed(SIGNAL[:, at : at + size])
        at += size
    found = meter.finish()
    np.testing.assert_allclose(found.energies, WHOLE.energies, rtol=1e-3, atol=1e-6)
    np.testing.assert_array_equal(found.peaks, WHOLE.peaks)
    assert len(found.energies) == math.ceil(SIGNAL.shape[1] / CELL)


def test_without_its_peaks_the_loudness_is_the_same() -> None:
    meter = LoudnessMeter(peaks=False)
    meter.feed(SIGNAL)
    found = meter.finish()
    np.testing.assert_array_equal(found.energies, WHOLE.energies)
    assert found.true_peak() == -math.inf


def test_a_channel_that_repeats_the_other_is_not_listened_to_but_counts() -> None:
    mono = np.repeat(SIGNAL[:1], 2, axis=0)
    nearly = mono.copy()
    nearly[1, ::997] += np.float32(1e-7)
    one, other = measured(mono), measured(nearly)
    np.testing.assert_allclose(one.energies, other.energies, rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(one.peaks, other.peaks, atol=1e-5)
    alternating = mono.copy()
    alternating[1, : RATE * 2] = 0  # mono begins in the middle of the stream: the filters ring on in either channel
    left = np.stack([mono[0], np.zeros_like(mono[0])])
    right = np.stack([np.zeros_like(mono[0]), alternating[1]])
    apart = measured(left).energies + measured(right).energies
    np.testing.assert_allclose(measured(alternating).energies, apart, rtol=1e-3, atol=1e-6)


@given(st.floats(-20, 20))
def test_a_gain_moves_the_loudness_by_itself(gain_db: float) -> None:
    gains = np.full(len(WHOLE.energies), 10 ** (gain_db / 20))
    assert WHOLE.integrated(gains) == pytest.approx(WHOLE.integrated() + gain_db, abs=1e-6)
