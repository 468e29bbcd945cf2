"""From the colours of any image to sRGB on white: transparency, embedded profiles, numbers of more than eight bits."""

from __future__ import annotations

import io
import math

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms

Rgb = npt.NDArray[np.uint8]

BAND = 256  # rows that are converted at once: the steps between need no memory for the whole image
HIGHLIGHTS = (
    16.0  # floating-point numbers beyond are no highlights of pictures whose white is 1, but numbers of integer formats
)
PHOTOMETRIC = 262  # TIFF's tag: 0 where white is; Pillow turns eight bits around, and not sixteen
_WHITES = (255.0, 65535.0, 2.0**31 - 1)


def to_rgb(image: Image.Image) -> Rgb:
    """A loaded image as H×W×3 sRGB, what is transparent on white. Raises ValueError for a mode that has no colours."""
    convert = _Converter(image)
    out = np.empty((image.height, image.width, 3), np.uint8)
    for top in range(0, image.height, BAND):
        bottom = min(image.height, top + BAND)
        out[top:bottom] = np.asarray(convert(image.crop((0, top, image.width, bottom))))
    return out


def check_colours(image: Image.Image) -> None:
    """Raise what `to_rgb` raises for an image of this kind: its pixels are all alike to it, so that a few tell."""
    _Converter(image)(image.crop((0, 0, 1, 1)))


class _Converter:
    """Converts parts of one image."""

    def __init__(self, image: Image.Image) -> None:
        self._white = _white(image)
        self._white_is_zero = image.mode.startswith("I;16") and getattr(image, "tag_v2", {}).get(PHOTOMETRIC) == 0
        self._mode = "L" if self._white or image.mode in ("1", "L", "LA", "La") else "RGB"
        if image.mode == "CMYK":
            self._mode = "CMYK"
        self._profile = self._to_srgb(image.info.get("icc_profile"))

    def __call__(self, part: Image.Image) -> Image.Image:
        colours, alpha = self._grey(part) if self._white else self._split(part)
        if self._profile is not None:
            converted = ImageCms.applyTransform(colours, self._profile)
            colours = colours if converted is None else converted
        colours = colours.convert("RGB")
        if alpha is None:
            return colours
        paper = Image.new("RGB", colours.size, "white")
        paper.paste(colours, mask=alpha)
        return paper

    def _split(self, part: Image.Image) -> tuple[Image.Image, Image.Image | None]:
        """Colours, and alpha where there is any."""
        if not part.has_transparency_data:
            return part.convert(self._mode), None
        rgba = part.convert("RGBA")
        # By way of RGBA, which undoes what some formats do to colours beforehand, the multiplication by alpha.
        return rgba.convert("RGB").convert(self._mode), rgba.getchannel("A")

    def _grey(self, part: Image.Image) -> tuple[Image.Image, Image.Image | None]:
        """The same of one wide number a pixel: Pillow would clip it instead of scaling."""
        wide = np.nan_to_num(np.asarray(part, np.float64), posinf=self._white, neginf=0.0)
        wide = self._white - wide if self._white_is_zero else wide
        grey = (wide * (255.0 / self._white)).round().clip(0, 255).astype(np.uint8)
        clear = part.info.get("transparency")
        alpha = Image.fromarray(((wide != clear) * 255).astype(np.uint8)) if isinstance(clear, int) else None
        return Image.fromarray(grey), alpha

    def _to_srgb(self, profile: bytes | None) -> ImageCms.ImageCmsTransform | None:
        """What an embedded profile (cameras' Display P3, printers' CMYK) asks for; one that is broken, or of other colours, is ignored."""
        if not profile:
            return None
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            space = source.profile.xcolor_space.strip()
            if self._mode == "L" and space == "RGB":
                self._mode = "RGB"
            if space != {"L": "GRAY"}.get(self._mode, self._mode):
                return None
            return ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), self._mode, "RGB")
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError, AttributeError):
            return None


def _white(image: Image.Image) -> float:
    """The number that is white, of a mode of one wide number a pixel; 0 for other modes.

    A format's largest number is white, however dark the image. With 32 bits none is said: it is the least usual one that the image keeps.
    """
    if image.mode.startswith("I;16"):
        return 65535.0
    if image.mode not in ("I", "F"):
        return 0.0
    wide = np.asarray(image)
    largest = float(np.max(wide, where=np.isfinite(wide), initial=0))
    if image.mode == "F" and largest <= HIGHLIGHTS:
        return 1.0
    least = 255.0 if image.mode == "F" else 65535.0
    return next((white for white in _WHITES if least <= white and largest <= white), max(largest, math.ulp(1.0)))
