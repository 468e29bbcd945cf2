"""Opening other people's video files: local ones only, of known containers, within limits. In processes that are made for it."""

from __future__ import annotations

import math
from pathlib import Path

import av
from av.codec import CodecContext
from av.codec.codec import UnknownCodecError
from av.container import InputContainer
from av.error import FFmpegError
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from common.host_faults import raise_if_ours
from service.film.errors import UnusableMedia, cause_of
from service.film.frames.size_limits import check_size

MAX_PIXELS = 40_000_000
# Containers that hold their media themselves. Playlists (hls, concat, dash ...) would open other files, so they are not among them.
CONTAINERS = "mov,mp4,matroska,webm,avi,flv,mpegts,mpeg,ogg,gif,apng,asf,h264,hevc,ivf,nut,m4v,yuv4mpegpipe"
# One stream more than is let in: what libav leaves out it does not tell.
_OPTIONS = {"protocol_whitelist": "file", "format_whitelist": CONTAINERS, "max_streams": "33"}
_MOST_STREAMS = 32
_WITH_ALPHA = {"vp8": "libvpx", "vp9": "libvpx-vp9"}


def open_clip(path: Path) -> tuple[InputContainer, VideoStream]:
    """Open a clip and its default video stream, or its first where it names none. Raises UnusableMedia, and MemoryError."""
    try:
        # The path is absolute, so that no name can be read as an address ("http:...").
        container = av.open(str(path.absolute()), options=_OPTIONS, metadata_errors="ignore")
    except MemoryError:
        raise
    except (FFmpegError, OSError, ValueError) as error:
        raise_if_ours(error)
        raise UnusableMedia(f"视频片段无法打开：{cause_of(error)}") from error
    try:
        if len(container.streams) > _MOST_STREAMS:
            raise UnusableMedia(f"视频片段里的轨道太多，最多 {_MOST_STREAMS} 条")
        streams = [stream for stream in container.streams.video if not _is_cover(stream)]
        if not streams:
            raise UnusableMedia("视频片段里没有画面")
        stream = next((stream for stream in streams if stream.disposition & stream.disposition.default), streams[0])
        context = stream.codec_context
        if context is None:
            raise UnusableMedia("视频片段的画面无法解码")
        check_size("视频片段的画面", context.width, context.height, MAX_PIXELS)
        context.thread_count = 1  # the workers are the parallelism
    except BaseException:
        container.close()
        raise
    return container, stream


def decoder_of(stream: VideoStream) -> VideoCodecContext:
    """What decodes the stream's packets: of VP8 and VP9 with transparency it is libvpx, since libav's own decoders leave that out."""
    tags = {name.lower(): value for name, value in stream.metadata.items()}
    own = stream.codec_context
    name = _WITH_ALPHA.get(own.name)
    if name is None or tags.get("alpha_mode") != "1":
        return own
    try:
        decoder = CodecContext.create(name, "r")
    except UnknownCodecError:  # libav is built without it
        return own
    if not isinstance(decoder, VideoCodecContext):
        raise TypeError(name)
    decoder.thread_count = 1
    return decoder


def clip_seconds(path: Path) -> float:
    """How long a clip plays. Raises UnusableMedia when it holds no frame at all."""
    container, stream = open_clip(path)
    with container:
        said = _said_seconds(container, stream)
        if said > 0:
            return said
        # Neither the stream nor the file says: the packets do.
        first, last = math.inf, 0.0
        try:
            for packet in container.demux(stream):
                if packet.pts is not None and packet.time_base is not None:
                    first = min(first, float(packet.pts * packet.time_base))
                    last = max(last, float((packet.pts + (packet.duration or 0)) * packet.time_base))
        except MemoryError:
            raise
        except FFmpegError as error:
            raise_if_ours(error)
            raise UnusableMedia(f"视频片段无法读取：{cause_of(error)}") from error
    if last <= first:
        raise UnusableMedia("视频片段是空的")
    return last - first


def _said_seconds(container: InputContainer, stream: VideoStream) -> float:
    """How long the clip's images last by what its file says; 0 where it says nothing."""
    if stream.duration and stream.time_base and stream.duration > 0:
        return float(stream.duration * stream.time_base)
    alone = len(container.streams) == 1  # else it may be the sound's, which is not played
    if alone and container.duration and container.duration > 0 and not starts_late(container):
        return container.duration / av.time_base
    return 0.0


def starts_late(container: InputContainer) -> bool:
    """Whether the file's times begin later than at 0, as in a piece of a recording: some formats count its length from 0 all the same."""
    return (container.start_time or 0) > av.time_base


def _is_cover(stream: VideoStream) -> bool:
    return bool(stream.disposition & stream.disposition.attached_pic)
