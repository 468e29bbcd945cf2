"""Two-pass encoding over segments: what the first pass found is shared out, so that the whole film meets its bit rate.

The first pass encodes every segment at one constant quality. The bits that it took say how the film's bits are to be divided for equal
quality, and x264's own statistics how each segment's share is to be divided over its frames.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from service.film.segments import Segment

LEAST_KBPS = 16


def second_pass(segments: Sequence[Segment], sizes: Sequence[int], bitrate_kbps: int) -> list[Segment]:
    """The segments of the second pass. `sizes` are the first pass's in bytes, `bitrate_kbps` the film's."""
    frames = sum(segment.frames for segment in segments)
    scale = bitrate_kbps * frames / segments[0].fps / (sum(sizes) * 8 / 1000)
    result = []
    for segment, size in zip(segments, sizes, strict=True):
        seconds = segment.frames / segment.fps
        share = max(LEAST_KBPS, round(size * 8 / 1000 * scale / seconds))
        options = tuple(pair for pair in segment.encoding.options if pair[0] != "crf")
        encoding = dataclasses.replace(segment.encoding, options=options, bitrate_kbps=share, number=2)
        result.append(dataclasses.replace(segment, encoding=encoding))
    return result
