"""Where a narration speaks and where it pauses, found by its level."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from service.film.sound.decoding import Samples
from service.film.sound.reading import RATE

FRAME_S = 0.01
_FRAME = int(RATE * FRAME_S)
_BELOW_SPEECH_DB = 28.0  # consonants are this much weaker than vowels, a room's noise weaker still
_FAINTEST_DB = -60.0  # RMS; what is below is never speech
_SHORTEST_PAUSE_S = 0.12
_FAINT_DB = -40.0  # RMS of a voice; a weaker one is judged as if it were brought up to that
_STEADY_DB = 6.0  # a voice goes up and down by more than that, a room's hiss or hum by less
_SHORTEST_VOICE = 20  # hundredths of a second; what is shorter is a click

Span = tuple[float, float]
"""Seconds, from and to."""


class SpeechMeter:
    """Collects the level of every hundredth of a second of a stream of blocks."""

    def __init__(self) -> None:
        self._rest = np.zeros(0, np.float32)
        self._powers: list[npt.NDArray[np.float32]] = []
        self._samples = 0

    @property
    def samples(self) -> int:
        """How many samples were fed."""
        return self._samples

    @property
    def seconds(self) -> float:
        """How long the stream has been so far."""
        return self._samples / RATE

    def feed(self, block: Samples) -> None:
        """Take the next samples."""
        self._samples += block.shape[1]
        power = np.concatenate([self._rest, np.square(block).mean(axis=0)])
        whole = len(power) // _FRAME * _FRAME
        self._powers.append(power[:whole].reshape(-1, _FRAME).mean(axis=1))
        self._rest = power[whole:]

    def _all(self) -> npt.NDArray[np.float32]:
        last = [self._rest.mean(keepdims=True)] if len(self._rest) else []
        return np.concatenate([*self._powers, *last]) if self._powers or last else np.zeros(0, np.float32)

    def spoken(self) -> list[Span]:
        """The stretches of speech in order, parted by pauses; empty for silence."""
        powers = self._all()
        if self.varies():
            powers = powers * max(1.0, 10 ** (_FAINT_DB / 10) / float(_voiced(powers).mean()))
        loud = powers[powers > 10 ** (_FAINTEST_DB / 10)]
        if not len(loud):
            return []
        # The mean of the louder half is the level of the vowels, however long the pauses are.
        vowels = float(np.sort(loud)[len(loud) // 2 :].mean())
        active = powers > max(vowels * 10 ** (-_BELOW_SPEECH_DB / 10), 10 ** (_FAINTEST_DB / 10))
        edges = np.flatnonzero(np.diff(np.concatenate([[0], active.astype(np.int8), [0]])))
        spans = [(float(a) * FRAME_S, min(float(b) * FRAME_S, self.seconds)) for a, b in edges.reshape(-1, 2)]
        return join_near(spans, _SHORTEST_PAUSE_S)

    def varies(self) -> bool:
        """Whether the level goes up and down as a voice's does, however faint, and does not stay as it is, as a room's."""
        voiced = _voiced(self._all())
        if len(voiced) < _SHORTEST_VOICE:
            return False
        low, high = np.percentile(voiced, (10, 90))
        return bool(high > low * 10 ** (_STEADY_DB / 10))

    def pauses(self) -> list[Span]:
        """What is left between, before and after the stretches of speech."""
        edges = [0.0, *(edge for span in self.spoken() for edge in span), self.seconds]
        return [(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if b > a]


def _voiced(powers: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Those that are not far below the loudest."""
    near: npt.NDArray[np.float32] = powers[powers > powers.max(initial=0.0) * 10 ** (-_BELOW_SPEECH_DB / 10)]
    return near


def join_near(spans: list[Span], gap_s: float) -> list[Span]:
    """The spans in order, those with less than `gap_s` between them joined."""
    joined: list[Span] = []
    for start, end in sorted(spans):
        if joined and start - joined[-1][1] < gap_s:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return joined
