"""Whether a file that a model made is a picture of use: it opens to its last byte, shows something, and is large enough."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from worker_node.errors import BrokenAnswer
from worker_node.providers.sizes import Size

MAX_PIXELS = 64_000_000
FORMATS = ("PNG", "JPEG", "WEBP")
LOOKED_AT = 256  # pixels of the longer side
FLAT = 4  # levels of 255 between which all but one in a hundred pixels lie
BLACK = 8  # levels
LEAST = 0.6  # of the sides that the asked size would have had when cut to shape; a server that keeps to its own sizes is still of use


def opened_picture(path: Path) -> Image.Image:
    """The picture, upright and in RGB, transparency on white; raises `BrokenAnswer` for what is none, was cut off or is too large."""
    try:
        with Image.open(path, formats=FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                raise BrokenAnswer(f"图片过大：{image.width}x{image.height}，最多 {MAX_PIXELS // 1_000_000} 百万像素")
            return _flattened(ImageOps.exif_transpose(image))
    except (Image.DecompressionBombError, OSError, SyntaxError, ValueError) as error:
        raise BrokenAnswer(f"图片打不开或不完整（{type(error).__name__}）") from error


def _flattened(image: Image.Image) -> Image.Image:
    if not image.has_transparency_data:
        return image.convert("RGB")
    paper = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(paper, image.convert("RGBA")).convert("RGB")


def picture_fault(image: Image.Image, wanted: Size, asked: Size | None = None) -> str | None:
    """What is wrong with a picture that is to be cut to the size `wanted`, in Chinese for the user; None where it is of use.

    `asked` is the size that its server was asked for; None where the server has one of its own.
    """
    nothing = blankness(image)
    if nothing:
        return f"图片{nothing}"
    return size_fault("图片", image.size, wanted, asked)


def size_fault(what: str, found: Size, wanted: Size, asked: Size | None) -> str | None:
    """What is wrong with the size of a picture or a clip; see `picture_fault`."""
    if asked is None:
        return None if min(found) >= 64 else f"{what}大小不对：只有 {found[0]}x{found[1]}"
    if _scale(found, wanted) < LEAST * min(1.0, _scale(asked, wanted)):
        return f"{what}大小不对：要的是 {asked[0]}x{asked[1]}，得到 {found[0]}x{found[1]}"
    return None


def _scale(size: Size, wanted: Size) -> float:
    """How large a size is when cut to the wanted one's shape, the wanted one being 1."""
    return min(size[0] / wanted[0], size[1] / wanted[1])


def blankness(image: Image.Image) -> str:
    """How a picture shows nothing, in Chinese; "" where it shows something."""
    small = image.resize(_within(image.size), Image.Resampling.BOX)
    low, high = np.percentile(np.asarray(small, np.uint8), (0.5, 99.5), axis=(0, 1))
    if float(np.max(high - low)) > FLAT:
        return ""
    return "是全黑的" if float(np.max(high)) <= BLACK else "是空白的"


def _within(size: Size) -> Size:
    factor = min(1.0, LOOKED_AT / max(size))
    return math.ceil(size[0] * factor), math.ceil(size[1] * factor)


def fitted(image: Image.Image, size: Size) -> Image.Image:
    """The picture's middle in the shape of `size`, and at that size."""
    return image if image.size == size else ImageOps.fit(image, size, Image.Resampling.LANCZOS)
