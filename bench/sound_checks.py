"""What ffmpeg's own meter and a simple demodulator hear in films of ours: loudness, true peak, ducking."""

from __future__ import annotations

import re
import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from bench.material import write_wav
from service.film.compose import compose
from service.film.encoding.ffmpeg import ffmpeg_exe
from service.film.sound.reading import RATE
from service.film.spec import FilmReport, FilmShot, FilmSpec, Music

Samples = npt.NDArray[np.float32]

TONE_HZ, TONE_WIDTH_S = 9_000.0, 0.05  # the music of the ducking film; its speech has nothing up there


@dataclass(frozen=True)
class Mix:
    """A film's sound: level of its narrations (dB), its music ("", "steady", "lively", "quiet"), its shots, and how much they speak."""

    speech_db: float
    music: str
    shots: int
    share: float


# Soft and loud voices, films that hardly speak, music of every kind and none.
MIXES = (
    Mix(-20, "", 3, 0.9),
    Mix(-35, "", 2, 0.9),
    Mix(-6, "", 4, 0.8),
    Mix(-20, "steady", 3, 0.9),
    Mix(-28, "lively", 4, 0.6),
    Mix(-12, "lively", 2, 0.4),
    Mix(-20, "quiet", 5, 0.9),
    Mix(-40, "steady", 2, 0.8),
    Mix(-16, "lively", 8, 0.3),
    Mix(-20, "steady", 1, 0.2),
)


def measure_mixes(folder: Path) -> list[tuple[float, float]]:
    """Integrated loudness (LUFS) and true peak (dBTP) of every one of `MIXES`."""
    heard = []
    for number, mix in enumerate(MIXES):
        report = _film(folder / f"mix{number}", mix, seed=number)
        heard.append(ebur128(report.film))
    return heard


def ebur128(film: Path) -> tuple[float, float]:
    """Integrated loudness and true peak by ffmpeg's filter. Raises CalledProcessError."""
    filters = ["-af", "ebur128=peak=true", "-vn", "-f", "null", "-"]
    command = [ffmpeg_exe(), "-nostdin", "-hide_banner", "-i", str(film), *filters]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stderr
    summary = said[said.rindex("Summary:") :]
    loudness = re.search(r"I:\s+(-?[\d.]+) LUFS", summary)
    peak = re.search(r"Peak:\s+(-?[\d.]+|-?inf) dBFS", summary)
    if loudness is None or peak is None:
        raise ValueError(f"no loudness of {film}")
    return float(loudness[1]), float(peak[1])


@dataclass(frozen=True)
class Ducking:
    """Of a steady tone, decibels relative to its level before the speech: in the midst of the speech, and after it."""

    under_speech: float
    after: float


def measure_ducking(folder: Path) -> Ducking:
    """A film of silence, a long narration, silence: how loud its music is in each."""
    folder.mkdir(parents=True, exist_ok=True)
    music = folder / "tone.wav"
    tone = 0.1 * np.sin(2 * np.pi * TONE_HZ * np.arange(20 * RATE) / RATE)
    write_wav(music, np.stack([tone, tone], axis=1).astype(np.float32))
    narration = folder / "speech.wav"
    write_wav(narration, speech(5.0, -20, 1))
    image = _image(folder)
    quiet, spoken = FilmShot(1, image=image, minimum_s=5.0), FilmShot(2, image=image, narration=narration)
    report = _compose(
        folder,
        (quiet, spoken, FilmShot(3, image=image, minimum_s=5.0)),
        Music(music, fade_in_s=0.0, fade_out_s=0.0),
    )
    envelope = tone_level(samples_of(report.film).mean(axis=1))
    start, end = report.shots[1].speech_start, report.shots[1].speech_end

    def level(begin: float, stop: float) -> float:
        part = envelope[round(begin / TONE_WIDTH_S) : round(stop / TONE_WIDTH_S)]
        return float(20 * np.log10(np.median(part)))

    before = level(1.0, start - 1.0)
    return Ducking(level(start + 0.5, end - 0.5) - before, level(end + 1.5, end + 4.0) - before)


def tone_level(samples: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The amplitude of the tone in every `TONE_WIDTH_S` seconds."""
    turned = samples * np.exp(-2j * np.pi * TONE_HZ * np.arange(len(samples)) / RATE)
    width = round(TONE_WIDTH_S * RATE)
    return np.asarray(np.abs(turned[: len(turned) // width * width].reshape(-1, width).mean(axis=1)) * 2)


def samples_of(film: Path) -> npt.NDArray[np.float64]:
    """The film's sound as (samples, 2), from the film's first instant: ffmpeg heeds the edit list."""
    command = [
        ffmpeg_exe(),
        "-nostdin",
        "-loglevel",
        "error",
        "-i",
        str(film),
        "-vn",
        "-f",
        "f32le",
        "-ar",
        str(RATE),
        "-ac",
        "2",
        "-",
    ]
    raw = subprocess.run(command, check=True, capture_output=True).stdout
    return np.frombuffer(raw, np.float32).reshape(-1, 2).astype(np.float64)


def speech(seconds: float, level_db: float, seed: int) -> Samples:
    """Syllables: bursts of harmonics under 3 kHz with an irregular rhythm; `level_db` is their RMS, of full scale."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * RATE)) / RATE
    pitch = 140 + 25 * np.sin(2 * np.pi * 0.7 * time + rng.uniform(0, 6))
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    voice = sum(np.sin(k * phase + rng.uniform(0, 6)) / k for k in range(1, 16))
    marks = np.arange(0, seconds + 1, 0.11)
    beats = np.interp(time, marks, rng.uniform(0.15, 1.0, len(marks)))
    wave = np.asarray(voice * beats)
    wave *= 10 ** (level_db / 20) / np.sqrt((wave**2).mean())
    return np.clip(wave, -1, 1).astype(np.float32)


def music(kind: str, seconds: float, seed: int) -> Samples:
    """A chord that stands ("steady"), one with beats ("lively"), one far away ("quiet"); (samples, 2)."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * RATE)) / RATE
    tones = 220 * 2 ** (np.array([0, 4, 7, 12]) / 12)
    chord = np.stack([sum(np.sin(2 * np.pi * f * time + rng.uniform(0, 6)) for f in tones) for _ in range(2)], axis=1)
    chord *= {"steady": 0.12, "lively": 0.2, "quiet": 0.004}[kind]
    if kind == "lively":
        chord *= (0.05 + np.exp(-((time * 2) % 1.0) * 6))[:, None]
        chord += 0.05 * rng.normal(size=chord.shape) * ((time * 4) % 1.0 < 0.05)[:, None]
    return np.asarray(np.clip(chord, -1, 1), np.float32)


def _film(folder: Path, mix: Mix, seed: int) -> FilmReport:
    folder.mkdir(parents=True, exist_ok=True)
    image, length = _image(folder), 5.0
    shots = []
    for number in range(1, mix.shots + 1):
        narration = folder / f"{number}.wav"
        write_wav(narration, speech(length * mix.share, mix.speech_db + number % 3, seed * 100 + number))
        shots.append(FilmShot(number, image=image, narration=narration, minimum_s=length, seed=number))
    bed = None
    if mix.music:
        write_wav(folder / "music.wav", music(mix.music, 12.0, seed))
        bed = Music(folder / "music.wav")
    return _compose(folder, tuple(shots), bed)


def _image(folder: Path) -> Path:
    path = folder / "image.png"
    Image.new("RGB", (160, 90), (90, 120, 150)).save(path)
    return path


def _compose(folder: Path, shots: tuple[FilmShot, ...], bed: Music | None) -> FilmReport:
    """The image plays no part: it is small."""
    out, cache = folder / "out", folder / "cache"
    spec = FilmSpec(shots, out, cache, music=bed, width=160, height=90, fps=10, threads=1)
    return compose(spec, lambda _progress: None, threading.Event())
