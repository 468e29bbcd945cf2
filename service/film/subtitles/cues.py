"""Narration split into readable cues.

Where to split is found by dynamic programming over the pieces of the text (`text_metrics`): a cue should end where a sentence or at least
a clause does, fill a line or two, and stay long enough to be read. When it shows follows from how long its words take to say.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import NamedTuple

from service.film.subtitles.text_metrics import Break, Piece, clean, pieces

_SHORTEST_S = 0.9  # a shorter cue flickers
_LONGEST_S = 7.0
_CLAUSE_COLUMNS = 20  # how much more uneven two lines may be when they part at a clause's end
_SNAP_S = 0.7  # how far a cue may move to meet a pause in the voice


class Cue(NamedTuple):
    """One subtitle: seconds from the film's start, and one or two lines."""

    start: float
    end: float
    lines: tuple[str, ...]


def make_cues(
    text: str, start: float, end: float, *, line_width: int, pauses: Sequence[tuple[float, float]] = ()
) -> list[Cue]:
    """Cues for a narration spoken from `start` to `end` (seconds in the film).

    `line_width` is in columns (`Captions.line_width`; a CJK character takes two). `pauses` (`soundtrack.analyse`, in the film's time)
    let a cue start with its words. Cues touch, do not overlap, and joined they are the text but for blanks, emoji and control characters.
    """
    width = max(4, line_width)
    words = pieces(clean(text), width)
    if not words or end <= start:
        return []
    script = _Script(words, width, (end - start) / sum(word.spoken for word in words))
    spans = script.split()
    starts = _starts([script.need(span) for span in spans], start, end, pauses)
    return [
        Cue(begins, ends, script.lines(span))
        for begins, ends, span in zip(starts, [*starts[1:], end], spans, strict=True)
    ]


Span = tuple[int, int]
"""Pieces from the first index up to, without, the second."""


class _Need(NamedTuple):
    """What a cue asks of the time: to last as long as its words are spoken (syllables), and long enough to be read (seconds)."""

    spoken: float
    reading: float


class _Script:
    """A text's pieces with running sums, so that any span is measured at once."""

    def __init__(self, words: Sequence[Piece], line_width: int, seconds_per_syllable: float) -> None:
        self._words, self._line_width, self._rate = words, line_width, seconds_per_syllable
        self._columns = _running(word.columns + word.spaced for word in words)
        self._spoken = _running(word.spoken for word in words)
        self._reading = _running(word.reading for word in words)
        self._sentences = _running(word.after is Break.SENTENCE for word in words)

    def need(self, span: Span) -> _Need:
        first, last = span
        return _Need(self._spoken[last] - self._spoken[first], self._reading[last] - self._reading[first])

    def split(self) -> list[Span]:
        """The spans of the cues that cost least together."""
        count = len(self._words)
        line_ends = self._line_ends()
        best = [0.0] * count + [0.0]
        chosen = [0] * count
        for first in range(count - 1, -1, -1):
            furthest = line_ends[min(line_ends[first], count)]
            options = (
                (self._cost(first, last, line_ends[first]) + best[last], last)
                for last in range(first + 1, furthest + 1)
            )
            best[first], chosen[first] = min(options)
        spans, first = [], 0
        while first < count:
            spans.append((first, chosen[first]))
            first = chosen[first]
        return spans

    def lines(self, span: Span) -> tuple[str, ...]:
        """One line, or two that are about as long as each other, preferably parted where a clause ends."""
        first, last = span
        if self._width(first, last) <= self._line_width:
            return (self._text(first, last),)
        fitting = (
            middle
            for middle in range(first + 1, last)
            if max(self._width(first, middle), self._width(middle, last)) <= self._line_width
        )
        middle = min(
            fitting,
            key=lambda at: (
                abs(self._width(first, at) - self._width(at, last))
                - _CLAUSE_COLUMNS * min(self._words[at - 1].after, 1)
            ),
        )
        return self._text(first, middle), self._text(middle, last)

    def _line_ends(self) -> list[int]:
        """For every piece, where a line that starts with it has to end; one more entry stands for the text's end."""
        count, end, ends = len(self._words), 0, []
        for first in range(count):
            end = max(end, first + 1)
            while end < count and self._width(first, end + 1) <= self._line_width:
                end += 1
            ends.append(end)
        return [*ends, count]

    def _cost(self, first: int, last: int, line_end: int) -> float:
        """How bad a cue of these pieces is. The numbers weigh annoyances against each other; one is that of having a cue at all."""
        seconds = (self._spoken[last] - self._spoken[first]) * self._rate
        cost = 1.0 if last <= line_end else 1.6
        if last < len(self._words):
            cost += (3.5, 0.9, 0.0)[self._words[last - 1].after]
        cost += 0.9 * (self._sentences[last - 1] - self._sentences[first])
        if seconds < _SHORTEST_S:
            cost += 4.0 * (1 - seconds / _SHORTEST_S)
        return cost + 3.0 * max(0.0, seconds - _LONGEST_S)

    def _width(self, first: int, last: int) -> float:
        return self._columns[last] - self._columns[first] - self._words[last - 1].spaced

    def _text(self, first: int, last: int) -> str:
        return "".join(word.text + " " * word.spaced for word in self._words[first:last]).rstrip(" ")


def _running(values: Iterable[float]) -> list[float]:
    return list(accumulate(values, initial=0.0))


def _starts(needs: Sequence[_Need], start: float, end: float, pauses: Sequence[tuple[float, float]]) -> list[float]:
    """When each cue starts: in proportion to what is spoken before it, moved to the end of a pause where one is near."""
    starts = [start]
    shares = _shares(needs, end - start)
    reading = _running(need.reading for need in needs)
    readable = reading[-1] <= end - start
    for index in range(1, len(needs)):
        guess = starts[-1] + shares[0]
        slack = min(_SNAP_S, 0.5 * min(shares[0], sum(shares[1:3])))
        earliest, latest = guess - slack, guess + slack
        if readable:  # neither the cue before it nor those after it may become too short to be read
            earliest = max(earliest, starts[-1] + needs[index - 1].reading)
            latest = min(latest, end - (reading[-1] - reading[index]))
        snapped = _snapped(guess, earliest, latest, pauses)
        starts.append(snapped)
        # Anchored to the voice, the rest is shared out anew, so that an error does not grow from cue to cue.
        shares = shares[1:] if snapped == guess else _shares(needs[index:], end - snapped)
    return starts


def _shares(needs: Sequence[_Need], total_s: float) -> list[float]:
    """Share out the time by what is spoken, but give each cue time to be read as long as the others can spare it."""
    least = [need.reading for need in needs]
    if sum(least) >= total_s:
        least = [0.0] * len(needs)
    tight: set[int] = set()
    while True:
        free = [index for index in range(len(needs)) if index not in tight]
        rate = (total_s - sum(least[index] for index in tight)) / sum(needs[index].spoken for index in free)
        short = {index for index in free if needs[index].spoken * rate < least[index]}
        if not short or len(short) == len(free):
            return [least[index] if index in tight else need.spoken * rate for index, need in enumerate(needs)]
        tight |= short


def _snapped(guess: float, earliest: float, latest: float, pauses: Sequence[tuple[float, float]]) -> float:
    """The end of the best pause in reach: a long one, and near."""
    near = [(from_s, to_s) for from_s, to_s in pauses if earliest <= to_s <= latest]
    if not near:
        return guess
    return max(near, key=lambda pause: min(pause[1] - pause[0], 0.6) - 0.6 * abs(pause[1] - guess))[1]
