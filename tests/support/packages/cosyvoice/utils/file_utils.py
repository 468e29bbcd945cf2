"""Loading samples, as older versions have it done by who calls them."""

from __future__ import annotations

import wave

import numpy as np
import numpy.typing as npt


def load_wav(wav: str, target_sr: int) -> npt.NDArray[np.float32]:
    """A row of samples; the rate is not looked at further here."""
    with wave.open(wav) as file:
        assert file.getframerate() >= target_sr
        content = file.readframes(file.getnframes())
    samples: npt.NDArray[np.float32] = np.frombuffer(content, "<i2").astype(np.float32)[None] / np.float32(32768)
    return samples
