"""Pictures and clips of any size, and their files."""

from __future__ import annotations

import io
import zlib
from functools import cache
from typing import Any

import av
import numpy as np
from PIL import Image


def picture(width: int, height: int, prompt: str) -> Image.Image:
    """A gradient in colours of the prompt's own."""
    seed = zlib.crc32(prompt.encode())
    left, right = (
        [(seed >> shift) % 200 + 28, (seed >> shift + 4) % 200 + 28, (seed >> shift + 8) % 200 + 28]
        for shift in (0, 12)
    )
    row = np.linspace(left, right, width).astype(np.uint8)
    return Image.fromarray(np.repeat(row[np.newaxis], height, axis=0))


def encoded(image: Image.Image, format_: str = "PNG") -> bytes:
    """A file of it."""
    out = io.BytesIO()
    image.save(out, format_, **({"compress_level": 1} if format_ == "PNG" else {}))
    return out.getvalue()


def size_of(content: bytes) -> tuple[int, int] | None:
    """A picture's width and height; None: it is none."""
    try:
        with Image.open(io.BytesIO(content)) as image:
            return int(image.width), int(image.height)
    except OSError:
        return None


@cache
def black_clip(width: int, height: int, frames: int, fps: int) -> bytes:
    """An MP4 file of black frames, as of a model whose numbers ran over."""
    return _film([np.zeros((height, width, 3), np.uint8)] * frames, fps)


@cache
def clip(width: int, height: int, frames: int, fps: int, prompt: str) -> bytes:
    """An MP4 file of so many frames, each a little darker than the one before."""
    still = np.asarray(picture(width, height, prompt))
    return _film([(still * (1 - number / frames / 2)).astype(np.uint8) for number in range(frames)], fps)


def _film(stills: list[np.ndarray[Any, np.dtype[np.uint8]]], fps: int) -> bytes:
    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=fps, options={"preset": "ultrafast"})
        (stream.height, stream.width), stream.pix_fmt = stills[0].shape[:2], "yuv420p"
        for still in stills:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(still, format="rgb24")))
        container.mux(stream.encode(None))
    return out.getvalue()
