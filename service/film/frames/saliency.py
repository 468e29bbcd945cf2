"""Saliency: where an image's content lies, a cheap guess for the camera to favour."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

SIDE = 64  # pixels of the thumbnail's longer side
BACKGROUND = 0.8  # share of an image that is taken to be only surroundings
BLUR = 2.5  # pixels of the thumbnail; also how far a thing's weight spreads beyond it
PLACES = 129  # that a part of a profile is tried at
ALIKE = 0.97  # of the most that a part holds
EDGE = 0.06  # share of the weight that a span leaves out at either end


class Saliency(NamedTuple):
    """Where an image's content lies, from 0 to 1 of its width and height.

    (`x`, `y`) is the point that stands out; `across` and `down` are the spans in which nearly everything does that stands out at all.
    `columns` and `rows` are how much does, from left to right and from top to bottom; empty where nothing is known.
    """

    x: float = 0.5
    y: float = 0.5
    across: tuple[float, float] = (0.5, 0.5)
    down: tuple[float, float] = (0.5, 0.5)
    columns: tuple[float, ...] = ()
    rows: tuple[float, ...] = ()


def saliency(luma: npt.NDArray[np.uint8]) -> Saliency:
    """Where the salient content of an image lies; the middle, where nothing stands out.

    The spectral residual of Hou and Zhang (2007): what the smooth part of an image's log spectrum does not explain stands out.
    """
    import cv2  # noqa: PLC0415 - of no use, and some MiB, to a process that only plans the camera's moves

    rows, columns = luma.shape
    scale = SIDE / max(rows, columns)
    size = (max(8, round(columns * scale)), max(8, round(rows * scale)))
    small = cv2.resize(luma, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    if float(small.std()) < 1.0:
        return Saliency()
    spectrum = np.fft.fft2(small)
    amplitude = np.log(np.abs(spectrum) + 1e-6).astype(np.float32)
    residual = amplitude - cv2.blur(amplitude, (3, 3))
    saliency_map = np.abs(np.fft.ifft2(np.exp(residual + 1j * np.angle(spectrum)))) ** 2
    saliency_map = cv2.GaussianBlur(saliency_map.astype(np.float32), (0, 0), BLUR)
    weight = np.maximum(saliency_map - _background(saliency_map), 0.0)
    if float(weight.sum()) <= 0.0:
        return Saliency()
    x = (np.arange(size[0]) + 0.5) / size[0]
    y = (np.arange(size[1]) + 0.5) / size[1]
    # A broad preference for the middle keeps a busy corner from winning.
    near = weight * np.exp(-(((x - 0.5) / 0.35) ** 2))[None, :] * np.exp(-(((y - 0.5) / 0.35) ** 2))[:, None]
    near /= near.sum()
    return Saliency(
        float((near * x[None, :]).sum()),
        float((near * y[:, None]).sum()),
        _span(weight.sum(axis=0)),
        _span(weight.sum(axis=1)),
        tuple(near.sum(axis=0).tolist()),
        tuple(near.sum(axis=1).tolist()),
    )


def heaviest(profile: Sequence[float], share: float) -> float:
    """The middle, from 0 to 1, of the part of a profile that holds most of it; the part is this share of its length."""
    edges = np.linspace(0.0, 1.0, len(profile) + 1)
    passed = np.concatenate([[0.0], np.cumsum(profile)])
    starts = np.linspace(0.0, 1.0 - share, PLACES)
    held = np.interp(starts + share, edges, passed) - np.interp(starts, edges, passed)
    best = int(held.argmax())
    # Much the same is held by its neighbours: the one in their middle has it in its own.
    less = np.flatnonzero(held < ALIKE * held[best])
    low, high = less[less < best].max(initial=-1) + 1, less[less > best].min(initial=PLACES) - 1
    return float((starts[low] + starts[high]) / 2 + share / 2)


def _background(saliency_map: npt.NDArray[np.floating | np.integer]) -> float:
    """What the background's share of a map is below. NumPy's own quantiles load its masked arrays, which takes far longer."""
    ordered = np.sort(saliency_map, axis=None)
    return float(np.interp(BACKGROUND * (len(ordered) - 1), np.arange(len(ordered)), ordered))


def _span(profile: npt.NDArray[np.floating]) -> tuple[float, float]:
    """Between which places, from 0 to 1, nearly all of a profile lies."""
    edges = np.linspace(0.0, 1.0, len(profile) + 1)
    passed = np.concatenate([[0.0], np.cumsum(profile)]) / profile.sum()
    low, high = np.interp([EDGE, 1.0 - EDGE], passed, edges)
    return float(low), float(high)
