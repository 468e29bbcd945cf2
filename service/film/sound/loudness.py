"""Loudness and true peak after ITU-R BS.1770, measured once and kept per millisecond.

From the energy and the peak of every millisecond ("cell") the loudness under any slowly changing gain follows by arithmetic, so that a
limiter and an overall gain can be solved for without listening again (`mastering`).
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from service.film.sound.decoding import Samples
from service.film.sound.reading import RATE

Cells = npt.NDArray[np.float64]
"""One value per millisecond."""

CELL = RATE // 1000  # samples
_HOP = 100  # cells: gating blocks start every 100 ms
_BLOCK = 400  # cells: and last 400 ms
_ABSOLUTE_GATE = -70.0
_RELATIVE_GATE = -10.0

# One FFT block: what is measured, and the past that the filters still ring with (the 38 Hz high-pass has decayed by 170 dB).
_STEP = 1200 * CELL
_PAST = 7936

# The two stages of the K-weighting at 48 kHz, as printed in BS.1770-4, tables 1 and 2.
_SHELF = ((1.53512485958697, -2.69169618940638, 1.19839281085285), (1.0, -1.69065929318241, 0.73248077421585))
_HIGH_PASS = ((1.0, -2.0, 1.0), (1.0, -1.99004745483398, 0.99007225036621))

_TAPS = 12  # on either side of an interpolated sample
_BATCH = 24  # cells interpolated by one matrix product; divides the cells of a step


class LoudnessMeter:
    """Measures a stream of blocks of any length. Memory grows by 16 bytes per millisecond, whatever the block size.

    Without `peaks` only the energies are measured, in half the time, and the peaks read zero.
    """

    def __init__(self, *, peaks: bool = True) -> None:
        self._with_peaks = peaks
        self._waiting: list[Samples] = []
        self._count = 0
        self._total = 0
        self._past = np.zeros((2, _PAST), np.float32)
        self._energies: list[npt.NDArray[np.float64]] = []
        self._peaks: list[npt.NDArray[np.float32]] = []

    def feed(self, block: Samples) -> None:
        """Take the next samples."""
        self._waiting.append(block)
        self._count += block.shape[1]
        self._total += block.shape[1]
        while self._count >= _STEP:
            joined = np.concatenate(self._waiting, axis=1)
            self._measure(joined[:, :_STEP])
            self._waiting, self._count = [joined[:, _STEP:]], self._count - _STEP

    def finish(self) -> Measured:
        """What was fed so far; feed no more."""
        cells = -(-self._total // CELL)
        # Silence pushes out what is waiting; the interpolation of the peaks runs behind by its taps.
        self._waiting.append(np.zeros((2, _STEP), np.float32))
        self._measure(np.concatenate(self._waiting, axis=1)[:, :_STEP])
        return Measured(np.concatenate(self._energies)[:cells], np.concatenate(self._peaks)[:cells].astype(np.float64))

    def _measure(self, block: Samples) -> None:
        with_past = np.concatenate([self._past, block], axis=1)
        self._past = with_past[:, -_PAST:]
        # Narrations are mono: their second channel need not be listened to.
        alike = np.array_equal(with_past[0], with_past[1])
        heard = with_past[:1] if alike else with_past
        weighted = np.fft.irfft(np.fft.rfft(heard) * _K_RESPONSE, n=_PAST + _STEP)[:, _PAST:]
        cells = weighted.reshape(len(heard), -1, CELL)
        energies = np.einsum("cks,cks->k", cells, cells).astype(np.float64)
        self._energies.append(2 * energies if alike else energies)
        peaks = _true_peaks(heard[:, _PAST - 2 * _TAPS :]) if self._with_peaks else np.zeros(_STEP // CELL, np.float32)
        self._peaks.append(peaks)


class Measured:
    """The energy (K-weighted, both channels, summed over the samples) and the true peak of every cell."""

    def __init__(self, energies: Cells, peaks: Cells) -> None:
        self.energies, self.peaks = energies, peaks

    def integrated(self, gains: Cells | None = None) -> float:
        """LUFS, gated; -inf for silence. `gains` are factors per cell."""
        return integrated(self.energies if gains is None else self.energies * gains**2)

    def under(self, gains: Cells) -> Measured:
        """The same under factors per cell."""
        return Measured(self.energies * gains**2, self.peaks * gains)

    def true_peak(self) -> float:
        """dBTP; -inf for digital silence."""
        return decibels(float(self.peaks.max(initial=0.0)))


def integrated(energies: Cells) -> float:
    """Integrated loudness (LUFS) of cells of K-weighted energy; shorter than one gating block, the rest counts as silence."""
    if len(energies) < _BLOCK:
        energies = np.pad(energies, (0, _BLOCK - len(energies)))
    hops = energies[: len(energies) // _HOP * _HOP].reshape(-1, _HOP).sum(axis=1)
    blocks = np.convolve(hops, np.ones(_BLOCK // _HOP), "valid") / (_BLOCK * CELL)
    blocks = blocks[blocks > _power(_ABSOLUTE_GATE)]
    if not len(blocks):
        return -math.inf
    blocks = blocks[blocks > blocks.mean() * 10 ** (_RELATIVE_GATE / 10)]
    return -0.691 + 10 * math.log10(blocks.mean())


def decibels(amplitude: float) -> float:
    """20 log10; -inf for zero."""
    return 20 * math.log10(amplitude) if amplitude > 0 else -math.inf


def _power(lufs: float) -> float:
    return float(10 ** ((lufs + 0.691) / 10))


def _response(numerator: tuple[float, ...], denominator: tuple[float, ...]) -> npt.NDArray[np.complex128]:
    size = _PAST + _STEP
    response: npt.NDArray[np.complex128] = np.fft.rfft(numerator, n=size) / np.fft.rfft(denominator, n=size)
    return response


_K_RESPONSE = (_response(*_SHELF) * _response(*_HIGH_PASS)).astype(np.complex64)


def _interpolator() -> npt.NDArray[np.float32]:
    """Columns turn a cell with `2 * _TAPS` samples before it into the values at 1/4, 2/4 and 3/4 after each (delayed) sample."""
    matrix = np.zeros((2 * _TAPS + CELL, 3 * CELL))
    offsets = np.arange(2 * _TAPS) - (_TAPS - 1)
    for phase in (1, 2, 3):
        distance = offsets - phase / 4
        taps = np.sinc(distance) * np.cos(np.pi * distance / (2 * _TAPS + 1)) ** 2
        taps /= taps.sum()
        for sample in range(CELL):
            matrix[sample + 1 : sample + 1 + 2 * _TAPS, (phase - 1) * CELL + sample] = taps
    return matrix.astype(np.float32)


_INTERPOLATOR = _interpolator()


def _true_peaks(samples: Samples) -> npt.NDArray[np.float32]:
    """The 4x oversampled peak of every cell; `samples` begins `2 * _TAPS` early, and a peak may count a quarter of a cell late."""
    windows = np.lib.stride_tricks.sliding_window_view(samples, 2 * _TAPS + CELL, axis=1)[:, ::CELL]
    # Contiguous, or NumPy multiplies without BLAS; a few cells at a time, or BLAS wakes threads, which spin and cost ten times the work.
    batches = np.ascontiguousarray(windows).reshape(-1, _BATCH, 2 * _TAPS + CELL)
    between = _magnitudes(batches @ _INTERPOLATOR).reshape(len(samples), -1)
    on = _magnitudes(samples[:, 2 * _TAPS :].reshape(len(samples), -1, CELL))
    peaks: npt.NDArray[np.float32] = np.maximum(between, on).max(axis=0)
    return peaks


def _magnitudes(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The greatest magnitude along the last axis, without a copy of the values."""
    greatest: npt.NDArray[np.float32] = np.maximum(values.max(axis=-1), -values.min(axis=-1))
    return greatest
