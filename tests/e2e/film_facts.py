"""What a finished film really shows and says: decoded frames and samples."""

from __future__ import annotations

from pathlib import Path

import av
import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

Samples = npt.NDArray[np.float64]
Frame = npt.NDArray[np.uint8]
RATE = 8000  # Hz; enough to tell narrations apart


def samples(path: Path) -> Samples:
    """The sound, mono at `RATE`."""
    parts = []
    with av.open(str(path)) as container:
        resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
        for frame in container.decode(audio=0):
            parts += [piece.to_ndarray()[0] for piece in resampler.resample(frame)]
        parts += [piece.to_ndarray()[0] for piece in resampler.resample(None)]
    return np.concatenate(parts).astype(np.float64) / 32768


def frames(path: Path) -> list[Frame]:
    """Every image, RGB."""
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def seconds(path: Path) -> dict[str, float]:
    """The length of each stream by its type."""
    with av.open(str(path)) as container:
        return {
            stream.type: float((stream.duration or 0) * (stream.time_base or 0))
            for stream in container.streams
            if stream.type in ("video", "audio")
        }


def best_match(frame: Frame, image: Path) -> float:
    """How well a frame, without its subtitles, is found somewhere in an image at the camera's possible scales: 1 is the same.

    Normalised cross-correlation of the frame's upper part over the image, both small.
    """
    with Image.open(image) as opened:
        whole = cv2.cvtColor(np.asarray(opened.convert("RGB")), cv2.COLOR_RGB2GRAY)
    part = cv2.cvtColor(frame[: int(frame.shape[0] * 0.7)], cv2.COLOR_RGB2GRAY)
    best = -1.0
    for zoom in np.arange(0.66, 1.02, 0.03):  # the frame's width is this share of the image's
        width = int(frame.shape[1] / zoom)
        scaled = cv2.resize(
            whole, (width, round(whole.shape[0] * width / whole.shape[1])), interpolation=cv2.INTER_AREA
        )
        if scaled.shape[0] >= part.shape[0] and scaled.shape[1] >= part.shape[1]:
            found = cv2.matchTemplate(scaled, part, cv2.TM_CCOEFF_NORMED)
            best = max(best, float(found.max()))
    return best


def likeness(heard: Samples, spoken: Samples) -> float:
    """The best normalised cross-correlation of two sounds over small shifts: 1 is the same sound."""
    length = min(len(heard), len(spoken))
    size = 1 << (2 * length - 1).bit_length()
    a, b = heard[:length] - heard[:length].mean(), spoken[:length] - spoken[:length].mean()
    correlation = np.fft.irfft(np.fft.rfft(a, size) * np.conj(np.fft.rfft(b, size)), size)
    return float(np.abs(correlation).max() / (np.linalg.norm(a) * np.linalg.norm(b) + 1e-9))
