"""Painting for tests, and how alike two images are."""

from __future__ import annotations

import io
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from worker_node.providers.base import ImageRequest, QuietRun
from worker_node.providers.offline.painter.painter import OfflinePainter

Pixels = NDArray[np.float64]
SIDE = 288


def paint_bytes(
    prompt: str, style: str = "", *, width: int = SIDE, height: int = SIDE, seed: int | None = None
) -> bytes:
    """The file that the painter writes."""
    with TemporaryDirectory() as folder:
        target = Path(folder) / "image.png"
        OfflinePainter().paint(ImageRequest(prompt, style, width, height, seed), target, QuietRun())
        return target.read_bytes()


def paint(prompt: str, style: str = "", *, width: int = SIDE, height: int = SIDE, seed: int | None = None) -> Pixels:
    """The image, (height, width, 3) in 0 to 255."""
    return decoded(paint_bytes(prompt, style, width=width, height=height, seed=seed))


def decoded(data: bytes) -> Pixels:
    with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
        assert image.mode == "RGB"
        return np.asarray(image, np.float64)


def brightness(pixels: Pixels) -> float:
    return float((pixels @ [0.299, 0.587, 0.114]).mean())


def difference_hash(pixels: Pixels) -> NDArray[np.bool_]:
    """256 bits: where a 16x16 miniature gets brighter to the right."""
    small = Image.fromarray(pixels.astype(np.uint8)).convert("L").resize((17, 16), Image.Resampling.BOX)
    grey = np.asarray(small, np.float64)
    return grey[:, 1:] > grey[:, :-1]


def distance(first: Pixels, second: Pixels) -> int:
    """How many of 256 bits of the two hashes differ; unrelated images: about 128."""
    return int((difference_hash(first) != difference_hash(second)).sum())
