"""Reading a still image that somebody uploaded or a model made: any common format, upright, sRGB, with limits."""

from __future__ import annotations

import contextlib
import io
import struct
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Image,
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
from service.film.frames.image_colours import Rgb, check_colours, to_rgb
from service.film.frames.jpeg_tail import completed
from service.film.frames.png_chunks import SIGNATURE, picture_chunks
from service.film.frames.size_limits import check_size
from service.film.spec import INPUT

MAX_PIXELS = 100_000_000
LARGE = 8_000_000  # pixels: WebP takes 12 bytes for each while it is decoded, JPEG 8, however few the file has
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

_OF_THEIR_SIZE = (
    "PNG",
    "JPEG",
    "WEBP",
    "GIF",
    "BMP",
)  # others have tiles or layers, which may be larger than the image
_ORIENTATION = 0x0112  # Exif's tag

# Pillow's decoders answer broken files with any of these.
_BROKEN = (
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
)
_SHORT = 3  # the type of the numbers in which it is given
# How rows and columns are to be taken, by Exif's orientation: (transposed, rows backwards, columns backwards).
_POSES = {
    2: (False, False, True),
    3: (False, True, True),
    4: (False, True, False),
    5: (True, False, False),
    6: (True, False, True),
    7: (True, True, True),
    8: (True, True, False),
}


def load_image(path: Path, shot: int, wanted: tuple[int, int]) -> Rgb:
    """The image as H×W×3 RGB, upright, transparency on white; the first image of an animation.

    `wanted` (width, height) is about the size that is needed: a JPEG far larger is decoded at a fraction.
    Raises FilmError naming the shot when the file is no image, broken, too large or too narrow; `HostUnavailable` when it cannot be read.
    """
    try:
        return read_image(path, wanted)
    except UnusableMedia as error:
        raise FilmError(INPUT, str(error), shot=shot) from error


def read_image(path: Path, wanted: tuple[int, int]) -> Rgb:
    """The same for what is no film's; raises UnusableMedia."""
    with _loaded(path, wanted) as image:
        return _upright(to_rgb(image), _orientation(image))


def check_image(path: Path) -> None:
    """Raise UnusableMedia unless the file is an image that `load_image` can load."""
    with _loaded(path, None) as image:
        check_colours(image)


def size_of(path: Path) -> tuple[int, int]:
    """Width and height in pixels of the image as it is shown, upright. Raises UnusableMedia."""
    with _opened(path) as image:
        pose = _POSES.get(orientation) if isinstance(orientation := _orientation(image), int) else None
        return (image.height, image.width) if pose is not None and pose[0] else (image.width, image.height)


def is_costly(path: Path) -> bool:
    """Whether an image, by its header, may take so much memory that a process of its own should decode it. Raises UnusableMedia."""
    with _opened(path) as image:
        return image.format not in _OF_THEIR_SIZE or image.width * image.height > LARGE


@contextlib.contextmanager
def _loaded(path: Path, wanted: tuple[int, int] | None) -> Iterator[Image.Image]:
    """The image, decoded; what goes wrong with it is raised as UnusableMedia (Chinese)."""
    with _opened(path) as image:
        if wanted:
            image.draft("RGB", (2 * wanted[0], 2 * wanted[1]))
        try:
            image.load()
        except OSError as error:
            raise_if_ours(error)
            whole = completed(path.read_bytes()) if isinstance(image, JpegImagePlugin.JpegImageFile) else None
            if whole is None:
                raise
            with Image.open(io.BytesIO(whole), formats=FORMATS) as mended:
                yield mended
        else:
            yield image


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """The image, of which only the header was read; what goes wrong with it is raised as UnusableMedia (Chinese)."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of sizes that are checked here, and of odd metadata
            with Image.open(_source(path), formats=FORMATS) as image:
                check_size("图片", image.width, image.height, MAX_PIXELS)
                yield image
    except Image.DecompressionBombError as error:
        raise UnusableMedia(f"图片太大，上限 {MAX_PIXELS // 1_000_000} 百万像素") from error
    except UnidentifiedImageError as error:
        raise UnusableMedia("文件不是可识别的图片") from error
    except _BROKEN as error:
        if not isinstance(error, MemoryError | RuntimeError):  # the decoders' own words for broken files
            raise_if_ours(error)
        raise UnusableMedia(f"图片无法解码：{cause_of(error)}") from error


def _source(path: Path) -> Path | io.BytesIO:
    """What Pillow is to read."""
    with path.open("rb") as file:
        return picture_chunks(file) if file.read(len(SIGNATURE)) == SIGNATURE else path


def _orientation(image: Image.Image) -> object:
    """Exif's orientation, 1 to 8; anything else where the file says none, or nothing that can be read."""
    try:
        found = image.getexif().get(_ORIENTATION)
    except _BROKEN:
        found = None
    return found if found is not None else _orientation_in(image.info.get("exif"))


def _orientation_in(exif: object) -> int | None:
    """The orientation in an Exif block's first directory (TIFF 6.0, section 2); Pillow 12 reads nothing of it behind a broken tag."""
    block = exif.removeprefix(b"Exif\0\0") if isinstance(exif, bytes) else b""
    order = {b"II": "<", b"MM": ">"}.get(block[:2])
    try:
        if order is None:
            return None
        (at,) = struct.unpack_from(f"{order}I", block, 4)
        (count,) = struct.unpack_from(f"{order}H", block, at)
        for number in range(count):
            tag, kind, values, value = struct.unpack_from(f"{order}HHIH", block, at + 2 + 12 * number)
            if (tag, kind, values) == (_ORIENTATION, _SHORT, 1):
                return int(value)
    except struct.error:  # it ends before it says so
        pass
    return None


def _upright(rgb: Rgb, orientation: object) -> Rgb:
    pose = _POSES.get(orientation) if isinstance(orientation, int) else None
    if pose is None:
        return rgb
    transposed, rows, columns = pose
    shown = rgb.transpose(1, 0, 2) if transposed else rgb
    return np.ascontiguousarray(shown[:: -1 if rows else 1, :: -1 if columns else 1])
