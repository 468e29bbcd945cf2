"""Reading a still image that somebody uploaded or a model made: any common format, upright, sRGB, with limits."""

from __future__ import annotations

import contextlib
import io
import struct
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageCms,
    ImageOps,
    Jpeg2KImagePlugin,
    JpegImagePlugin,
    PngImagePlugin,
    PpmImagePlugin,
    TiffImagePlugin,
    UnidentifiedImageError,
    WebPImagePlugin,
)

from common.host_faults import raise_if_ours
from service.film.errors import FilmError, UnusableMedia, cause_of
from service.film.frames.size_limits import check_size
from service.film.spec import INPUT

MAX_PIXELS = 100_000_000
# Formats whose decoders are part of Pillow itself; others (EPS, for one) start a program. Named by their plugins, which that also loads.
FORMATS = tuple(
    str(plugin.format)
    for plugin in (
        PngImagePlugin.PngImageFile,
        JpegImagePlugin.JpegImageFile,
        WebPImagePlugin.WebPImageFile,
        GifImagePlugin.GifImageFile,
        BmpImagePlugin.BmpImageFile,
        TiffImagePlugin.TiffImageFile,
        PpmImagePlugin.PpmImageFile,
        AvifImagePlugin.AvifImageFile,
        Jpeg2KImagePlugin.Jpeg2KImageFile,
    )
)

Rgb = npt.NDArray[np.uint8]


def load_image(path: Path, shot: int, wanted: tuple[int, int]) -> Rgb:
    """The image as H×W×3 RGB, upright, transparency on white; the first image of an animation.

    `wanted` (width, height) is about the size that is needed: a JPEG far larger is decoded at a fraction.
    Raises FilmError naming the shot when the file is no image, broken, too large or too narrow; `HostUnavailable` when it cannot be read.
    """
    try:
        with _opened(path) as image:
            image.draft("RGB", (2 * wanted[0], 2 * wanted[1]))
            image.load()
            return np.asarray(_to_rgb(ImageOps.exif_transpose(image)))
    except UnusableMedia as error:
        raise FilmError(INPUT, str(error), shot=shot) from error


def check_image(path: Path) -> None:
    """Raise UnusableMedia unless the file is a whole image that `load_image` can load."""
    with _opened(path) as image:
        image.load()


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """The image, of which only the header was read; what goes wrong with it is raised as UnusableMedia (Chinese)."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of sizes that are checked here, and of odd metadata
            with Image.open(path, formats=FORMATS) as image:
                check_size("图片", image.width, image.height, MAX_PIXELS)
                yield image
    except Image.DecompressionBombError as error:
        raise UnusableMedia(f"图片太大，上限 {MAX_PIXELS // 1_000_000} 百万像素") from error
    except UnidentifiedImageError as error:
        raise UnusableMedia("文件不是可识别的图片") from error
    # Pillow's decoders answer broken files with any of these.
    except (
        OSError,
        ValueError,
        SyntaxError,
        EOFError,
        IndexError,
        TypeError,
        KeyError,
        MemoryError,
        OverflowError,
        RuntimeError,
        struct.error,
    ) as error:
        if not isinstance(error, MemoryError | RuntimeError):  # the decoders' own words for broken files
            raise_if_ours(error)
        raise UnusableMedia(f"图片无法解码：{cause_of(error)}") from error


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):  # 16-bit grey: Pillow would clip it instead of scaling
        wide = np.asarray(image, np.float32)
        scale = 255.0 / 65535.0 if wide.max(initial=0.0) > 255 else 1.0
        return Image.fromarray((wide * scale).clip(0, 255).astype(np.uint8)).convert("RGB")
    image = _to_srgb(image)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        paper = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(paper, image).convert("RGB")
    return image.convert("RGB")


def _to_srgb(image: Image.Image) -> Image.Image:
    """Apply an embedded colour profile (cameras' Display P3, printers' CMYK); a broken one is ignored."""
    profile = image.info.get("icc_profile")
    if not profile or image.mode not in ("RGB", "CMYK", "L"):
        return image
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return image
    return image if converted is None else converted
