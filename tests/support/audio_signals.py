"""Sounds made for tests, files of them, and what ffmpeg, as a second opinion, hears in a file."""

from __future__ import annotations

import re
import subprocess
import wave
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

from service.film.encoding.ffmpeg import ffmpeg_exe

Samples = npt.NDArray[np.float32]
"""Planar stereo: shape (2, samples), full scale is 1."""

RATE = 48_000


def tone(seconds: float, dbfs: float, hz: float = 997.0, rate: int = RATE) -> Samples:
    """A sine in both channels; `dbfs` is its peak."""
    at = np.arange(round(seconds * rate)) / rate
    return both(10 ** (dbfs / 20) * np.sin(2 * np.pi * hz * at))


def speech(seconds: float, seed: int = 0, *, peak: float = 0.3, rate: int = RATE, hz: float = 120.0) -> Samples:
    """Syllables of a buzzing voice with breath noise, four in a second, without a pause longer than a tenth of a second."""
    random = np.random.default_rng(seed)
    at = np.arange(round(seconds * rate)) / rate
    syllables = np.abs(np.sin(2 * np.pi * 2 * at)) ** 0.7
    voice = sum(np.sin(2 * np.pi * hz * k * at + random.uniform(0, 6)) / k for k in range(1, 25))
    sound = syllables * (voice + 0.1 * random.standard_normal(len(at)))
    return both(sound * peak / np.abs(sound).max())


def peaky(seconds: float, seed: int = 0, *, peak: float = 0.5) -> Samples:
    """Soft speech with a sharp plosive four times in a second: what is far louder for a moment than on the whole."""
    signal = speech(seconds, seed, peak=peak / 4)
    burst = peak * np.hanning(96) * np.sin(2 * np.pi * 3000 * np.arange(96) / RATE)
    for at in range(RATE // 8, signal.shape[1] - len(burst), RATE // 4):
        signal[:, at : at + len(burst)] += burst.astype(np.float32)
    return signal


def music(seconds: float, seed: int = 0, *, peak: float = 0.5, rate: int = RATE) -> Samples:
    """A steady chord, a little different in either ear."""
    random = np.random.default_rng(seed)
    at = np.arange(round(seconds * rate)) / rate
    ears = [
        sum(np.sin(2 * np.pi * hz * at + random.uniform(0, 6)) for hz in (220.0, 277.2, 329.6, 880.0)) for _ in range(2)
    ]
    sound = np.stack(ears)
    return np.asarray(sound * peak / np.abs(sound).max(), np.float32)


def both(channel: npt.NDArray[np.float64]) -> Samples:
    """One channel in both ears."""
    return np.stack([channel, channel]).astype(np.float32)


def gentle(samples: Samples, seconds: float = 0.1, rate: int = RATE) -> Samples:
    """The same with a fade at either end: a tone that sets in at once rings between the samples."""
    at = np.arange(samples.shape[1])
    faded: Samples = samples * np.clip(np.minimum(at, at[::-1]) / (rate * seconds), 0, 1).astype(np.float32)
    return faded


def silence(seconds: float, rate: int = RATE) -> Samples:
    """Digital silence."""
    return np.zeros((2, round(seconds * rate)), np.float32)


def write_wav(path: Path, samples: Samples, rate: int = RATE, channels: int = 2) -> Path:
    """A 16-bit WAV file; what exceeds full scale clips."""
    data = (np.clip(samples[:channels], -1, 1) * 32767).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.ascontiguousarray(data.T).tobytes())
    return path


def encode(path: Path, samples: Samples, codec: str, *, layout: str = "stereo", rate: int = RATE) -> Path:
    """A file of this codec in the container that the extension names; more channels than two repeat the first."""
    planes = {"mono": 1, "stereo": 2, "5.1": 6}[layout]
    planar = np.ascontiguousarray(samples[np.minimum(np.arange(planes), 1)])
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate, layout=layout)
        resampler = av.AudioResampler(format=stream.format, layout=layout, rate=rate)
        at = 0
        for start in range(0, planar.shape[1], 4096):
            frame = av.AudioFrame.from_ndarray(planar[:, start : start + 4096].copy(), format="fltp", layout=layout)
            frame.sample_rate, frame.pts = rate, at
            at += frame.samples
            for piece in resampler.resample(frame):
                container.mux(stream.encode(piece))
        for piece in resampler.resample(None):
            container.mux(stream.encode(piece))
        container.mux(stream.encode(None))
    return path


def heard(path: Path, rate: int = RATE) -> Samples:
    """A file's sound as the ffmpeg program decodes it."""
    arguments = [ffmpeg_exe(), "-v", "error", "-i", str(path), "-f", "f32le", "-ac", "2", "-ar", str(rate), "-"]
    raw = subprocess.run(arguments, check=True, capture_output=True, stdin=subprocess.DEVNULL).stdout
    return np.ascontiguousarray(np.frombuffer(raw, np.float32).reshape(-1, 2).T)


def ebur128(path: Path) -> tuple[float, float]:
    """Integrated loudness (LUFS, -70 where everything is gated) and true peak (dBTP) by ffmpeg's `ebur128` filter."""
    arguments = [ffmpeg_exe(), "-nostats", "-i", str(path), "-af", "ebur128=peak=true", "-f", "null", "-"]
    log = subprocess.run(arguments, check=True, capture_output=True, stdin=subprocess.DEVNULL).stderr.decode()
    summary = log[log.rindex("Summary:") :]
    found = [re.search(pattern, summary) for pattern in (r"I:\s+(-?[\d.]+|-inf) LUFS", r"Peak:\s+(-?[\d.]+|-inf) dBFS")]
    assert all(found), summary
    return tuple(float(match[1]) for match in found if match)  # type: ignore[return-value] # two, as asserted


def rms_db(samples: Samples) -> float:
    """Level of a piece of sound, decibels below full scale."""
    return float(10 * np.log10(np.mean(np.square(samples, dtype=np.float64)) + 1e-20))
