"""What is worth looking at in a picture: a cheap guess, for the camera to favour."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

SIDE = 64  # pixels of the thumbnail's longer side


def focus_point(luma: npt.NDArray[np.uint8]) -> tuple[float, float]:
    """The salient point of a picture, (x, y) from 0 to 1; the middle of a picture without any.

    The spectral residual of Hou and Zhang (2007): what the smooth part of a picture's log spectrum does not explain stands out. A broad
    preference for the middle keeps a busy corner from winning.
    """
    rows, columns = luma.shape
    scale = SIDE / max(rows, columns)
    size = (max(8, round(columns * scale)), max(8, round(rows * scale)))
    small = cv2.resize(luma, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    if float(small.std()) < 1.0:
        return 0.5, 0.5
    spectrum = np.fft.fft2(small)
    amplitude = np.log(np.abs(spectrum) + 1e-6).astype(np.float32)
    residual = amplitude - cv2.blur(amplitude, (3, 3))
    phase = np.angle(spectrum)
    saliency = np.abs(np.fft.ifft2(np.exp(residual + 1j * phase))) ** 2
    saliency = cv2.GaussianBlur(saliency.astype(np.float32), (0, 0), 2.5)
    x = (np.arange(size[0]) + 0.5) / size[0]
    y = (np.arange(size[1]) + 0.5) / size[1]
    middle = np.exp(-(((x - 0.5) / 0.35) ** 2))[None, :] * np.exp(-(((y - 0.5) / 0.35) ** 2))[:, None]
    weight = saliency * middle
    weight = np.where(weight >= np.quantile(weight, 0.9), weight, 0.0)
    total = float(weight.sum())
    if total <= 0.0:
        return 0.5, 0.5
    return float((weight * x[None, :]).sum() / total), float((weight * y[:, None]).sum() / total)
