"""The film's sound: narrations at their places, music that ducks under them, one loudness, one AAC file.

Two passes over the mix, which is cheap to repeat and never held in memory: the first measures it, the second encodes it under the gains
that the measurement asks for. What the encoder made of it is decoded and measured too, since a lossy codec may lift a peak.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from common.hashing import file_digest
from common.host_faults import raise_if_ours
from service.film.decoder import Decoder
from service.film.errors import FilmError, UnusableMedia
from service.film.sound.aac import BIT_RATE, PREVIEW_BIT_RATE, write_aac
from service.film.sound.cache import SoundCache, key_of
from service.film.sound.decoding import decode, read_own
from service.film.sound.loudness import LoudnessMeter, Measured
from service.film.sound.mastering import master
from service.film.sound.mixing import STAGE, Mix, build_mix, place, raise_if_cancelled
from service.film.sound.reading import LONGEST_S, RATE
from service.film.sound.speech import SpeechMeter
from service.film.spec import Cancel, FilmSpec, Quality, ShotTiming

_CODEC_HEADROOM_DB = 0.7  # what AAC usually adds to a peak, and the meter's own error
_TRIES = 4
_LOUDNESS_TOLERANCE_DB = 0.15


@dataclass(frozen=True)
class SpeechInfo:
    """An analysed narration: its length in seconds and its pauses as (start, end), seconds from the file's start, in order."""

    seconds: float
    pauses: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class SoundReport:
    """What the written file holds, measured on its decoded samples; of a preview, what was meant.

    `integrated_lufs` and `true_peak_dbtp` are -inf for a silent film; `cached` says that nothing had to be made; `warnings` are Chinese.
    """

    integrated_lufs: float
    true_peak_dbtp: float
    cached: bool
    warnings: tuple[str, ...]


def analyse(decoder: Decoder, path: Path, check: Callable[[], None] = lambda: None) -> SpeechInfo:
    """Analyse a narration: its length and pauses; the pauses let `cues.make_cues` start each cue where its words do.

    `check` is called every half second of sound at least, and may raise to stop. Raises UnusableMedia.
    """
    meter = SpeechMeter()
    for block in decode(decoder, path, check=check):
        meter.feed(block)
    if meter.seconds >= LONGEST_S:
        raise UnusableMedia(f"音频太长，最多 {LONGEST_S / 3600:.0f} 小时")
    return SpeechInfo(meter.seconds, tuple(meter.pauses()))


def make_sound(
    spec: FilmSpec,
    timings: Sequence[ShotTiming],
    total_s: float,
    output: Path,
    *,
    decoder: Decoder,
    cancel: Cancel,
    progress: Callable[[float], None],
) -> SoundReport:
    """Write the film's whole sound to `output` (.m4a, AAC, 48 kHz stereo) for the mux to copy.

    `timings` belong to `spec.shots` one by one; a shot whose timing has `speech_end <= speech_start`, or without narration, is silent.
    `progress` gets 0 to 1. Raises FilmError (with the shot) or Cancelled; then `output` does not exist.
    """
    samples = max(1, round(total_s * RATE))
    cache = SoundCache(spec.cache_dir, _key(spec, timings, samples))
    facts = cache.load(output)
    cached = facts is not None
    if facts is None:
        try:
            with ExitStack() as stack:
                mix = build_mix(
                    spec,
                    timings,
                    samples,
                    stack,
                    decoder=decoder,
                    cancel=cancel,
                    progress=lambda done: progress(0.3 * done),
                )
                heard = _encode(mix, spec, cache.part, cancel, lambda done: progress(0.3 + 0.7 * done))
            facts = _facts(heard, mix, spec)
            cache.save(facts)
        finally:
            cache.part.unlink(missing_ok=True)
        if cache.load(output) is None:
            raise FilmError(STAGE, "混好的声音无法写入")
    progress(1.0)
    lufs, dbtp = (-math.inf if facts[name] is None else float(facts[name]) for name in ("lufs", "dbtp"))
    return SoundReport(lufs, dbtp, cached, tuple(facts["warnings"]))


def _facts(heard: Measured, mix: Mix, spec: FilmSpec) -> dict[str, Any]:
    """What the report says, as JSON can hold it (None for -inf)."""
    lufs, dbtp = (value if math.isfinite(value) else None for value in (heard.integrated(), heard.true_peak()))
    warnings = list(mix.warnings)
    if mix.audible and (lufs is None or abs(lufs - spec.loudness_lufs) > 2 * _LOUDNESS_TOLERANCE_DB):
        warnings.append(f"响度为 {lufs if lufs is None else round(lufs, 1)} LUFS，未能达到 {spec.loudness_lufs:g}")
    return {"lufs": lufs, "dbtp": dbtp, "warnings": warnings}


def _encode(mix: Mix, spec: FilmSpec, output: Path, cancel: Cancel, progress: Callable[[float], None]) -> Measured:
    """Encode the mix; again with a lower ceiling or another level in the rare case that the codec shifted one of them too far."""
    meter = LoudnessMeter()
    for block in mix.blocks(cancel, lambda done: progress(0.3 * done)):
        meter.feed(block)
    measured = meter.finish()
    target = spec.loudness_lufs if mix.audible else measured.integrated()
    ceiling, wanted = spec.true_peak_dbtp - _CODEC_HEADROOM_DB, target
    preview = spec.quality is Quality.PREVIEW
    bit_rate = PREVIEW_BIT_RATE if preview else BIT_RATE
    for attempt in range(_TRIES):
        plan = master(measured, wanted, ceiling)
        write_aac(output, mix.blocks(cancel, partial(_share, progress, attempt), plan.gains), bit_rate)
        if preview:  # what is planned is near enough, and a fifth of the time
            return measured.under((plan.gains[1:] + plan.gains[:-1]) / 2)
        heard = _measure_file(output, cancel)
        over = heard.true_peak() - spec.true_peak_dbtp
        # Where the limiter could not give what was wanted, asking again would not help.
        off = heard.integrated() - target if abs(plan.lufs - wanted) < _LOUDNESS_TOLERANCE_DB else 0.0
        if over <= 0 and abs(off) <= _LOUDNESS_TOLERANCE_DB:
            break
        ceiling -= over + 0.05 if over > 0 else 0.0
        wanted -= off
    return heard


def _share(progress: Callable[[float], None], attempt: int, done: float) -> None:
    """Each attempt takes half of what is left, so that progress never goes back."""
    progress(1 - 0.7 * 0.5**attempt * (1 - done / 2))


def _measure_file(path: Path, cancel: Cancel) -> Measured:
    meter = LoudnessMeter()
    for block in read_own(path):
        raise_if_cancelled(cancel)
        meter.feed(block)
    return meter.finish()


def _key(spec: FilmSpec, timings: Sequence[ShotTiming], samples: int) -> str:
    """Everything the sound depends on; where the files lie is not part of it."""
    narrations = [(_digest(each.path), each.start, each.end) for each in place(spec, timings, samples)]
    music = None
    if spec.music is not None:
        music = {**dataclasses.asdict(spec.music), "path": _digest(spec.music.path)}
    preview = spec.quality is Quality.PREVIEW
    return key_of([samples, narrations, music, spec.loudness_lufs, spec.true_peak_dbtp, spec.strict, preview])


def _digest(path: Path) -> str:
    """The file's hash; "" where it cannot be read, which the mix finds out too."""
    try:
        return file_digest(path)
    except OSError as error:
        raise_if_ours(error)
        return ""
