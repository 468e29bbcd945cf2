"""Subtitles drawn once per cue, to be blended into the frames in their rectangle.

Han characters are taken from the face of the story's language: from another one's, Simplified Chinese gets Traditional forms and full
stops hang in mid-air. A font with one face has other languages' forms too, which Pillow's Raqm layout picks when it is told the language;
but Raqm needs the system's libfribidi, which a bare machine or a Mac has not.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from common.host_faults import raise_if_ours
from service.film.errors import FilmError
from service.film.spec import PLAIN, CaptionStyle, Position, Rgb
from service.film.subtitles.fonts import SIMPLIFIED, face_of, font_file

Plane = npt.NDArray[np.uint8]

_SIZE = 0.058  # font size as a share of the frame's shorter side
_SMALLEST = 8.0  # pixels; below that text only smears
_USED_WIDTH = 0.92  # share of the frame's width that a line may take
_USED_HEIGHT = 0.5
_MOST_COLUMNS = 42  # a longer line is tiring to read, however wide the frame
_LEADING = 1.25  # from baseline to baseline, in font sizes
_OUTLINE = 0.075  # in font sizes
_BELOW = 0.3  # how far below its baseline a line reaches, in font sizes; the next one's letters begin lower
_OUTLINE_LUMA = 12  # of 255: black, but not blacker than video black
_JOINERS = "\u200c\u200d"  # they shape their neighbours and have no glyph
_NO_GLYPH = "\U0010ffff"  # a noncharacter, so every font answers with its .notdef glyph


class CaptionPlanes(NamedTuple):
    """A caption as BT.709 limited-range 4:2:0 planes: y and alpha_y are HxW, u, v and alpha_uv H/2xW/2; x, top, W and H are even.

    Blend as `plane + (colour - plane) * alpha / 255` in the rectangle whose top left corner is (x, top).
    """

    x: int
    top: int
    y: Plane
    u: Plane
    v: Plane
    alpha_y: Plane
    alpha_uv: Plane


class Drawn(NamedTuple):
    """A caption's rectangle: its top left corner (both even) and straight (not premultiplied) RGBA, HxWx4, H and W even."""

    x: int
    y: int
    rgba: Plane

    def planes(self) -> CaptionPlanes:
        """The same as planes for blending into 4:2:0 video."""
        alpha = self.rgba[..., 3]
        alpha_uv = (_quads(alpha).mean(axis=(1, 3), dtype=np.float32) + 0.5).astype(np.uint8)
        if np.ptp(self.rgba[..., :3], axis=-1).any():
            luma, u, v = _coloured(self.rgba)
        else:
            luma = (16.5 + self.rgba[..., 0].astype(np.float32) * (219 / 255)).astype(np.uint8)
            u, v = np.full_like(alpha_uv, 128), np.full_like(alpha_uv, 128)
        return CaptionPlanes(self.x, self.y, luma, u, v, alpha.copy(), alpha_uv)


class Captions:
    """Draws captions for one frame size: on a dark outline, centred, never wider than the frame. Not thread-safe."""

    def __init__(
        self,
        width: int,
        height: int,
        font: Path | None = None,
        language: str = SIMPLIFIED,
        style: CaptionStyle = PLAIN,
    ) -> None:
        """`font` is any CJK font that FreeType reads; None takes the one that pip brought. `language` is `language_of` the story.

        Raises FilmError when the font cannot be used.
        """
        self.width, self.height, self.language = width, height, language
        self._style = style
        self._size = max(_SMALLEST, _SIZE * min(width, height) * style.size)
        # Phones lay their controls over the foot of an upright film.
        self._margin = round(height * (0.12 if height > width else 0.06))
        file = self._file = font_file(font)
        try:
            self._glyphs = ImageFont.truetype(file, 20, layout_engine=ImageFont.Layout.BASIC)
        except OSError as error:
            raise_if_ours(error)
            raise FilmError("subtitles", f"字体无法读取: {file.name} ({error})") from error
        self._missing = self._bitmap(_NO_GLYPH)
        self._drawable: dict[str, bool] = {}

    @property
    def line_width(self) -> int:
        """Columns that fit on a line (a CJK character takes two): what `cues.make_cues` wants."""
        return max(8, min(_MOST_COLUMNS, int(self.width * _USED_WIDTH / (self._size / 2))))

    def lacks(self, lines: Sequence[str]) -> bool:
        """Whether the font has no glyph for something in these lines, which `draw` then leaves out."""
        return any(
            not char.isspace() and char not in _JOINERS and not self._can_draw(char) for line in lines for char in line
        )

    def draw(self, lines: Sequence[str], heard: int | None = None) -> Drawn:
        """Draw one or two lines, smaller where they would not fit. With nothing visible in them: a transparent 2x2 rectangle.

        Of `heard` characters (of all lines together) the words are heard already; None: there is no such thing.
        """
        texts = [text for line in lines if (text := self._visible(line))]
        if not texts:
            return Drawn(0, 0, np.zeros((2, 2, 4), np.uint8))
        size = self._fitting(texts)
        stroke = max(1.0, size * _OUTLINE) * self._style.outline
        font = self._font(size)
        told = self._told(font)
        advances = [font.getlength(text, language=told) for text in texts]
        ascent, descent = font.getmetrics()
        pad = int(stroke) + 2
        leading = round(size * _LEADING)
        width = _even(int(max(advances)) + 1 + 2 * pad)
        height = _even(ascent + descent + leading * (len(texts) - 1) + 2 * pad)

        fill, outline = Image.new("L", (width, height)), Image.new("L", (width, height))
        for mask, stroke_width in ((fill, 0.0), (outline, stroke))[: 2 if stroke else 1]:
            draw = ImageDraw.Draw(mask)
            for row, text in enumerate(texts):
                place = (width / 2, pad + ascent + row * leading)
                draw.text(place, text, fill=255, font=font, anchor="ms", stroke_width=stroke_width, language=told)
        if heard is None:
            return self._placed(_over(_unit(fill), _unit(outline), self._style.rgb))
        reach = [font.getlength(part, language=told) for part in self._heard_of(lines, heard)]
        starts = [(width - advance) / 2 for advance in advances]
        bottoms = [pad + ascent + row * leading + round(size * _BELOW) for row in range(len(texts) - 1)]
        is_heard = _left_of([start + part for start, part in zip(starts, reach, strict=True)], bottoms, (height, width))
        colours = np.where(is_heard[..., None], self._style.rgb, self._style.quiet_rgb).astype(np.float32)
        return self._placed(_over(_unit(fill), _unit(outline), np.moveaxis(colours, -1, 0)))

    def _heard_of(self, lines: Sequence[str], heard: int) -> list[str]:
        """What of each line that can be seen is heard already."""
        before = accumulate(map(len, lines), initial=0)
        parts = [line[: max(0, heard - start)] for line, start in zip(lines, before, strict=False)]
        return [self._visible(part) for part, line in zip(parts, lines, strict=True) if self._visible(line)]

    def _placed(self, rgba: Plane) -> Drawn:
        """Centred, at its position; what would stick out of the frame is cut off, so that the rectangle always lies within it."""
        height, width = min(rgba.shape[0], self.height), min(rgba.shape[1], self.width)
        left, top = _even_down((rgba.shape[1] - width) // 2), _even_down((rgba.shape[0] - height) // 2)
        rgba = rgba[top : top + height, left : left + width]
        x = _even_down((self.width - width) // 2)
        free = self.height - height
        at = {Position.TOP: min(self._margin, free), Position.MIDDLE: free // 2}
        y = max(0, _even_down(at.get(self._style.position, free - self._margin)))
        return Drawn(x, y, np.ascontiguousarray(rgba))

    def _font(self, size: float) -> ImageFont.FreeTypeFont:
        return ImageFont.truetype(self._file, size, face_of(self._file, self.language))

    def _told(self, font: ImageFont.FreeTypeFont) -> str | None:
        """The language that the layout is told; the basic one, of a machine without Raqm, cannot be told any."""
        return self.language if font.layout_engine == ImageFont.Layout.RAQM else None

    def _fitting(self, texts: Sequence[str]) -> float:
        """The size of the letters, in pixels."""
        font = self._font(self._size)
        widest = max(font.getlength(text, language=self._told(font)) for text in texts)
        tall = self._size * _LEADING * (len(texts) + 0.5)
        shrink = min(1.0, self.width * _USED_WIDTH / (widest + self._size * 0.2), self.height * _USED_HEIGHT / tall)
        return self._size if shrink == 1.0 else max(1.0, self._size * shrink)

    def _visible(self, line: str) -> str:
        """The line without what the font would show as a box; where it has none of the words, not their marks alone either."""
        shown = "".join(char for char in line if char.isspace() or self._can_draw(char))
        if any(map(str.isalnum, line)) and not any(map(str.isalnum, shown)):
            return ""
        return " ".join(shown.split())

    def _can_draw(self, char: str) -> bool:
        known = self._drawable.get(char)
        if known is None:
            known = char.isprintable() and self._bitmap(char) != self._missing
            self._drawable[char] = known
        return known

    def _bitmap(self, char: str) -> tuple[tuple[int, int], bytes]:
        mask = self._glyphs.getmask(char, mode="L")
        return mask.size, bytes(mask)


def _unit(mask: Image.Image) -> npt.NDArray[np.float32]:
    values: npt.NDArray[np.float32] = np.asarray(mask).astype(np.float32) / np.float32(255)
    return values


def _over(
    fill: npt.NDArray[np.float32], outline: npt.NDArray[np.float32], colours: Rgb | npt.NDArray[np.float32]
) -> Plane:
    """`fill` in its colours (red, green, blue; a plane each where they differ) over dark `outline`, as straight RGBA."""
    alpha = fill + outline * (1 - fill)
    share = np.divide(fill, alpha, out=np.zeros_like(fill), where=alpha > 0)
    parts = [_OUTLINE_LUMA + share * (colour - _OUTLINE_LUMA) for colour in colours]
    return (np.stack([*parts, alpha * 255], axis=-1) + 0.5).astype(np.uint8)


def _left_of(edges: Sequence[float], bottoms: Sequence[int], shape: tuple[int, int]) -> npt.NDArray[np.bool_]:
    """Of each pixel whether it lies left of its row's edge; a row reaches down to its bottom, the last one to the end."""
    height, width = shape
    row = np.searchsorted(np.array(bottoms, np.int64), np.arange(height), "right")
    left: npt.NDArray[np.bool_] = np.arange(width)[None, :] < np.array(edges)[row][:, None]
    return left


def _coloured(rgba: Plane) -> tuple[Plane, Plane, Plane]:
    """BT.709 limited-range y, u, v of what is not grey; the chroma of four pixels by how much each of them shows."""
    red, green, blue, alpha = np.moveaxis(rgba.astype(np.float32), -1, 0)
    luma = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    shown = _quads(alpha).sum(axis=(1, 3))
    chroma = [
        np.divide(_quads(difference * alpha).sum(axis=(1, 3)), shown, out=np.zeros_like(shown), where=shown > 0)
        for difference in ((blue - luma) / 1.8556, (red - luma) / 1.5748)
    ]
    u, v = ((128.5 + part * (224 / 255)).astype(np.uint8) for part in chroma)
    return (16.5 + luma * (219 / 255)).astype(np.uint8), u, v


def _quads(plane: npt.NDArray[np.generic]) -> npt.NDArray[Any]:
    height, width = plane.shape
    return plane.reshape(height // 2, 2, width // 2, 2)


def _even(value: int) -> int:
    return value + value % 2


def _even_down(value: int) -> int:
    return value - value % 2
