"""Looking at a clip that comes in: whether it is whole, and of a size, a length and a rate that films can use."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import IO

import av
from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from service.film.errors import UnusableMedia, cause_of
from service.film.frames.size_limits import check_size
from service.film.frames.video_file import MAX_PIXELS, decoder_of, open_clip, starts_late

LONGEST_S = 600.0  # a film shows a minute of a clip at most, or as much as its narration is long
RATES = (0.1, 240.0)  # frames in a second
SEEN = 300  # frames that are decoded, ten seconds or so; the others are only read
_PICTURE = "视频片段的画面"
_EBML, _SEGMENT = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"
_BOXES = (b"ftyp", b"styp", b"moov", b"moof", b"mdat", b"mfra", b"sidx", b"free", b"skip", b"wide", b"udta", b"uuid")


def check_clip(path: Path) -> float:
    """Read a clip to its end, and decode its first frames; returns its length in seconds.

    Raises UnusableMedia for what is not whole, or beyond what a film can use, and MemoryError.
    """
    container, stream = open_clip(path)
    with container:
        context = stream.codec_context
        pixel = float(stream.sample_aspect_ratio or context.sample_aspect_ratio or 1)
        check_size(_PICTURE, round(context.width * pixel), context.height, MAX_PIXELS)
        try:
            count, seconds = _read(container, stream)
        except MemoryError:  # first: libav's, too, is also one of the next
            raise
        except FFmpegError as error:
            raise UnusableMedia(f"视频片段已损坏：{cause_of(error)}") from error
    if seconds <= 0:
        raise UnusableMedia("视频片段是空的")
    if not RATES[0] <= count / seconds <= RATES[1]:
        raise UnusableMedia(f"视频片段每秒 {count / seconds:.4g} 帧，应在 {RATES[0]:g} 到 {RATES[1]:g} 之间")
    if _is_cut_off(path):
        raise UnusableMedia("视频片段不完整")
    return seconds


def _read(container: InputContainer, stream: VideoStream) -> tuple[int, float]:
    """How many frames there are, and how many seconds they last."""
    said = float(stream.duration * stream.time_base) if stream.duration and stream.time_base else 0.0
    if not said and not starts_late(container):
        said = (container.duration or 0) / av.time_base
    _check_length(said)
    decoder = decoder_of(stream)
    count = seen = 0
    first = last = None
    for packet in container.demux(stream):
        if packet.is_corrupt:
            raise UnusableMedia("视频片段不完整")
        count += packet.size > 0
        if packet.pts is not None and packet.time_base is not None:
            first = packet.pts if first is None else min(first, packet.pts)
            last = max(first if last is None else last, packet.pts + (packet.duration or 0))
            _check_length(float((last - first) * packet.time_base))
        if count > RATES[1] * LONGEST_S:
            raise UnusableMedia(f"视频片段的画面太多，最多每秒 {RATES[1]:g} 帧、{LONGEST_S:g} 秒")
        if seen < SEEN:
            seen += _decode(decoder, packet)
    if not seen:
        raise UnusableMedia("视频片段里没有可解码的画面")
    found = (
        float((last - first) * stream.time_base) if first is not None and last is not None and stream.time_base else 0.0
    )
    return count, found or said


def _decode(decoder: VideoCodecContext, packet: Packet[VideoStream]) -> int:
    """Decode a packet; returns how many frames there were in it."""
    frames = decoder.decode(packet)
    for frame in frames:
        check_size(_PICTURE, frame.width, frame.height, MAX_PIXELS)
    return len(frames)


def _check_length(seconds: float) -> None:
    if seconds > LONGEST_S:
        raise UnusableMedia(f"视频片段太长，最多 {LONGEST_S:.0f} 秒")


def _is_cut_off(path: Path) -> bool:
    """Whether an MP4 or Matroska file is shorter than it says: libav plays one to where it ends, which may be anywhere."""
    size = path.stat().st_size
    with path.open("rb") as file:
        matroska = file.read(len(_EBML)) == _EBML
        return (_end_of_segment(file) if matroska else _end_of_boxes(file, size)) > size


def _end_of_boxes(file: IO[bytes], size: int) -> int:
    """Where the last of MP4's boxes ends; what may follow them is none."""
    at = 0
    while at + 8 <= size:
        file.seek(at)
        length, kind = struct.unpack(">I4s", file.read(8))
        if length == 1:  # a longer number follows
            length = int.from_bytes(file.read(8), "big")
        if length < 8 or kind not in _BOXES:
            break
        at += length
    return at


def _end_of_segment(file: IO[bytes]) -> int:
    """Where Matroska's one segment ends; 0 where it does not say, as of a file that was sent while it was made."""
    file.seek(_ebml_size(file) + file.tell())
    if file.read(len(_SEGMENT)) != _SEGMENT:
        return 0
    length = _ebml_size(file)
    return length and file.tell() + length


def _ebml_size(file: IO[bytes]) -> int:
    """A size as Matroska writes it: as many bytes as the first has zeros in front; 0 for "unknown", which is all ones."""
    first = file.read(1)
    more = 8 - first[0].bit_length() if first and first[0] else 0
    bits = 7 * (more + 1)
    size = int.from_bytes(first + file.read(more), "big") & ((1 << bits) - 1)
    return 0 if size == (1 << bits) - 1 else size
