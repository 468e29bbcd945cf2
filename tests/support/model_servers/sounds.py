"""Sounds as long as it takes to say a text, and their files."""

from __future__ import annotations

import io
import wave
from fractions import Fraction
from functools import cache

import av
import numpy as np
import numpy.typing as npt

Sound = npt.NDArray[np.int16]
"""One channel."""

CHINESE, OTHER = 4.5, 14.0
"""Characters that are said in a second."""
FADE_S = 0.15


def is_chinese(text: str) -> bool:
    """Whether most of what is said of it is Chinese."""
    spoken = [char for char in text if char.isalnum()]
    return sum(char >= "\u2e80" for char in spoken) * 2 > len(spoken)


def spoken(text: str) -> int:
    """How many of its characters are said."""
    return sum(char.isalnum() for char in text)


def seconds_of(text: str, speed: float = 1.0) -> float:
    """How long it takes to say this."""
    chinese = sum(char.isalnum() and char >= "\u2e80" for char in text)
    return (chinese / CHINESE + (spoken(text) - chinese) / OTHER) / speed


@cache
def _second(rate: int) -> Sound:
    """Four syllables of a buzzing voice."""
    at = np.arange(rate) / rate
    voice = (
        sum(np.sin(2 * np.pi * 120 * k * at + k) / k for k in range(1, 13)) * np.abs(np.sin(2 * np.pi * 2 * at)) ** 0.7
    )
    return np.asarray(voice / np.abs(voice).max() * 9_000, np.int16)


def voice(seconds: float, rate: int) -> Sound:
    """Somebody speaks for so long, and their voice dies away at the end as voices do."""
    sound = np.resize(_second(rate), round(seconds * rate))
    end = min(round(FADE_S * rate), sound.size)
    sound[sound.size - end :] = sound[sound.size - end :] * np.linspace(1, 0, end)
    return sound


def silence(seconds: float, rate: int) -> Sound:
    """Nobody speaks."""
    return np.zeros(round(seconds * rate), np.int16)


def pcm(sound: Sound) -> bytes:
    """Samples without a header."""
    return sound.astype("<i2").tobytes()


def wav(sound: Sound, rate: int) -> bytes:
    """A WAV file."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(pcm(sound))
    return out.getvalue()


def streamed_wav(sound: Sound, rate: int) -> bytes:
    """The same as servers write it that do not know the length yet."""
    content = wav(sound, rate)
    unknown = b"\xff\xff\xff\xff"
    return content[:4] + unknown + content[8:40] + unknown + content[44:]


def mp3(sound: Sound, rate: int) -> bytes:
    """An MP3 file."""
    out = io.BytesIO()
    with av.open(out, "w", format="mp3") as container:
        stream = container.add_stream("libmp3lame", rate=rate, layout="mono")
        planar = np.ascontiguousarray(sound[np.newaxis])
        for start in range(0, planar.shape[1], stream.frame_size or 1152):
            frame = av.AudioFrame.from_ndarray(planar[:, start : start + 1152].copy(), format="s16p", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return out.getvalue()
