"""The film's sound: narrations at their places, music that ducks under them, one loudness, one AAC file.

    measure(path)      how long an audio file really is
    listen(path)       the same, and where it pauses
    make_sound(...)    the whole sound of a film
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from service.film.spec import Cancel, FilmSpec, ShotTiming


@dataclass(frozen=True)
class Heard:
    """A narration: its length in seconds and its pauses as (start, end), seconds from the file's start, in order."""

    seconds: float
    pauses: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class SoundReport:
    """What the written file holds, measured on its decoded samples.

    `integrated_lufs` and `true_peak_dbtp` are -inf for a silent film; `cached` says that nothing had to be made; `warnings` are Chinese.
    """

    integrated_lufs: float
    true_peak_dbtp: float
    cached: bool
    warnings: tuple[str, ...]


def measure(path: Path) -> float:
    """Seconds of an audio file, counted in decoded samples. Raises FilmError (without a shot) when nothing can be heard of it."""
    return listen(path).seconds


def listen(path: Path) -> Heard:
    """A narration's length and pauses; the pauses let `cues.make_cues` start each cue where its words do. Raises FilmError."""
    raise NotImplementedError


def make_sound(
    spec: FilmSpec,
    timings: Sequence[ShotTiming],
    total_s: float,
    output: Path,
    cancel: Cancel,
    progress: Callable[[float], None],
) -> SoundReport:
    """Write the film's whole sound to `output` (.m4a, AAC, 48 kHz stereo) for the mux to copy.

    `timings` belong to `spec.shots` one by one; a shot whose timing has `speech_end <= speech_start`, or without narration, is silent.
    `progress` gets 0 to 1. Raises FilmError (with the shot) or Cancelled; then `output` does not exist.
    """
    raise NotImplementedError
