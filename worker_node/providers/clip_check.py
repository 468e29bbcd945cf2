"""Whether a file that a model made is a clip of use: it plays to its end, shows something, and is large and long enough."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
from av.error import FFmpegError

from worker_node.errors import BrokenAnswer
from worker_node.providers.picture_check import BLACK, FLAT, size_fault
from worker_node.providers.sizes import Size

MAX_SIDE = 4096
MAX_FRAMES = 20_000
LOOKED_AT = (64, 36)  # pixels of a frame
TORN = 0.98  # of the frames that a file promises
LEAST_LENGTH = 0.5  # of the seconds that were asked for
FORMATS = "mp4,mov,matroska,webm"


class ClipFacts(NamedTuple):
    """What a clip is: `plain` says that it is H.264 in MP4 as players everywhere take it, without sound; `flat` and `black` are the shares
    of its frames that show nothing."""

    size: Size
    rate: Fraction
    frames: int
    flat: float
    black: float
    plain: bool

    @property
    def seconds(self) -> float:
        """Its length."""
        return float(self.frames / self.rate)


def looked_at(path: Path) -> ClipFacts:
    """Decode a clip to its end; raises `BrokenAnswer` for what is none or was cut off."""
    try:
        with av.open(str(path), metadata_errors="ignore") as container:
            return _facts(container)
    except (FFmpegError, ValueError, IndexError) as error:
        raise BrokenAnswer(f"视频打不开或不完整（{type(error).__name__}）") from error


def _facts(container: av.container.InputContainer) -> ClipFacts:
    if not set(container.format.name.split(",")) & set(FORMATS.split(",")) or not container.streams.video:
        raise BrokenAnswer("得到的不是视频")
    stream = container.streams.video[0]
    size, promised = (stream.width, stream.height), stream.frames
    if max(size) > MAX_SIDE:
        raise BrokenAnswer(f"视频过大：{size[0]}x{size[1]}")
    flat = black = count = 0
    for count, frame in enumerate(container.decode(stream), 1):
        if count > MAX_FRAMES:
            raise BrokenAnswer(f"视频过长：超过 {MAX_FRAMES} 帧")
        grey = frame.reformat(*LOOKED_AT, format="gray").to_ndarray()
        low, high = np.percentile(grey, (0.5, 99.5))
        flat += bool(high - low <= FLAT)
        black += bool(high - low <= FLAT and high <= BLACK + 16)  # black is 16 in most files
    if count < promised * TORN - 1 or not count:
        raise BrokenAnswer(f"视频不完整：应有 {promised} 帧，只读出 {count} 帧")
    plain = (
        stream.codec_context.name == "h264"
        and stream.codec_context.pix_fmt == "yuv420p"
        and "mp4" in container.format.name
        and not container.streams.audio
    )
    rate = stream.average_rate or stream.guessed_rate or Fraction(24)
    return ClipFacts(size, Fraction(rate), count, flat / count, black / count, plain)


def clip_fault(
    facts: ClipFacts,
    wanted: Size,
    asked: Size | None = None,
    seconds: float | None = None,
    *,
    of_nothing: bool = False,
    still: bool = False,
) -> str | None:
    """What is wrong with a clip that is to be cut to the size `wanted`, in Chinese for the user; None where it is of use.

    `asked` and `seconds` are what its server was asked for, None where it has its own; `of_nothing`: the picture that it was made from
    shows nothing either; `still`: a single frame is what was wanted.
    """
    if facts.frames < 2 and not still:
        return "视频只有一帧"
    if seconds is not None and facts.seconds < LEAST_LENGTH * seconds:
        return f"视频太短：要的是 {seconds:.1f} 秒，得到 {facts.seconds:.1f} 秒"
    if facts.flat > 0.5 and not of_nothing:
        return "视频是全黑的" if facts.black > 0.5 else "视频是空白的"
    return size_fault("视频", facts.size, wanted, asked)
