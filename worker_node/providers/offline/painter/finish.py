"""The hand that painted it: every style is a finish over the same composition."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from PIL import Image

from worker_node.providers.offline.painter.canvas import blurred, noise, smoothstep
from worker_node.providers.offline.painter.colour import GREY, Array, rgb

Finish = Callable[[Array, np.random.Generator], Array]


def finish(pixels: Array, style: str, rng: np.random.Generator) -> Array:
    """The finished image, float RGB in 0 to 1."""
    styles: dict[str, Finish] = {
        "ink": ink,
        "watercolour": watercolour,
        "cartoon": cartoon,
        "film": film,
        "oil": oil,
        "pixel": pixel,
    }
    made = styles.get(style, storybook)(np.clip(pixels, 0, 1), rng)
    return np.asarray(np.clip(made, 0, 1), np.float32)


def _saturated(pixels: Array, amount: float) -> Array:
    grey = (pixels @ GREY)[..., None]
    return np.asarray(grey + (pixels - grey) * np.float32(amount), np.float32)


def _vignette(pixels: Array, strength: float) -> Array:
    height, width = pixels.shape[:2]
    ys = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    xs = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
    return np.asarray(
        pixels * (1 - np.float32(strength) * smoothstep(0.55, 1.55, np.sqrt(xs * xs + ys * ys)))[..., None], np.float32
    )


def _bloom(pixels: Array, threshold: float, strength: float) -> Array:
    bright = pixels * smoothstep(threshold, 1.0, pixels @ GREY)[..., None]
    halo = blurred(np.asarray(bright, np.float32), pixels.shape[1] / 45)
    return np.asarray(1 - (1 - pixels) * (1 - np.clip(halo * np.float32(strength), 0, 1)), np.float32)


def _warped(pixels: Array, rng: np.random.Generator, reach: float, cells: float) -> Array:
    """Edges that a hand drew: every place moved by smooth noise (`reach` in pixels)."""
    height, width = pixels.shape[:2]
    ys, xs = np.mgrid[0:height, 0:width].astype(np.float32)
    xs += (noise(rng, width, height, cells=cells, octaves=3) - 0.5) * np.float32(2 * reach)
    ys += (noise(rng, width, height, cells=cells, octaves=3) - 0.5) * np.float32(2 * reach)
    return np.asarray(cv2.remap(pixels, xs, ys, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101), np.float32)


def _edges(pixels: Array, sigma: float) -> Array:
    """How strongly tone changes, 0 to about 1."""
    tone = blurred(np.asarray(pixels @ GREY, np.float32), sigma)
    across, down = cv2.Sobel(tone, cv2.CV_32F, 1, 0), cv2.Sobel(tone, cv2.CV_32F, 0, 1)
    return np.asarray(np.hypot(across, down), np.float32)


def _paper(rng: np.random.Generator, pixels: Array, strength: float) -> Array:
    height, width = pixels.shape[:2]
    grain = noise(rng, width, height, cells=260, octaves=2) - 0.5
    fibre = noise(rng, width, height, cells=60, octaves=3, stretch=3) - 0.5
    return np.asarray(1 + np.float32(strength) * (grain + 0.5 * fibre), np.float32)


def storybook(pixels: Array, rng: np.random.Generator) -> Array:
    """No style asked for: gouache on paper."""
    soft = _warped(pixels, rng, pixels.shape[1] / 700, 60)
    painted = _saturated(_bloom(soft, 0.7, 0.4), 1.06)
    return _vignette(painted * _paper(rng, pixels, 0.12)[..., None], 0.24)


def film(pixels: Array, rng: np.random.Generator) -> Array:
    """A film still: bloom, teal shadows and warm lights, grain, a dark edge."""
    graded = _bloom(pixels, 0.62, 0.75)
    tone = (graded @ GREY)[..., None]
    graded = graded + (1 - smoothstep(0.0, 0.5, tone)) * (rgb("#0f2f3a") - 0.1) * np.float32(0.35)
    graded = graded + smoothstep(0.45, 0.95, tone) * (rgb("#ffb877") - 0.6) * np.float32(0.14)
    curve = graded + (graded * graded * (3 - 2 * graded) - graded) * np.float32(0.55)
    grain = rng.standard_normal(pixels.shape[:2], np.float32) * np.float32(0.022)
    return _vignette(np.asarray(curve + grain[..., None], np.float32), 0.46)


def watercolour(pixels: Array, rng: np.random.Generator) -> Array:
    """Washes with darker rims and granulation, to the edge of the paper: a film would cut a white border raggedly."""
    height, width = pixels.shape[:2]
    scale = width / 1024
    flat = cv2.medianBlur((pixels * 255).astype(np.uint8), 5 if scale < 1.2 else 7).astype(np.float32) / np.float32(255)
    washed = _warped(flat, rng, 5 * scale, 26)
    washed = blurred(washed, 1.1 * scale) * np.float32(0.84) + np.float32(0.13)
    rims = np.clip(_edges(washed, 1.6 * scale) * 1.6, 0, 0.42)
    rims = rims * smoothstep(0.15, 0.65, blurred(washed @ GREY, 3 * scale))  # on a dark wash they would be black specks
    pools = noise(rng, width, height, cells=9, octaves=5)
    density = 1 + (pools - 0.5) * 0.26
    stained = 1 - (1 - washed) * density[..., None] - (1 - washed) * rims[..., None] * 0.9
    return _saturated(np.asarray(stained, np.float32), 1.18) * _paper(rng, pixels, 0.16)[..., None]


def ink(pixels: Array, rng: np.random.Generator) -> Array:
    """Ink wash on rice paper: tones of black, a breath of colour, a red seal."""
    height, width = pixels.shape[:2]
    scale = width / 1024
    moved = _warped(pixels, rng, 6 * scale, 30)
    tone = np.asarray(moved @ GREY, np.float32)
    spread = blurred(tone, 2.2 * scale)
    soak = noise(rng, width, height, cells=7, octaves=5) - 0.5
    # Ink leaves paper bare: a dark scene is painted lighter than it is, if not as light as a bright one.
    dark, light = (float(each) for each in np.percentile(spread[::8, ::8], (3, 97)))
    level = (spread - dark) / max(0.15, light - dark)
    level = 0.5 * np.clip(level, 0, 1) + 0.5 * np.clip((spread - 0.5) * 1.18 + 0.6, 0, 1) + soak * 0.15
    level = level - np.clip(_edges(moved, 1.3 * scale) * 1.5, 0, 0.45)
    level = np.clip(level, 0.05, 1) ** 0.92
    paper, black = rgb("#f1e8d6"), rgb("#16181c")
    painted = black + (paper - black) * np.clip(level, 0, 1)[..., None]
    colour = moved - tone[..., None]
    red = smoothstep(0.16, 0.4, colour[..., 0])[..., None]
    painted = painted + colour * (0.16 + 0.75 * red)
    painted = painted * _paper(rng, pixels, 0.13)[..., None]
    return _seal(np.asarray(painted, np.float32), rng)


def _seal(pixels: Array, rng: np.random.Generator) -> Array:
    """A carved seal in the lower corner; its strokes stand for no character."""
    height, width = pixels.shape[:2]
    size = max(12, min(height, width) // 16)
    stamp = np.ones((6, 6), np.float32)
    stamp[1:5, 1:5] = (rng.random((4, 4)) > 0.45).astype(np.float32)
    stamped: Array = np.asarray(cv2.resize(stamp, (size, size), interpolation=cv2.INTER_NEAREST), np.float32)
    mask = blurred(stamped, size / 45) * (0.72 + 0.4 * noise(rng, size, size, cells=10, octaves=2))
    y, x = height - int(size * 1.6), width - int(size * 1.6)
    part = pixels[y : y + size, x : x + size]
    part += (rgb("#b5322a") - part) * np.clip(mask, 0, 1)[..., None] * np.float32(0.88)
    return pixels


def cartoon(pixels: Array, rng: np.random.Generator) -> Array:
    """Clear colours, soft bands of tone, fine dark lines."""
    scale = pixels.shape[1] / 1024
    bytes_ = (pixels * 255).astype(np.uint8)
    smooth = cv2.bilateralFilter(bytes_, 5, 34, 5).astype(np.float32) / np.float32(255)
    tone = smooth @ GREY
    bands = np.float32(9)
    stepped = np.floor(tone * bands) + smoothstep(0.35, 0.65, tone * bands - np.floor(tone * bands))
    flat = smooth * (np.clip(stepped / bands, 0, 1) / np.maximum(tone, 0.02))[..., None]
    lines = smoothstep(0.3, 0.8, _edges(smooth, 0.9 * scale))
    drawn = _bloom(_saturated(np.asarray(flat, np.float32), 1.32), 0.66, 0.45)
    del rng
    return np.asarray(drawn * (1 - 0.5 * lines)[..., None], np.float32)


def oil(pixels: Array, rng: np.random.Generator) -> Array:
    """Thick paint: colour in patches, the brush's bristles in relief."""
    height, width = pixels.shape[:2]
    scale = width / 1024
    patches = _warped(pixels, rng, 9 * scale, 90)
    patches = cv2.medianBlur((np.clip(patches, 0, 1) * 255).astype(np.uint8), 7).astype(np.float32) / np.float32(255)
    patches = _saturated(patches, 1.28)
    turn = noise(rng, width, height, cells=5, octaves=2)
    flat, tall = (
        noise(rng, width, height, cells=150, octaves=2, stretch=7),
        noise(rng, height, width, cells=150, octaves=2, stretch=7).T,
    )
    bristles = flat + (tall - flat) * smoothstep(0.44, 0.56, turn)
    relief = cv2.Sobel(bristles, cv2.CV_32F, 1, 1, ksize=3)
    lit = patches * (1 + 0.2 * (bristles - 0.5))[..., None] + np.clip(relief * 0.2, -0.055, 0.07)[..., None]
    return _vignette(np.asarray(lit, np.float32), 0.3)


def pixel(pixels: Array, _rng: np.random.Generator) -> Array:
    """Large pixels of a few dozen colours."""
    height, width = pixels.shape[:2]
    factor = max(1, round(max(width, height) / 176))
    size = (max(8, width // factor), max(8, height // factor))
    small = cv2.resize(_saturated(pixels, 1.2), size, interpolation=cv2.INTER_AREA)
    image = Image.fromarray((np.clip(small, 0, 1) * 255).astype(np.uint8)).quantize(
        64, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE
    )
    large = image.convert("RGB").resize((width, height), Image.Resampling.NEAREST)
    finished: Array = np.asarray(large, np.float32) / np.float32(255)
    return finished
