"""A clip (an image-to-video model's result, say) as a source of frames in the film's size, rate and colours.

Any codec, size, rate, pixel shape, rotation and mirroring. A clip shorter than its shot stays on its last frame.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from av.buffer import Buffer
from av.error import FFmpegError
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace

from common.host_faults import raise_if_ours
from service.film.errors import FilmError, UnusableMedia, cause_of
from service.film.frames.clip_colours import complete, matrix_of, plain, told_by
from service.film.frames.planes import Plane, Planes, empty
from service.film.frames.still import ASPECT_TOLERANCE, BLUR_DIM
from service.film.frames.video_file import MAX_PIXELS, decoder_of, open_clip
from service.film.frames.yuv import resize
from service.film.spec import INPUT, Fit


class Clip:
    """Frames are numbered from the first in which the shot is seen; seeking forwards is cheap, backwards reopens the clip."""

    def __init__(self, path: Path, size: tuple[int, int], *, fit: Fit, fps: int, shot: int) -> None:
        self._path, self._size, self._fit, self._fps, self._shot = path, size, fit, fps, shot
        self._shown = empty(*size)
        self._shape = 1.0  # width of a pixel, in its height
        self._rewind()

    def _rewind(self) -> None:
        self._position = 0
        self._current: VideoFrame | None = None
        self._fresh = False
        self._frames = self._decode()
        self._next: tuple[float, VideoFrame] | None = next(self._frames, None)

    def draw(self, frame: int, out: Planes) -> None:
        """Write frame number `frame` into `out`. Raises FilmError when the clip has no frame that can be decoded."""
        if frame < self._position:
            self._rewind()
        self._position = frame
        wanted = (
            frame / self._fps + 0.25 / self._fps
        )  # the frame that has begun by then, in spite of rounded time stamps
        while self._next is not None and (self._current is None or self._next[0] <= wanted):
            self._current, self._fresh = self._next[1], True
            self._next = next(self._frames, None)
        if self._current is None:
            raise FilmError(INPUT, "视频片段里没有可解码的画面", shot=self._shot)
        if self._fresh:
            try:
                self._convert(self._current)
            except (FFmpegError, ValueError, MemoryError, cv2.error) as error:
                raise FilmError(INPUT, f"视频片段的画面无法转换：{cause_of(error)}", shot=self._shot) from error
            self._fresh = False
        for source, target in zip(self._shown, out, strict=True):
            np.copyto(target, source)

    def _decode(self) -> Iterator[tuple[float, VideoFrame]]:
        """Frames with their times from the clip's first. A truncated clip ends there."""
        try:
            container, stream = open_clip(self._path)
        except UnusableMedia as error:
            raise FilmError(INPUT, str(error), shot=self._shot) from error
        with container:
            self._shape = float(stream.sample_aspect_ratio or stream.codec_context.sample_aspect_ratio or 1)
            told = told_by(stream.codec_context)
            start: float | None = None
            count = 0
            try:
                decoder = decoder_of(stream)
                for frame in (frame for packet in container.demux(stream) for frame in decoder.decode(packet)):
                    if frame.width * frame.height > MAX_PIXELS:
                        raise FilmError(INPUT, "视频片段的画面太大", shot=self._shot)
                    time = frame.time if frame.time is not None else count / float(stream.average_rate or self._fps)
                    start = time if start is None else start
                    count += 1
                    yield time - start, complete(frame, told)
            except (FFmpegError, MemoryError) as error:
                if not count:
                    if not isinstance(error, MemoryError):  # which a hostile clip asks for
                        raise_if_ours(error)
                    raise FilmError(INPUT, f"视频片段无法解码：{cause_of(error)}", shot=self._shot) from error

    def _convert(self, frame: VideoFrame) -> None:
        width, height = self._size
        pose = _pose(frame)
        wide, high = max(1.0, frame.width * self._shape), float(frame.height)
        if pose.transposed:
            wide, high = high, wide
        near = abs(np.log((wide / high) / (width / height))) < ASPECT_TOLERANCE
        contain = self._fit is Fit.BLUR and not near
        ratio = (min if contain else max)(width / wide, height / high)
        inner = (_even(wide * ratio, 2 if contain else width), _even(high * ratio, 2 if contain else height))
        planes = _planes(frame, (inner[1], inner[0]) if pose.transposed else inner)
        planes = Planes(*(pose.apply(plane) for plane in planes))
        if contain:
            self._surround(planes)
            _paste(planes, self._shown)
        else:
            _crop(planes, self._shown)

    def _surround(self, inner: Planes) -> None:
        """The blurred and darkened enlargement of the frame behind it."""
        for plane, target, base in zip(inner, self._shown, (16, 128, 128), strict=True):
            rows, columns = target.shape
            small = resize(np.ascontiguousarray(plane), max(2, columns // 16), max(2, rows // 16))
            small = np.asarray(cv2.GaussianBlur(small, (0, 0), 3.0), np.uint8)
            large = cv2.resize(small, (columns, rows), interpolation=cv2.INTER_CUBIC)
            cv2.addWeighted(large, BLUR_DIM, large, 0.0, base * (1.0 - BLUR_DIM), dst=target)


class _Pose(NamedTuple):
    """How stored frames are to be shown, as one of the eight orientations of a frame: transposed first, mirrored then."""

    transposed: bool
    left_right: bool
    top_bottom: bool

    def apply(self, plane: Plane) -> Plane:
        """A view of the plane as it is to be shown."""
        shown = plane.T if self.transposed else plane
        return shown[:: -1 if self.top_bottom else 1, :: -1 if self.left_right else 1]


def _pose(frame: VideoFrame) -> _Pose:
    """The pose that is nearest to the frame's display matrix; as stored where there is none."""
    data = frame.side_data.get("DISPLAYMATRIX")
    if not isinstance(data, Buffer):
        return _Pose(transposed=False, left_right=False, top_bottom=False)
    # Rows of three: what a step to the right, and one down, in the stored frame is on the screen.
    right_x, right_y, _, down_x, down_y = (int(value) for value in np.frombuffer(memoryview(data), np.int32)[:5])
    if abs(right_x) + abs(down_y) >= abs(right_y) + abs(down_x):
        return _Pose(transposed=False, left_right=right_x < 0, top_bottom=down_y < 0)
    return _Pose(transposed=True, left_right=down_x < 0, top_bottom=right_y < 0)


def _planes(frame: VideoFrame, size: tuple[int, int]) -> Planes:
    frame = plain(frame, size)
    converted = frame.reformat(
        width=size[0],
        height=size[1],
        format="yuv420p",
        src_colorspace=matrix_of(frame),
        dst_colorspace=Colorspace.ITU709,
        dst_color_range=ColorRange.MPEG,
    )
    arrays = []
    for plane in converted.planes:
        rows = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)
        arrays.append(rows[:, : plane.width])
    return Planes(*arrays)


def _even(value: float, least: int) -> int:
    return max(least, 2 * round(value / 2))


def _crop(source: Planes, target: Planes) -> None:
    top = (source.u.shape[0] - target.u.shape[0]) // 2
    left = (source.u.shape[1] - target.u.shape[1]) // 2
    for plane, out, factor in zip(source, target, (2, 1, 1), strict=True):
        _copy(plane, out, (factor * top, factor * left), (0, 0))


def _paste(source: Planes, target: Planes) -> None:
    top = max(0, (target.u.shape[0] - source.u.shape[0]) // 2)
    left = max(0, (target.u.shape[1] - source.u.shape[1]) // 2)
    for plane, out, factor in zip(source, target, (2, 1, 1), strict=True):
        _copy(plane, out, (0, 0), (factor * top, factor * left))


def _copy(source: Plane, target: Plane, take: tuple[int, int], put: tuple[int, int]) -> None:
    rows = min(source.shape[0] - take[0], target.shape[0] - put[0])
    columns = min(source.shape[1] - take[1], target.shape[1] - put[1])
    target[put[0] : put[0] + rows, put[1] : put[1] + columns] = source[
        take[0] : take[0] + rows, take[1] : take[1] + columns
    ]
