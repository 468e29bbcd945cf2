"""Where a narration speaks and where it pauses."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.film.sound.speech import SpeechMeter, join_near
from tests.support.audio_signals import Samples, silence, speech


def meter_of(*parts: Samples, block: int = 24_000) -> SpeechMeter:
    signal = np.concatenate(parts, axis=1)
    meter = SpeechMeter()
    for at in range(0, signal.shape[1], block):
        meter.feed(signal[:, at : at + block])
    return meter


@pytest.mark.parametrize("noise", [0.0, 0.002])
def test_pauses_are_found_to_a_few_hundredths_of_a_second(noise: float) -> None:
    parts = [silence(0.5), speech(1.0, 1), silence(0.4), speech(1.5, 2), silence(0.3)]
    signal = np.concatenate(parts, axis=1)
    signal += (noise * np.random.default_rng(0).standard_normal(signal.shape)).astype(np.float32)
    found = meter_of(signal)
    assert [edge for span in found.spoken() for edge in span] == pytest.approx([0.5, 1.5, 1.9, 3.4], abs=0.05)
    assert len(found.pauses()) == 3
    assert found.seconds == pytest.approx(3.7)


def test_a_breath_between_syllables_is_no_pause() -> None:
    assert len(meter_of(speech(3.0, 3)).spoken()) == 1


@pytest.mark.parametrize("level", [0.0, 0.0003])
def test_silence_and_a_faint_hiss_are_no_speech(level: float) -> None:
    hiss = (level * np.random.default_rng(1).standard_normal((2, 48_000))).astype(np.float32)
    found = meter_of(hiss)
    assert found.spoken() == []
    assert found.pauses() == [(0.0, 1.0)]


def test_a_meter_that_heard_nothing_has_no_length() -> None:
    assert (SpeechMeter().spoken(), SpeechMeter().pauses(), SpeechMeter().seconds) == ([], [], 0.0)


@settings(max_examples=20)
@given(st.integers(100, 60_000))
def test_the_size_of_the_blocks_plays_no_part(block: int) -> None:
    parts = (silence(0.2), speech(0.6, 4), silence(0.4), speech(0.31, 5))
    np.testing.assert_allclose(meter_of(*parts, block=block).spoken(), meter_of(*parts).spoken())


def test_spans_with_little_between_them_are_one() -> None:
    assert join_near([(2.0, 3.0), (0.0, 1.0), (1.05, 1.5), (2.5, 2.6)], 0.1) == [(0.0, 1.5), (2.0, 3.0)]
