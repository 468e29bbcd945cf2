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


@pytest.mark.parametrize("noise_db", [-70, -55, -45, -40])
@pytest.mark.parametrize("kind", ["hiss", "hum", "rumble"])
@pytest.mark.parametrize("pauses", [(3.0, 0.0, 0.0), (0.0, 3.0, 0.0), (0.0, 0.0, 3.0), (3.0, 3.0, 3.0)])
def test_silence_around_a_voice_is_found_beside_a_rooms_noise(
    pauses: tuple[float, float, float], kind: str, noise_db: float
) -> None:
    before, between, behind = pauses
    signal = np.concatenate(
        [silence(before), speech(2.0, 1), silence(between), speech(2.0, 2), silence(behind)], axis=1
    )
    noise = np.random.default_rng(3).standard_normal(signal.shape)
    if kind == "rumble":
        spectrum = np.fft.rfft(noise)
        at = np.fft.rfftfreq(signal.shape[1], 1 / 48_000)
        noise = np.fft.irfft(spectrum * ((at > 60) & (at < 600)), signal.shape[1])
    elif kind == "hum":
        noise = np.sin(2 * np.pi * 50 * np.arange(signal.shape[1]) / 48_000) * np.ones((2, 1))
    noise *= 10 ** (noise_db / 20) / noise.std()
    found = [edge for span in meter_of((signal + noise).astype(np.float32)).spoken() for edge in span]
    wanted = [before, before + 2.0, before + 2.0 + between, before + 4.0 + between]
    assert found == pytest.approx(wanted if between else [wanted[0], wanted[-1]], abs=0.06)


def test_a_click_in_the_silence_is_no_voice() -> None:
    click = silence(3.0)
    click[:, 20_000:20_200] = 0.5
    assert [edge for span in meter_of(click, speech(2.0, 1)).spoken() for edge in span] == pytest.approx(
        [3.0, 5.0], abs=0.05
    )
