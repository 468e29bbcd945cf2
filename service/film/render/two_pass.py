"""An average bit rate for a film of segments: the whole film is encoded at one quality after another, until its size is the wanted one.

One quality for all segments puts the bits where the images need them: what a flat shot cannot use, the busy ones get. x264's own second
pass knows one segment only, and in the few seconds of it comes too late to make up for what its first frames got wrong.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path

import av

from service.film.render.segments import Segment

TOLERANCE = 0.03  # of the wanted size
USUAL, ROUGH = 4, 0.06  # after so many passes so near will do: one more comes nearer by little
MOST = 6  # passes; near the ends of the scale a size may leap from one quality to the next
UNMET = 0.1  # of the wanted size; beyond it the report has a warning
BEST, WORST = 1.0, 51.0  # x264's CRF; 0 is another profile
DIGITS = (
    1  # of a CRF: coarse, so that a film of which little has changed comes by the same ones, and finds its segments
)
DOUBLING = 6.0  # CRF between a size and its double, until it is known better

Tried = tuple[float, int]
"""The CRF of a pass, and the bytes that it came to."""


def crf_of(segment: Segment) -> float:
    """The quality that a segment is encoded at."""
    return float(dict(segment.encoding.options)["crf"])


def at_crf(segments: Sequence[Segment], crf: float) -> list[Segment]:
    """The segments at another quality."""
    result = []
    for segment in segments:
        options = tuple(sorted({**dict(segment.encoding.options), "crf": f"{crf:g}"}.items()))
        encoding = dataclasses.replace(segment.encoding, options=options)
        result.append(dataclasses.replace(segment, encoding=encoding))
    return result


def next_crf(tried: Sequence[Tried], wanted: float) -> float | None:
    """The quality of the next pass, or None when the nearest of those before has to do. `wanted` is in bytes."""
    tolerance = TOLERANCE if len(tried) < USUAL else ROUGH
    if len(tried) >= MOST or abs(nearest(tried, wanted)[1] / wanted - 1) <= tolerance:
        return None
    points = sorted((crf, math.log2(max(1, size) / wanted)) for crf, size in tried)
    over, under = ([point for point in points if (point[1] > 0) is larger] for larger in (True, False))
    # The nearest on either side, or the nearest two of one side.
    near = [*over[-1:], *under[:1]] if over and under else (over[-2:] or under[:2])
    crf, excess = min(near, key=lambda point: abs(point[1]))
    slope = -1 / DOUBLING
    if len(near) > 1 and near[1][1] < near[0][1]:
        slope = (near[1][1] - near[0][1]) / (near[1][0] - near[0][0])
    guess = round(min(WORST, max(BEST, crf - excess / slope)), DIGITS)
    return None if guess in [crf for crf, _ in tried] else guess


def nearest(tried: Sequence[Tried], wanted: float) -> Tried:
    """The pass that came nearest to the wanted size."""
    return min(tried, key=lambda each: abs(each[1] - wanted))


def video_bytes(file: Path) -> int:
    """The size of a segment's video stream, without its container."""
    with av.open(str(file)) as container:
        return sum(packet.size for packet in container.demux(video=0))
