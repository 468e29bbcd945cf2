"""Encoding frames into a segment: x264 in this process, or ffmpeg's hardware encoders in a child that is fed raw frames.

Every segment of a film has the same stream header, closed GOPs and exact time stamps, so that joining them is copying.
"""

from __future__ import annotations

import contextlib
import ctypes
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Protocol

import av
import numpy as np
from av.error import FFmpegError

from common.errors import DiskFull
from common.host_faults import DISK_FULL, raise_if_ours
from common.process_limits import unlimited_memory
from service.film.encoding.ffmpeg import ended_by_full_disk, last_lines
from service.film.errors import FilmError
from service.film.frames.planes import Planes

STAGE: Final = "encode"
X264_CODEC: Final = "libx264"
_MALLOPT = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
_M_PERTURB = -6
BT709, LIMITED = 1, 1  # the H.264 tags of matrix, primaries and transfer; the range
TICKS_PER_FRAME = 512  # of the segment's clock, so that every frame's time is a whole number of ticks
REORDERED = 2  # frames by which decoding runs ahead of showing, under x264's pyramid of B-frames


@dataclass(frozen=True)
class Encoding:
    """How a segment is encoded: ffmpeg's encoder name, its options, and for a rate that is met in every segment the kilobits per second.

    Of a hardware encoder also the ffmpeg `program` that runs it, and a hash of the stream `header` that it writes: what another program,
    driver or card has made does not make one stream with it.
    """

    codec: str
    options: tuple[tuple[str, str], ...]
    bitrate_kbps: int = 0
    program: str = ""
    header: str = ""

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> Encoding:
        """The inverse of `dataclasses.asdict`, after a round trip through JSON text."""
        return cls(**{**fields, "options": tuple((name, value) for name, value in fields["options"])})


class Writer(Protocol):
    """Takes frames one by one. Leaving the `with` block without an error completes the file."""

    def buffer(self) -> Planes:
        """Planes of the next frame, to be filled before `push`."""

    def push(self) -> None:
        """Encode the frame in the buffer."""

    def __enter__(self) -> Writer: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def open_writer(path: Path, size: tuple[int, int], fps: int, encoding: Encoding) -> Writer:
    """A writer of an MP4 segment at `path`."""
    if encoding.codec == X264_CODEC:
        return X264Writer(path, size, fps, encoding)
    return HardwareWriter(path, size, fps, encoding)


class X264Writer:
    """x264 with one thread: the workers are the parallelism, and a single thread's output is the same on every machine."""

    def __init__(self, path: Path, size: tuple[int, int], fps: int, encoding: Encoding) -> None:
        clock = {"video_track_timescale": str(fps * TICKS_PER_FRAME), "fflags": "+bitexact"}
        self._container = av.open(str(path), "w", format="mp4", options=clock)
        self._stream = self._container.add_stream(X264_CODEC, rate=fps, options=dict(encoding.options))
        context = self._stream.codec_context
        context.width, context.height = size
        context.pix_fmt = "yuv420p"
        context.thread_count = 1
        context.color_range, context.colorspace = LIMITED, BT709
        context.color_primaries, context.color_trc = BT709, BT709
        if encoding.bitrate_kbps:
            context.bit_rate = encoding.bitrate_kbps * 1000
        # x264 copies what it is given before `encode` returns, so one frame serves for all.
        self._frame = av.VideoFrame(size[0], size[1], "yuv420p")
        self._planes = _views(self._frame)
        self._count = self._written = 0

    def buffer(self) -> Planes:
        return self._planes

    def push(self) -> None:
        self._frame.pts = self._count
        self._count += 1
        with _zeroed_memory():
            packets = self._stream.encode(self._frame)
        self._write(packets)

    def _write(self, packets: Sequence[av.Packet[av.VideoStream]]) -> None:
        for packet in packets:
            # x264 lets decoding run ahead only where a segment has the frames for it: then joints would be uneven.
            packet.dts = self._written - REORDERED
            self._written += 1
            self._container.mux(packet)

    def __enter__(self) -> X264Writer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._write(self._stream.encode(None))
        except FFmpegError as failure:
            raise_if_ours(failure)
            raise FilmError(STAGE, f"编码失败：{failure}") from failure
        finally:
            self._container.close()


@contextlib.contextmanager
def _zeroed_memory() -> Iterator[None]:
    """What is allocated meanwhile holds zeros, where the allocator is glibc's.

    x264's mbtree reads memory that it never wrote: what the process had there before would show in the bytes of a segment.
    """
    if _MALLOPT is not None:
        _MALLOPT(_M_PERTURB, 0xFF)  # memory is filled with the inverse of it
    try:
        yield
    finally:
        if _MALLOPT is not None:
            _MALLOPT(_M_PERTURB, 0)


class HardwareWriter:
    """ffmpeg with one of its hardware encoders, reading raw frames from a pipe."""

    def __init__(self, path: Path, size: tuple[int, int], fps: int, encoding: Encoding) -> None:
        import ffmpeg  # noqa: PLC0415 - slow to import, and of no use to the workers that encode by x264

        self._planes = Planes(
            np.empty((size[1], size[0]), np.uint8),
            np.empty((size[1] // 2, size[0] // 2), np.uint8),
            np.empty((size[1] // 2, size[0] // 2), np.uint8),
        )
        frames = ffmpeg.input("pipe:", format="rawvideo", pix_fmt="yuv420p", s=f"{size[0]}x{size[1]}", framerate=fps)
        options = dict(encoding.options)
        device: tuple[str, ...] = ()
        if encoding.codec == "h264_vaapi":
            device = ("-vaapi_device", options.pop("device"))
            frames = frames.filter("format", "nv12").filter("hwupload")
        if encoding.bitrate_kbps:
            options["b:v"] = f"{encoding.bitrate_kbps}k"
        output = frames.output(
            str(path),
            vcodec=encoding.codec,
            format="mp4",
            color_range="tv",
            colorspace="bt709",
            color_primaries="bt709",
            color_trc="bt709",
            video_track_timescale=fps * TICKS_PER_FRAME,
            **options,
        )
        arguments = output.global_args("-hide_banner", "-loglevel", "warning", "-y", *device).compile(
            cmd=encoding.program
        )
        self._log = path.with_suffix(".log").open("w+b")
        with unlimited_memory():  # a card's driver maps far more than it uses
            self._process = subprocess.Popen(  # noqa: S603 - a list of our own arguments, no shell
                arguments, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=self._log
            )

    def buffer(self) -> Planes:
        return self._planes

    def push(self) -> None:
        pipe = self._process.stdin
        if pipe is None:
            raise FilmError(STAGE, "ffmpeg 没有输入管道")
        try:
            for plane in self._planes:
                pipe.write(np.ascontiguousarray(plane).data)
        except BrokenPipeError as error:
            self._process.wait()
            raise self._failure("硬件编码器中断") from error

    def __enter__(self) -> HardwareWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is not None:
                self._process.kill()
            # Closes the pipe, which ends the film, and waits.
            self._process.communicate()
            if kind is None and self._process.returncode:
                raise self._failure(f"硬件编码失败（退出码 {self._process.returncode}）")
        finally:
            self._log.close()
            Path(self._log.name).unlink(missing_ok=True)

    def _failure(self, message: str) -> FilmError | DiskFull:
        """What the program's end was. One that found no space must not be replaced by another encoder, which finds none either."""
        self._log.seek(0)
        text = last_lines(self._log.read().decode("utf-8", "replace"))
        if ended_by_full_disk(self._process.returncode, text, Path(self._log.name).parent):
            return DiskFull(DISK_FULL)
        return FilmError(STAGE, message, log=text)


def _views(frame: av.VideoFrame) -> Planes:
    """The planes of a PyAV frame as arrays that write into it."""
    views = []
    for plane in frame.planes:
        rows = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)
        views.append(rows[:, : plane.width])
    return Planes(*views)
