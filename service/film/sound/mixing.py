"""The mix: every narration at its place and level, and the music under them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np

from common.errors import Cancelled
from service.film.decoder import Decoder
from service.film.errors import FilmError, UnusableMedia
from service.film.sound.decoding import Samples, decode
from service.film.sound.ducking import duck_gains, fade_gains
from service.film.sound.loudness import CELL, Cells, LoudnessMeter
from service.film.sound.mastering import music_lift
from service.film.sound.reading import RATE
from service.film.sound.speech import Span, SpeechMeter
from service.film.sound.tracks import Loop, Track, apply_gains
from service.film.spec import Cancel, FilmSpec, Music, ShotTiming

STAGE: Final = "sound"
# Weaker than that, a narration is a room that nobody speaks in, which is left out, unless it goes up and down as a voice does; music that
# is weaker stays as it is. (Below -70 LUFS all is silence: the measurement has its gate there.)
_FAINTEST_LUFS = -50.0
_STEP = 1200 * CELL
_EDGE = 5  # ms: how fast a narration comes up and goes, so that one that is cut off does not click


@dataclass(frozen=True)
class _Placed:
    """A narration in the film: from sample `start`, heard up to sample `end`."""

    order: int
    path: Path
    start: int
    end: int


class Mix:
    """Mixes as often as it is asked to; nothing but the tracks on disk is kept. `audible` is false where there is nothing to make loud."""

    def __init__(self, samples: int, target_lufs: float) -> None:
        self.target_lufs = target_lufs
        cells = -(-samples // CELL)
        self.samples, self.cells = samples, cells
        self.audible = False
        self.warnings: list[str] = []
        self.speech: Track | None = None
        self.speech_gains: Cells = np.zeros(cells + 1)
        self.music: Loop | None = None
        self.music_gains: Cells = np.ones(cells + 1)

    def blocks(
        self, cancel: Cancel, progress: Callable[[float], None], master: Cells | None = None
    ) -> Iterator[Samples]:
        """The mix from its first sample to its last, in blocks, under the gains of `master` (at the edges of the cells)."""
        for at in range(0, self.samples, _STEP):
            raise_if_cancelled(cancel)
            progress(at / self.samples)
            count = min(_STEP, self.samples - at)
            block = np.zeros((2, count), np.float32)
            if self.speech is not None:
                block += apply_gains(self.speech.read(at, count), self.speech_gains, at)
            if self.music is not None:
                block += apply_gains(self.music.read(at, count), self.music_gains, at)
            yield block if master is None else apply_gains(block, master, at)
        progress(1.0)


def raise_if_cancelled(cancel: Cancel) -> None:
    """Raise Cancelled when the flag is set."""
    if cancel.is_set():
        raise Cancelled(f"{STAGE} 已取消")


def build_mix(
    spec: FilmSpec,
    timings: Sequence[ShotTiming],
    samples: int,
    stack: ExitStack,
    *,
    decoder: Decoder,
    cancel: Cancel,
    progress: Callable[[float], None],
) -> Mix:
    """Decode everything onto tracks that `stack` closes, and decide on every level.

    Raises FilmError for a narration that cannot be read, and for such music when the spec is strict; Cancelled.
    """
    mix = Mix(samples, spec.loudness_lufs)
    placed = place(spec, timings, samples)
    energies = np.zeros(mix.cells)
    spoken: list[Span] = []
    if placed:
        mix.speech = stack.enter_context(Track(spec.cache_dir))
    for index, narration in enumerate(placed):
        progress(index / (len(placed) + 1))
        spoken += _add_narration(mix, narration, energies, decoder, cancel)
    if spec.music is not None:
        track = stack.enter_context(Track(spec.cache_dir))
        try:
            loudness = _decode_music(track, spec.music, samples, decoder, cancel)
        except UnusableMedia as error:
            if spec.strict:
                raise FilmError(STAGE, f"配乐无法使用: {error}") from error
            mix.warnings.append(f"配乐无法使用，影片没有配乐: {error}")
        else:
            mix.music = Loop(track, samples)
            _level_music(mix, spec.music, loudness, spoken, energies)
    return mix


def place(spec: FilmSpec, timings: Sequence[ShotTiming], samples: int) -> list[_Placed]:
    """The narrations that are heard, in order; each ends with its slot at the latest, so that speech never overlaps."""
    placed = []
    for shot, timing in zip(spec.shots, timings, strict=False):
        start, end = round(timing.speech_start * RATE), min(samples, round(timing.end * RATE))
        if shot.narration is not None and timing.speech_end > timing.speech_start and 0 <= start < end:
            placed.append(_Placed(shot.order, shot.narration, start, end))
    return placed


def _add_narration(mix: Mix, narration: _Placed, energies: Cells, decoder: Decoder, cancel: Cancel) -> list[Span]:
    """Put a narration on the speech track and its level on the curve; returns where it speaks, in the film's seconds."""
    assert mix.speech is not None  # noqa: S101 - for the type checker: build_mix made it
    loudness, speech = LoudnessMeter(peaks=False), SpeechMeter()
    try:
        longest_s = (narration.end - narration.start) / RATE
        for block in decode(decoder, narration.path, longest_s, partial(raise_if_cancelled, cancel)):
            mix.speech.write(narration.start + speech.samples, block)
            loudness.feed(block)
            speech.feed(block)
    except UnusableMedia as error:
        raise FilmError(STAGE, f"旁白无法使用: {error}", shot=narration.order) from error
    measured = loudness.finish()
    lufs = measured.integrated()
    if lufs < _FAINTEST_LUFS:
        if not math.isfinite(lufs) or not speech.varies():
            mix.warnings.append(f"镜头 {narration.order} 的旁白几乎没有声音，以静音代替")
            return []
        mix.warnings.append(
            f"镜头 {narration.order} 的旁白录得很轻，放大了 {mix.target_lufs - lufs:.0f} 分贝，杂音可能变得明显"
        )
    mix.audible = True
    gain = 10 ** ((mix.target_lufs - lufs) / 20)
    first, last = narration.start // CELL, -(-(narration.start + speech.samples) // CELL)
    ramp = np.arange(last - first + 1) / _EDGE
    mix.speech_gains[first : last + 1] = gain * np.clip(np.minimum(ramp, ramp[::-1]), 0, 1)
    room = energies[first : first + len(measured.energies)]
    room += measured.energies[: len(room)] * gain**2
    offset = narration.start / RATE
    return [(offset + start, offset + end) for start, end in speech.spoken()]


def _decode_music(track: Track, music: Music, samples: int, decoder: Decoder, cancel: Cancel) -> float:
    """Put as much of the music on its track as the film can use; returns its loudness (LUFS)."""
    meter = LoudnessMeter(peaks=False)
    for block in decode(decoder, music.path, samples / RATE + 2, partial(raise_if_cancelled, cancel)):
        track.write(track.samples, block)
        meter.feed(block)
    return meter.finish().integrated()


def _level_music(mix: Mix, music: Music, lufs: float, spoken: list[Span], speech: Cells) -> None:
    """Even the music out to its level under the speech; alone, it carries the film."""
    curve = duck_gains(spoken, music.duck_db, mix.cells) * fade_gains(music.fade_in_s, music.fade_out_s, mix.cells)
    gain_db = 0.0
    if lufs < _FAINTEST_LUFS:
        mix.warnings.append("配乐几乎没有声音")
    elif math.isfinite(lufs):
        level_db = 0.0
        if spoken:
            level_db = music.level_db
            lufs_as_said = mix.target_lufs + music.level_db
            level_db += music_lift(speech, curve[:-1], lufs_as_said, mix.target_lufs, -music.level_db)
        gain_db = mix.target_lufs + level_db - lufs
        mix.audible = True
    mix.music_gains = curve * 10 ** (gain_db / 20)
