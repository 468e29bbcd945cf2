"""H.264's levels (table A-1): what a decoder of each is able to, and which one a film needs.

An encoder left to itself writes the level that each segment needs into the segment's header, but one film has one header.
"""

from __future__ import annotations

import math
from typing import NamedTuple

MACROBLOCK = 16  # pixels
FRAMES = (
    4  # that an encoder lets a decoder keep: B-frames that others are predicted from, and what they are predicted from
)
HIGH_PROFILE = 1.25  # how much more of `kbps` and `buffer_kbit` the High profile may use than those below it


class Level(NamedTuple):
    """Limits: macroblocks a second, macroblocks a frame, those of all kept frames, and kbit/s and kbit of the Main profile."""

    idc: int
    rate: int
    frame: int
    kept: int
    kbps: int
    buffer_kbit: int


LEVELS = (
    Level(10, 1_485, 99, 396, 64, 175),
    Level(11, 3_000, 396, 900, 192, 500),
    Level(12, 6_000, 396, 2_376, 384, 1_000),
    Level(13, 11_880, 396, 2_376, 768, 2_000),
    Level(20, 11_880, 396, 2_376, 2_000, 2_000),
    Level(21, 19_800, 792, 4_752, 4_000, 4_000),
    Level(22, 20_250, 1_620, 8_100, 4_000, 4_000),
    Level(30, 40_500, 1_620, 8_100, 10_000, 10_000),
    Level(31, 108_000, 3_600, 18_000, 14_000, 14_000),
    Level(32, 216_000, 5_120, 20_480, 20_000, 20_000),
    Level(40, 245_760, 8_192, 32_768, 20_000, 25_000),
    Level(41, 245_760, 8_192, 32_768, 50_000, 62_500),
    Level(42, 522_240, 8_704, 34_816, 50_000, 62_500),
    Level(50, 589_824, 22_080, 110_400, 135_000, 135_000),
    Level(51, 983_040, 36_864, 184_320, 240_000, 240_000),
    Level(52, 2_073_600, 36_864, 184_320, 240_000, 240_000),
    Level(60, 4_177_920, 139_264, 696_320, 240_000, 240_000),
    Level(61, 8_355_840, 139_264, 696_320, 480_000, 480_000),
    Level(62, 16_711_680, 139_264, 696_320, 800_000, 800_000),
)


def level_for(size: tuple[int, int], fps: int, kbps: float = 0, buffer_kbit: float = 0, least: int = 0) -> Level:
    """The lowest level, from `least` (its idc) on, that allows this size, rate, bit rate and buffer; the highest where none does."""
    wide, high = (math.ceil(side / MACROBLOCK) for side in size)
    frame = wide * high
    for level in LEVELS:
        if (
            level.idc >= least
            and frame <= level.frame
            and max(wide, high) ** 2 <= 8 * level.frame
            and frame * fps <= level.rate
            and frame * FRAMES <= level.kept
            and kbps <= level.kbps
            and buffer_kbit <= level.buffer_kbit
        ):
            return level
    return LEVELS[-1]
