"""An offset is taken off, and what has none stays as it is."""

from __future__ import annotations

import numpy as np
import pytest

from service.film.sound.centring import centred
from service.film.sound.speech import SpeechMeter
from tests.support.audio_signals import RATE, Samples, gentle, music, peaky, silence, speech, tone


def through(signal: Samples, block: int = RATE // 2) -> Samples:
    parts = (signal[:, at : at + block] for at in range(0, signal.shape[1], block))
    return np.concatenate(list(centred(parts)), axis=1)


SOUNDS = {
    "speech": speech(2.3, 1),
    "loud speech": speech(2.3, 2, peak=0.99),
    "faint speech": speech(2.3, 2, peak=0.003),
    "plosives": peaky(2.0, 3),
    "music": music(3.1),
    "a low tone": gentle(tone(2.0, -1, 30)),
    "a tone": tone(2.0, -1, 997),
    "silence": silence(1.0),
    "a moment": speech(0.05, 1),
    "noise": (0.1 * np.random.default_rng(0).standard_normal((2, RATE))).astype(np.float32),
}


@pytest.mark.parametrize("name", set(SOUNDS) - {"noise", "loud speech", "a moment", "a low tone"})
def test_a_sound_without_an_offset_is_not_touched(name: str) -> None:
    np.testing.assert_array_equal(through(SOUNDS[name]), SOUNDS[name])


@pytest.mark.parametrize("name", set(SOUNDS) - {"a moment"})
@pytest.mark.parametrize("offset", [0.0, 0.02, 0.5, -0.3])
def test_an_offset_is_gone_and_the_sound_is_the_same(name: str, offset: float) -> None:
    centre = through(SOUNDS[name] + np.array([[offset], [offset / 2]], np.float32))
    assert centre.shape == SOUNDS[name].shape
    limit = 0.02 if name in ("noise", "a low tone") else 2e-3  # what of them lies below 20 Hz
    assert np.abs(centre - SOUNDS[name]).max() < limit


@pytest.mark.parametrize("block", [1, 100, 2400, 9601, 24_000, 100_000])
def test_the_blocks_lengths_play_no_part(block: int) -> None:
    signal = (speech(1.0, 1) + 0.2)[:, : 3000 if block == 1 else None].astype(np.float32)
    np.testing.assert_allclose(through(signal, block), through(signal, 24_000), atol=1e-5)


def test_a_length_of_any_number_of_samples_is_kept() -> None:
    for count in (1, 2399, 2400, 4800, 9600, 9601, 24_001):
        assert through(np.full((2, count), 0.25, np.float32)) == pytest.approx(np.zeros((2, count)), abs=4e-4)
    assert list(centred([])) == []


def test_an_offset_that_comes_and_goes_leaves_the_pauses_silent() -> None:
    signal = np.concatenate([silence(1.5), speech(1.0, 1) + 0.2, silence(1.5)], axis=1).astype(np.float32)
    centre = through(signal)
    assert np.abs(centre[:, : round(1.3 * RATE)]).max() < 1e-3
    assert np.abs(centre[:, round(2.7 * RATE) :]).max() < 1e-3
    assert np.abs(centre[:, round(1.7 * RATE) : round(2.3 * RATE)].mean()) < 1e-2


def test_pauses_are_found_in_a_narration_with_an_offset() -> None:
    signal = np.concatenate([silence(1.0), speech(1.0, 1), silence(0.5), speech(0.8, 2)], axis=1) + np.float32(0.3)
    meter = SpeechMeter()
    meter.feed(through(signal))
    edges = [edge for span in meter.spoken() for edge in span]
    assert edges == pytest.approx([1.0, 2.0, 2.5, 3.3], abs=0.05)
