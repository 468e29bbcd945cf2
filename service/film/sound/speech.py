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
_ROOM = 30  # hundredths of a second that the room is heard alone in, where there is a pause
_ABOVE_ROOM_DB = 6.0  # no hundredth of a second of a steady noise is so much louder than all of it
_BELOW_VOWELS_DB = 12.0  # a stretch that is louder is no room, but a voice
_SHORTEST_SOUND_S = 0.04  # of a voice; what stands alone and is shorter is a click
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
        quietest = max(vowels * 10 ** (-_BELOW_SPEECH_DB / 10), 10 ** (_FAINTEST_DB / 10))
        active = powers > max(quietest, _room(powers, vowels) * 10 ** (_ABOVE_ROOM_DB / 10))
        edges = np.flatnonzero(np.diff(np.concatenate([[0], active.astype(np.int8), [0]])))
        spans = [(float(a) * FRAME_S, min(float(b) * FRAME_S, self.seconds)) for a, b in edges.reshape(-1, 2)]
        spans = join_near(spans, _SHORTEST_PAUSE_S)
        return [span for span in spans if span[1] - span[0] > _SHORTEST_SOUND_S] or spans

    def varies(self) -> bool:
        """Whether the level goes up and down as a voice's does, however faint, and does not stay as it is, as a room's."""
        voiced = _voiced(self._all())
        if len(voiced) < _SHORTEST_VOICE:
            return False
        low, high = _tenths(voiced)
        return high > low * 10 ** (_STEADY_DB / 10)

    def pauses(self) -> list[Span]:
        """What is left between, before and after the stretches of speech."""
        edges = [0.0, *(edge for span in self.spoken() for edge in span), self.seconds]
        return [(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if b > a]


def _room(powers: npt.NDArray[np.float32], vowels: float) -> float:
    """The power of the noise that is heard where nobody speaks; 0 where no such stretch is found."""
    if len(powers) < _ROOM:
        return 0.0
    sums = np.cumsum(np.concatenate([[0.0], powers.astype(np.float64)]))
    at = int((sums[_ROOM:] - sums[:-_ROOM]).argmin())
    quietest = powers[at : at + _ROOM]
    low, high = _tenths(quietest)
    steady = high <= low * 10 ** (_STEADY_DB / 10)
    power = float(quietest.mean())
    return power if steady and power < vowels * 10 ** (-_BELOW_VOWELS_DB / 10) else 0.0


def _tenths(powers: npt.NDArray[np.float32]) -> tuple[float, float]:
    """What a tenth of them is below, and a tenth above. NumPy's own percentiles load its masked arrays, which takes far longer."""
    low, high = np.interp(np.array((0.1, 0.9)) * (len(powers) - 1), np.arange(len(powers)), np.sort(powers))
    return float(low), float(high)


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
