"""One loudness under one ceiling: an overall gain and a look-ahead limiter, solved for on the cells of a measurement."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from service.film.sound.loudness import CELL, Cells, Measured, integrated

_LOOK_AHEAD = 5  # ms
# How fast the limiter lets go, in decibels per millisecond: as slowly as the loudness allows, since a fast one is heard.
_RELEASES = (0.03, 0.1, 0.3)
_MOST_LIMITING_DB = 12.0  # beyond that it is distortion; rather miss the loudness
_CLOSE_ENOUGH_DB = 0.01
_LOUDEST_SPEECH_DB = 3.0  # above the target


class Master(NamedTuple):
    """Factors at the edges of the cells (one more than cells), and the loudness (LUFS) that they will give."""

    gains: Cells
    lufs: float


def master(measured: Measured, target_lufs: float, ceiling_db: float) -> Master:
    """The gains that bring a mix to `target_lufs` with no true peak above `ceiling_db` (dBTP).

    Less loud where that would take more limiting than an ear forgives. Silence is left alone.
    """
    plans = []
    for release in _RELEASES:
        plans.append(_solve(measured, target_lufs, ceiling_db, release))
        if not -math.inf < plans[-1].lufs < target_lufs - 2 * _CLOSE_ENOUGH_DB:
            break
    return max(plans, key=lambda plan: plan.lufs)


def _solve(measured: Measured, target_lufs: float, ceiling_db: float, release: float) -> Master:
    loudness = measured.integrated()
    gain_db = target_lufs - loudness if math.isfinite(loudness) else 0.0
    highest_db = ceiling_db + _MOST_LIMITING_DB - measured.true_peak()
    for _ in range(20):
        gain_db = min(gain_db, highest_db)
        gains = 10 ** ((gain_db - limit(measured.peaks, ceiling_db - gain_db, release)) / 20)
        loudness = measured.integrated((gains[1:] + gains[:-1]) / 2)
        missing = target_lufs - loudness
        if not math.isfinite(loudness) or abs(missing) < _CLOSE_ENOUGH_DB or (gain_db == highest_db and missing > 0):
            break
        gain_db += missing
    return Master(gains, loudness)


def limit(peaks: Cells, ceiling_db: float, release: float = _RELEASES[0]) -> Cells:
    """Attenuation (dB, at the edges of the cells) that keeps every cell's peak under the ceiling.

    It is there before the peak is, and goes at a steady rate (`release`, decibels per millisecond), so that it neither clicks nor distorts.
    """
    with np.errstate(divide="ignore"):
        excess = np.maximum(20 * np.log10(peaks) - ceiling_db, 0.0)
    # Each edge must serve the cells within reach of it, on either side.
    reach = _LOOK_AHEAD + 2
    padded = np.pad(excess, (reach, reach))
    held = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach).max(axis=1)
    # A constant slope in decibels: the running maximum of a line raised by the slope.
    slope = release * np.arange(len(held))
    released = np.maximum.accumulate(held + slope) - slope
    window = np.ones(2 * _LOOK_AHEAD + 1) / (2 * _LOOK_AHEAD + 1)
    smooth = np.convolve(np.pad(released, _LOOK_AHEAD, mode="edge"), window, "valid")
    return np.where(smooth > 1e-9, smooth, 0.0)


def music_lift(speech: Cells, music_gains: Cells, music_lufs: float, target_lufs: float, most_db: float) -> float:
    """How many decibels (0 to `most_db`) music must come up in a film that hardly speaks.

    Otherwise the few words would have to carry the whole film's loudness, and shout. `speech` is the energy per cell of speech at
    `target_lufs`, `music_gains` the fades and the ducking of music that is `music_lufs` loud.
    """
    music = music_gains**2 * (CELL * 10 ** ((music_lufs + 0.691) / 10))
    wanted = target_lufs - _LOUDEST_SPEECH_DB
    if integrated(speech + music) >= wanted:
        return 0.0
    low, high = 0.0, most_db
    while high - low > 0.05:
        middle = (low + high) / 2
        if integrated(speech + music * 10 ** (middle / 10)) < wanted:
            low = middle
        else:
            high = middle
    return high
