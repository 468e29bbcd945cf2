"""Opening other people's video files: local ones only, of known containers, within limits."""

from __future__ import annotations

from pathlib import Path

import av
from av.container import InputContainer
from av.error import FFmpegError
from av.video.stream import VideoStream

from common.host_faults import raise_if_ours
from service.film.errors import FilmError, cause_of
from service.film.spec import INPUT

MAX_PIXELS = 40_000_000
# Containers that hold their media themselves. Playlists (hls, concat, dash ...) would open other files, so they are not among them.
CONTAINERS = "mov,mp4,matroska,webm,avi,flv,mpegts,mpeg,ogg,gif,apng,asf,h264,hevc,ivf,nut,m4v,yuv4mpegpipe"


def open_clip(path: Path, shot: int) -> tuple[InputContainer, VideoStream]:
    """Open a clip and its first video stream. Raises FilmError naming the shot."""
    try:
        # The path is absolute, so that no name can be read as an address ("http:...").
        container = av.open(
            str(path.absolute()),
            options={"protocol_whitelist": "file", "format_whitelist": CONTAINERS},
            metadata_errors="ignore",
        )
    except (FFmpegError, OSError, ValueError) as error:
        raise_if_ours(error)
        raise FilmError(INPUT, f"视频片段无法打开：{cause_of(error)}", shot=shot) from error
    streams = [stream for stream in container.streams.video if not _is_cover(stream)]
    if not streams:
        container.close()
        raise FilmError(INPUT, "视频片段里没有画面", shot=shot)
    stream = streams[0]
    context = stream.codec_context
    if context is None or context.width * context.height > MAX_PIXELS:
        container.close()
        raise FilmError(INPUT, "视频片段的画面太大或无法解码", shot=shot)
    context.thread_count = 1  # the workers are the parallelism
    return container, stream


def clip_seconds(path: Path, shot: int) -> float:
    """How long a clip plays. Raises FilmError naming the shot when it holds no frame at all."""
    container, stream = open_clip(path, shot)
    with container:
        if stream.duration and stream.time_base and stream.duration > 0:
            return float(stream.duration * stream.time_base)
        alone = len(container.streams) == 1  # else it may be the sound's, which is not played
        if alone and container.duration and container.duration > 0:
            return container.duration / av.time_base
        # Neither the stream nor the file says: the packets do.
        last = 0.0
        try:
            for packet in container.demux(stream):
                if packet.pts is not None and packet.time_base is not None:
                    last = max(last, float((packet.pts + (packet.duration or 0)) * packet.time_base))
        except FFmpegError as error:
            raise_if_ours(error)
            raise FilmError(INPUT, f"视频片段无法读取：{cause_of(error)}", shot=shot) from error
    if last <= 0.0:
        raise FilmError(INPUT, "视频片段是空的", shot=shot)
    return last


def _is_cover(stream: VideoStream) -> bool:
    return bool(stream.disposition & stream.disposition.attached_pic)
