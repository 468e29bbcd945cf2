"""A sound without its offset: samples that lie around another value than zero use up the room for loudness, and no pause is silent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

from service.film.sound.reading import RATE

_SIDE = RATE // 10  # samples; what swings faster than ten times a second is no offset
_STEP = RATE // 20
_SLIGHT = 3e-4  # of full scale (-70 dB): a sound without an offset stays as it is
_WINDOW = np.hanning(2 * _SIDE + 1)[:-1].astype(np.float32)
_WINDOW /= _WINDOW.sum()

Samples = npt.NDArray[np.float32]


def centred(blocks: Iterable[Samples]) -> Iterator[Samples]:
    """The same sound (shape (channels, samples)) around zero, in blocks of other lengths.

    What is taken off is the mean of the fifth of a second around each sample, weighted (Hann): nothing is shifted in time, nothing rings
    after an offset that comes or goes, and tones from 20 Hz up are left alone.
    """
    held: Samples | None = None  # a side of what is done with, and what is to come
    begun = False
    for block in blocks:
        held = block if held is None else np.concatenate([held, block], axis=1)
        count = (held.shape[1] - 2 * _SIDE) // _STEP * _STEP
        if count <= 0:
            continue
        means = np.lib.stride_tricks.sliding_window_view(held, 2 * _SIDE, axis=1)[:, : count + 1 : _STEP] @ _WINDOW
        if not begun:
            yield _lowered(held[:, :_SIDE], means[:, :1])
        yield _lowered(held[:, _SIDE : _SIDE + count], means)
        held, begun = held[:, count:], True
    if held is not None and begun:
        yield _lowered(held[:, _SIDE:], held[:, : 2 * _SIDE] @ _WINDOW[:, None])
    elif held is not None and held.shape[1]:
        weights = np.hanning(held.shape[1] + 2)[1:-1].astype(np.float32)
        yield _lowered(held, held @ (weights / weights.sum())[:, None])


def _lowered(block: Samples, means: Samples) -> Samples:
    """Without its offset, given as one mean for all of it or at each end of its steps."""
    offsets = means - np.clip(means, -_SLIGHT, _SLIGHT)
    if not offsets.any():
        return block
    at, places = np.arange(block.shape[1]), np.arange(offsets.shape[1]) * _STEP
    drawn: Samples = np.stack([np.interp(at, places, each) for each in offsets]).astype(np.float32)
    return block - drawn
