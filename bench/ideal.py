"""What a frame would be if nothing were rounded: the image resampled in floating point, for films to be measured against."""

from __future__ import annotations

import math

import cv2
import numpy as np
import numpy.typing as npt

from service.film.frames.still import Box

Image = npt.NDArray[np.float32]

LOBES = 3  # of the Lanczos kernel
LUMA_709 = (0.2126, 0.7152, 0.0722)
LUMA_601 = (0.299, 0.587, 0.114)


def ideal_luma(
    rgb: npt.NDArray[np.uint8], box: Box, size: tuple[int, int], weights: tuple[float, float, float]
) -> Image:
    """Luma (16 to 235) of `size` (width, height) out of an image's `box` (left, top, right, bottom in its pixels, from its edges)."""
    luma = np.asarray(rgb, np.float32) @ np.asarray(weights, np.float32) * np.float32(219 / 255) + np.float32(16)
    across = _kernel(box[0], box[2], size[0], luma.shape[1])
    down = _kernel(box[1], box[3], size[1], luma.shape[0])
    return np.asarray(down @ luma @ across.T, np.float32)


def _kernel(start: float, end: float, count: int, length: int) -> Image:
    """Weights of `length` pixels in each of `count` samples spread over `start` to `end`; wider where samples are sparser than pixels."""
    step = (end - start) / count
    width = max(1.0, step)
    places = start + (np.arange(count) + 0.5) * step - 0.5
    reach = math.ceil(LOBES * width)
    offsets = np.arange(-reach, reach + 2)
    pixels = np.floor(places)[:, None] + offsets
    distance = (pixels - places[:, None]) / width
    values = np.where(np.abs(distance) < LOBES, np.sinc(distance) * np.sinc(distance / LOBES), 0.0)
    values /= values.sum(axis=1, keepdims=True)
    matrix = np.zeros((count, length), np.float32)
    rows = np.broadcast_to(np.arange(count)[:, None], pixels.shape)
    np.add.at(matrix, (rows, np.clip(pixels, 0, length - 1).astype(int)), values)
    return matrix


def ssim(one: Image, other: Image) -> float:
    """Structural similarity of two luma planes (Wang et al. 2004: Gaussian window of 1.5 pixels)."""
    one, other = np.asarray(one, np.float32), np.asarray(other, np.float32)
    mean_a, mean_b = _smooth(one), _smooth(other)
    var_a = _smooth(one * one) - mean_a * mean_a
    var_b = _smooth(other * other) - mean_b * mean_b
    both = _smooth(one * other) - mean_a * mean_b
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    values = (2 * mean_a * mean_b + c1) * (2 * both + c2)
    return float((values / ((mean_a * mean_a + mean_b * mean_b + c1) * (var_a + var_b + c2))).mean())


def _smooth(plane: Image) -> Image:
    return np.asarray(cv2.GaussianBlur(plane, (11, 11), 1.5), np.float32)
