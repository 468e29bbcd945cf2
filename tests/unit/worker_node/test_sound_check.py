"""A sound that cannot be the speech of its text is told from one that can."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from worker_node.providers.sound_check import check_speech, without_long_end

RATE = 24_000
CHINESE = "从前有一位老人，住在海边的灯塔里。"  # 15 syllables
ENGLISH = "Once upon a time an old man lived in a lighthouse by the sea."


def voice(seconds: float, *, level: float = 0.3, ending: float = 0.15) -> NDArray[np.float32]:
    """A buzz that goes up and down as syllables do, and dies away at its end."""
    at = np.arange(round(seconds * RATE)) / RATE
    sound = level * np.sin(2 * np.pi * 180 * at) * (0.55 + 0.45 * np.sin(2 * np.pi * 4 * at))
    fade = min(at.size, round(ending * RATE))
    if fade:
        sound[-fade:] *= np.linspace(1, 0, fade) ** 2
    return sound.astype(np.float32)


def still(seconds: float) -> NDArray[np.float32]:
    return np.zeros(round(seconds * RATE), np.float32)


@pytest.mark.parametrize(
    ("samples", "text", "reason"),
    [
        (still(0), CHINESE, "语音是空的"),
        (still(3), CHINESE, "语音没有声音"),
        (voice(3, level=1e-4), CHINESE, "语音没有声音"),
        (np.full(RATE, np.nan, np.float32), CHINESE, "语音数据已损坏"),
        (voice(0.4), CHINESE, "语音太短"),
        (np.concatenate([voice(0.4), still(4)]), CHINESE, "语音太短"),  # the silence behind it is no speech
        (voice(0.5), ENGLISH, "语音太短"),
        (voice(25), CHINESE, "语音太长"),
        (voice(30), ENGLISH, "语音太长"),
        (voice(3, ending=0)[: round(2.82 * RATE)], CHINESE, "语音在结尾处被截断"),
    ],
)
def test_what_cannot_be_the_speech_is_told(samples: NDArray[np.float32], text: str, reason: str) -> None:
    found = check_speech(samples, RATE, text)
    assert found is not None
    assert found.startswith(reason)


@pytest.mark.parametrize(
    ("seconds", "text", "speed"),
    [
        (3.2, CHINESE, 1.0), (4.6, ENGLISH, 1.0), (1.7, CHINESE, 2.0), (6.4, CHINESE, 0.5), (0.5, "好。", 1.0), (1.4, "好。", 1.0),
        (6.0, "2024-12-31 50%", 1.0), (3.0, "NATO, UNESCO", 1.0), (2.4, "Привет, мир", 1.0), (1.2, "नमस्ते", 1.0), (1.4, "こんにちは", 1.0),
        (2.4, "a b c d e f", 0.5), (8.1, "Привет, как дела?", 0.5),
    ],
)  # fmt: skip
def test_what_can_be_the_speech_passes(seconds: float, text: str, speed: float) -> None:
    assert check_speech(voice(seconds), RATE, text, speed) is None


def test_a_sentence_spoken_twice_over_is_too_long_and_half_of_a_text_too_short() -> None:
    text = CHINESE * 8
    fair = voice(8 * 4.2)
    assert check_speech(fair, RATE, text) is None
    assert check_speech(np.tile(fair, 2), RATE, text) is not None
    assert check_speech(fair, RATE, text * 12) is not None


@pytest.mark.parametrize("samples", [still(0), still(0.6), voice(2)])
def test_a_text_without_anything_to_say_may_sound_as_it_likes(samples: NDArray[np.float32]) -> None:
    found = check_speech(samples, RATE, "……！")
    assert found is None if samples.size else found == "语音是空的"


def test_a_long_silence_at_the_end_goes_and_a_short_one_stays() -> None:
    spoken = voice(3)
    assert without_long_end(np.concatenate([spoken, still(5)]), RATE).size == pytest.approx(3.1 * RATE, abs=0.15 * RATE)
    assert without_long_end(spoken, RATE).size >= spoken.size - 0.15 * RATE
    assert without_long_end(still(1), RATE).size == RATE
    assert without_long_end(still(0), RATE).size == 0
