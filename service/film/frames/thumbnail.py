"""Small pictures for pages: of an image, or of a moment of a film. In the decoder's process: the files may be anybody's."""

from __future__ import annotations

from pathlib import Path

from av.error import FFmpegError
from av.video.frame import VideoFrame
from PIL import Image

from common.host_faults import raise_if_ours
from service.film.errors import UnusableMedia, cause_of
from service.film.frames.clip_colours import matrix_of
from service.film.frames.image_file import read_image
from service.film.frames.video_file import open_clip

# AVIF is a fifth smaller at a speed of 8 and takes five times as long; at 10 it is as quick as WebP, and as large.
_OPTIONS = {"WEBP": {"quality": 80, "method": 4}, "AVIF": {"quality": 60, "speed": 10}}


def of_image(path: Path, target: Path, width: int, kind: str) -> None:
    """Write the image at most so wide to `target`, as "WEBP" or "AVIF". Raises UnusableMedia."""
    _write(Image.fromarray(read_image(path, (width, width))), target, width, kind)


def of_film(path: Path, target: Path, at_s: float, width: int, kind: str) -> None:
    """The same of the frame that is seen `at_s` seconds after the film's beginning, or of its last one. Raises UnusableMedia."""
    frame = _frame_at(path, at_s)
    rgb = frame.reformat(format="rgb24", src_colorspace=matrix_of(frame))
    _write(Image.fromarray(rgb.to_ndarray()), target, width, kind)


def _write(image: Image.Image, target: Path, width: int, kind: str) -> None:
    if image.width > width:
        height = max(1, round(image.height * width / image.width))
        image = image.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=2.0)
    image.save(target, kind, **_OPTIONS[kind])


def _frame_at(path: Path, at_s: float) -> VideoFrame:
    container, stream = open_clip(path)
    found: VideoFrame | None = None
    with container:
        start = float((stream.start_time or 0) * (stream.time_base or 0))
        try:
            if at_s > 0 and stream.time_base:
                container.seek(int((start + at_s) / stream.time_base), stream=stream)  # to the key frame before it
            for frame in container.decode(stream):
                if found is not None and frame.time is not None and frame.time - start > at_s:
                    break
                found = frame
        except FFmpegError as error:
            if found is None:
                raise_if_ours(error)
                raise UnusableMedia(f"影片无法解码：{cause_of(error)}") from error
    if found is None:
        raise UnusableMedia("影片里没有画面")
    return found
