"""An image for a shot that has none: a quiet gradient in a colour of its own, with the shot's title."""

from __future__ import annotations

import colorsys
import hashlib
from pathlib import Path

import numpy as np
import numpy.typing as npt

from service.film.subtitles.captions import Captions
from service.film.subtitles.fonts import SIMPLIFIED
from service.film.subtitles.line_breaks import graphemes
from service.film.subtitles.text_metrics import clean

MAX_TITLE = 24  # characters; longer titles are cut


def draw_placeholder(
    size: tuple[int, int], title: str, seed: int, font: Path | None, language: str = SIMPLIFIED
) -> npt.NDArray[np.uint8]:
    """An H×W×3 RGB image of `size` (width, height); the same for the same arguments."""
    width, height = size
    hue = hashlib.sha256(f"{seed}:{title}".encode("utf-8", "surrogatepass")).digest()[0] / 256
    top = np.array(colorsys.hsv_to_rgb(hue, 0.35, 0.62)) * 255
    bottom = np.array(colorsys.hsv_to_rgb((hue + 0.08) % 1, 0.55, 0.26)) * 255
    down = np.linspace(0.0, 1.0, height)[:, None, None]
    x = np.linspace(-1.0, 1.0, width)[None, :, None]
    y = np.linspace(-1.0, 1.0, height)[:, None, None]
    light = 1.0 + 0.25 * np.exp(-(((x - 0.35) ** 2) * 2.0 + ((y + 0.3) ** 2) * 3.0))
    rgb = (top * (1 - down) + bottom * down) * light
    image = rgb.clip(0, 255).astype(np.uint8)
    text = clean(title)
    if text:
        if len(text) > MAX_TITLE:
            text = "".join(list(graphemes(text))[: MAX_TITLE - 1]) + "…"
        _write(image, text, font, language)
    return image


def _write(image: npt.NDArray[np.uint8], text: str, font: Path | None, language: str) -> None:
    rows, columns = image.shape[:2]
    label = Captions(columns, rows, font, language).draw((text,)).rgba
    height, width = min(label.shape[0], rows), min(label.shape[1], columns)
    label = label[:height, :width]
    top, left = (rows - height) // 2, (columns - width) // 2
    alpha = label[:, :, 3:].astype(np.float32) / 255
    under = image[top : top + height, left : left + width]
    under[:] = (under * (1 - alpha) + label[:, :, :3] * alpha).astype(np.uint8)
