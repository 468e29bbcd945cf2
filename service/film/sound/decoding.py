"""Sounds as arrays: those that somebody else made come out of a process that may open them, our own are read here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from service.film.decoder import Decoder
from service.film.sound import reading
from service.film.sound.centring import centred

Samples = npt.NDArray[np.float32]
"""Planar stereo: shape (2, samples), full scale is 1."""

_FULL_SCALES = 8.0  # float files may exceed full scale, but a sample a million times as loud is no sound


def decode(
    decoder: Decoder, path: Path, longest_s: float = reading.LONGEST_S, check: Callable[[], None] = lambda: None
) -> Iterator[Samples]:
    """Yield a file's sound around zero, in blocks of about half a second, from its first sample, `longest_s` seconds of it at most.

    `check` is called often and may raise to stop. Raises UnusableMedia when nothing can be decoded of it, or too much.
    """
    blocks = decoder.sound(path, longest_s, check)
    tamed = (_tame(np.frombuffer(block, np.float32).reshape(2, -1)) for block in blocks)
    yield from map(_tame, centred(tamed))


def read_own(path: Path) -> Iterator[Samples]:
    """The same of a file that we made. Raises UnusableMedia."""
    for planes in reading.blocks(path):
        yield np.stack([np.frombuffer(plane, np.float32) for plane in planes])


def _tame(block: Samples) -> Samples:
    """Without what is no sound: NaN is silence, and nothing is louder than a few times full scale."""
    tamed: Samples = np.clip(block, -_FULL_SCALES, _FULL_SCALES)
    tamed[np.isnan(tamed)] = 0.0
    return tamed
