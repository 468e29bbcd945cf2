"""Narration split into readable cues.

Where to split is found by dynamic programming over the pieces of the text (`text_metrics`): a cue should end where a sentence or at least
a clause does, fill a line or two, and stay long enough to be read. When it shows follows from how long its words take to say.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from service.film.spec import Word
from service.film.subtitles.text_metrics import Break, Piece, normalized, pieces
from service.film.subtitles.word_cues import heard_of, piece_times, retimed, stretches
from service.film.subtitles.word_times import letter_times, letters

_SHORTEST_S = 0.9  # a shorter cue flickers
_LONGEST_S = 7.0
_CLAUSE_COLUMNS = 20  # how much more uneven two lines may be when they part at a clause's end
_SNAP_S = 0.7  # how far a cue may move to meet a pause in the voice
_LONG_PAUSE_S = 1.0  # no cue is shown through such a pause: the text is parted there
_ASTRAY_S = 2.0  # how far from where the voice pauses by its pace the text may be parted
_PARTED_WITHIN = (1.5, 0.5, 0.0)  # what a place's Break costs, in seconds astray
_HAIR_S = 1e-6  # so that what is just enough time is no less by rounding
_BLOCK = 4096  # pieces whose cues are weighed at once
_Numbers = npt.NDArray[np.float64]


Stretch = tuple[float, float]
"""Seconds in the film, from and to."""


class Cue(NamedTuple):
    """One subtitle: seconds from the film's start, and one or two lines.

    `heard` says from which second on how many characters (of all lines together) are heard, word by word; empty where that is not known,
    or nobody wants to know.
    """

    start: float
    end: float
    lines: tuple[str, ...]
    heard: tuple[tuple[float, int], ...] = ()


def make_cues(
    text: str,
    start: float,
    end: float,
    *,
    line_width: int,
    pauses: Sequence[tuple[float, float]] = (),
    words: Sequence[Word] = (),
    karaoke: bool = False,
) -> list[Cue]:
    """Cues for a narration spoken from `start` to `end` (seconds in the film).

    `line_width` is in columns (`Captions.line_width`; a CJK character takes two). `pauses` (`soundtrack.analyse`, in the film's time)
    let cues begin and end with the voice; they are in order. Nothing is shown in the silence before and behind all words, and in long
    pauses, unless the time is needed to read. Else cues touch. They do not overlap, and joined they are the text but for blanks, emoji and
    control characters. The time that this takes grows with the text's length, whatever the text is.

    `words`, in the film's time, are when words are heard: then cues begin and end with them. Those that the text does not have are nothing.
    With `karaoke` each cue knows by them what is `heard` when.
    """
    width = max(4, line_width)
    script = pieces(normalized(text), width)
    if not script or end <= start:
        return []
    times = piece_times([piece.text for piece in script], words)
    known = stretches(times, start, end, _LONG_PAUSE_S)
    parts: list[tuple[Sequence[Piece], Stretch, float]]
    if known:
        parts = [(script[first:last], voiced, until) for (first, last), voiced, until in known]
    else:
        parts = list(_parted(script, _voiced(start, end, pauses), end))
    if any(_reading(part) > until - begins for part, (begins, _), until in parts):
        parts = [(script, (parts[0][1][0], parts[-1][1][1]), end)]
    cues, ends = _cues_of(parts, start, width, pauses)
    if not words:
        return cues
    needs = [_reading(script[first:last]) for first, last in pairwise([0, *ends])]
    spans = retimed([(cue.start, cue.end) for cue in cues], list(pairwise([0, *ends])), times, needs, (start, end))
    timed = [cue._replace(start=begins, end=until) for cue, (begins, until) in zip(cues, spans, strict=True)]
    if not karaoke:
        return timed
    edges = list(accumulate((len(letters(piece.text)) for piece in script), initial=0))
    times_of = letter_times("".join(letters(piece.text) for piece in script), words)
    parts_of = [times_of[edges[first] : edges[last]] for first, last in pairwise([0, *ends])]
    return [cue._replace(heard=heard_of(cue.lines, part, words)) for cue, part in zip(timed, parts_of, strict=True)]


def _cues_of(
    parts: Sequence[tuple[Sequence[Piece], Stretch, float]], start: float, width: int, pauses: Sequence[Stretch]
) -> tuple[list[Cue], list[int]]:
    """The cues of all parts, and behind which of the text's pieces each ends."""
    cues: list[Cue] = []
    last_pieces: list[int] = []
    offset = 0
    for part, (begins, ends), until in parts:
        script = _Script(part, width, (ends - begins) / sum(word.spoken for word in part))
        spans = script.split()
        # Words that take longer to read than to say stay a while, and where even that is too short they come early.
        needed = _reading(part) + _HAIR_S
        last = max(ends, min(begins + needed, until))
        first = min(begins, max(last - needed, cues[-1].end if cues else start))
        starts = _starts([script.need(span) for span in spans], first, last, pauses)
        cues += [
            Cue(one, other, script.lines(span))
            for one, other, span in zip(starts, [*starts[1:], last], spans, strict=True)
        ]
        last_pieces += [offset + until_piece for _, until_piece in spans]
        offset += len(part)
    return cues, last_pieces


def _reading(words: Sequence[Piece]) -> float:
    return sum(word.reading for word in words)


def _voiced(start: float, end: float, pauses: Sequence[Stretch]) -> list[Stretch]:
    """From the first word to the last, without the long pauses between."""
    edges = [start]
    for pause_start, pause_end in pauses:
        if pause_start <= edges[-1] < pause_end:
            edges[-1] = min(pause_end, end)
        elif pause_end - pause_start >= _LONG_PAUSE_S and edges[-1] < pause_start < end:
            edges += [pause_start, min(pause_end, end)]
        elif edges[-1] < pause_start < end <= pause_end:
            edges += [pause_start, end]
    edges.append(end)
    found = [(one, other) for one, other in zip(edges[::2], edges[1::2], strict=True) if other > one]
    return found or [(start, end)]


def _parted(
    words: Sequence[Piece], voiced: Sequence[Stretch], end: float
) -> Iterator[tuple[Sequence[Piece], Stretch, float]]:
    """The words of each stretch, the stretch, and until when they may be shown.

    Where the voice pauses the text is parted at the best place near, by how long its words take to say. A stretch that no words are left
    for belongs to the one before it.
    """
    spoken = np.array(_running(word.spoken for word in words))
    costs = np.array([_PARTED_WITHIN[word.after] for word in words])
    pace = sum(stop - start for start, stop in voiced) / float(spoken[-1])
    first, begins, said = 0, voiced[0][0], 0.0
    for (start, stop), (following, _) in pairwise(voiced):
        said += stop - start
        low = max(first + 1, int(np.searchsorted(spoken, (said - _ASTRAY_S) / pace)))
        high = min(len(words) - 1, int(np.searchsorted(spoken, (said + _ASTRAY_S) / pace, "right")))
        if low <= high:
            astray = np.abs(spoken[low : high + 1] * pace - said) + costs[low - 1 : high]
            last = low + int(astray.argmin())
            yield words[first:last], (begins, stop), following
            first, begins = last, following
    yield words[first:], (begins, voiced[-1][1]), end


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
        self._spoken = np.array(_running(word.spoken for word in words))
        self._reading = _running(word.reading for word in words)
        self._sentences = np.array(_running(word.after is Break.SENTENCE for word in words))
        # How bad it is to end a cue before a piece; it costs nothing where the text ends.
        self._endings = np.array([0.0, *((3.5, 0.9, 0.0)[word.after] for word in words[:-1]), 0.0])

    def need(self, span: Span) -> _Need:
        first, last = span
        return _Need(float(self._spoken[last] - self._spoken[first]), self._reading[last] - self._reading[first])

    def split(self) -> list[Span]:
        """The spans of the cues that cost least together."""
        count = len(self._words)
        line_ends = self._line_ends()
        options = [line_ends[end] - first for first, end in enumerate(line_ends[:-1])]
        best, chosen = np.zeros(count + 1), [0] * count
        for block in range((count - 1) // _BLOCK * _BLOCK, -1, -_BLOCK):
            costs = self._costs(
                block, line_ends[block : min(block + _BLOCK, count)], max(options[block : block + _BLOCK])
            )
            for first in range(block + len(costs) - 1, block - 1, -1):
                totals = costs[first - block, : options[first]] + best[first + 1 : first + 1 + options[first]]
                cheapest = int(totals.argmin())
                best[first], chosen[first] = totals[cheapest], first + 1 + cheapest
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
        count = len(self._words)
        columns = np.array(self._columns)
        spaced = np.array([word.spaced for word in self._words])
        # A line up to a piece is as wide as these are apart, and they rise.
        fitting = np.searchsorted(columns[1:] - spaced, columns[:-1] + self._line_width, "right")
        return [*np.maximum(fitting, np.arange(1, count + 1)).tolist(), count]

    def _costs(self, block: int, line_ends: Sequence[int], most: int) -> _Numbers:
        """How bad the cues are that begin with the pieces from `block` on (rows) and have one to `most` pieces (columns).

        The numbers weigh annoyances against each other; one is that of having a cue at all.
        """
        firsts = np.arange(block, block + len(line_ends))[:, None]
        lasts = np.minimum(firsts + np.arange(1, most + 1), len(self._words))
        seconds = (self._spoken[lasts] - self._spoken[firsts]) * self._rate
        costs: _Numbers = np.where(lasts <= np.array(line_ends)[:, None], 1.0, 1.6)
        costs += self._endings[lasts]
        costs += 0.9 * (self._sentences[lasts - 1] - self._sentences[firsts])
        costs += np.where(seconds < _SHORTEST_S, 4.0 * (1 - seconds / _SHORTEST_S), 0.0)
        costs += 3.0 * np.maximum(0.0, seconds - _LONGEST_S)
        return costs

    def _width(self, first: int, last: int) -> float:
        return self._columns[last] - self._columns[first] - self._words[last - 1].spaced

    def _text(self, first: int, last: int) -> str:
        return "".join(word.text + " " * word.spaced for word in self._words[first:last]).rstrip(" ")


def _running(values: Iterable[float]) -> list[float]:
    return list(accumulate(values, initial=0.0))


def _starts(needs: Sequence[_Need], start: float, end: float, pauses: Sequence[tuple[float, float]]) -> list[float]:
    """When each cue starts: in proportion to what is spoken before it, moved to the end of a pause where one is near."""
    starts = [start]
    shares = _Shares(needs, end - start)
    reading = _running(need.reading for need in needs)
    readable = reading[-1] <= end - start
    pause_ends = [to_s for _, to_s in pauses]
    for index in range(1, len(needs)):
        own = shares.of(index - 1)
        guess = starts[-1] + own
        slack = min(_SNAP_S, 0.5 * min(own, sum(map(shares.of, range(index, min(index + 2, len(needs)))))))
        earliest, latest = guess - slack, guess + slack
        if readable:  # neither the cue before it nor those after it may become too short to be read
            earliest = max(earliest, starts[-1] + needs[index - 1].reading)
            latest = min(latest, end - (reading[-1] - reading[index]))
        near = pauses[bisect_left(pause_ends, earliest) : bisect_right(pause_ends, latest)]
        snapped = _snapped(guess, near)
        starts.append(snapped)
        if (
            snapped != guess
        ):  # anchored to the voice, the rest is shared out anew, so that an error does not grow from cue to cue
            shares.share_out(index, end - snapped)
    return starts


class _Shares:
    """Shares out time by what is spoken, but gives each cue time to be read as long as the others can spare it.

    Cues that need more than their share for being read come before all others when they are sorted by how fast they would have to be
    spoken to be read just in time. How many they are is found in a Fenwick tree, which holds sums over that order and lets cues drop
    out: sharing out anew after every pause takes logarithmic time.
    """

    def __init__(self, needs: Sequence[_Need], total_s: float) -> None:
        self._needs = needs
        self._first = 0
        self._spoken = sum(need.spoken for need in needs)
        self._reading = sum(need.reading for need in needs)
        order = sorted(range(len(needs)), key=lambda index: needs[index].reading / needs[index].spoken, reverse=True)
        self._rates = [needs[index].reading / needs[index].spoken for index in order]
        self._places = {index: place for place, index in enumerate(order, start=1)}
        self._sums = [(0.0, 0.0)] * (len(needs) + 1)
        for index, need in enumerate(needs):
            self._add(self._places[index], need.spoken, need.reading)
        self.share_out(0, total_s)

    def share_out(self, first: int, total_s: float) -> None:
        """From now on, `total_s` seconds for the cues from the `first` on; those before it drop out."""
        for index in range(self._first, first):
            need = self._needs[index]
            self._spoken -= need.spoken
            self._reading -= need.reading
            self._add(self._places[index], -need.spoken, -need.reading)
        self._first = first
        self._readable = self._reading < total_s
        spoken, reading = self._tight(total_s) if self._readable else (0.0, 0.0)
        self._rate = (total_s - reading) / (self._spoken - spoken)

    def of(self, index: int) -> float:
        """The seconds of a cue."""
        need = self._needs[index]
        return max(need.reading if self._readable else 0.0, need.spoken * self._rate)

    def _tight(self, total_s: float) -> _Need:
        """What all cues together ask for that would be too short by their share."""
        place, spoken, reading = 0, 0.0, 0.0
        step = 1 << (len(self._needs).bit_length() - 1)
        while step:
            if place + step <= len(self._needs):
                more_spoken, more_reading = self._sums[place + step]
                more_spoken, more_reading = spoken + more_spoken, reading + more_reading
                if self._rates[place + step - 1] * (self._spoken - more_spoken) > total_s - more_reading:
                    place, spoken, reading = place + step, more_spoken, more_reading
            step >>= 1
        return _Need(spoken, reading)

    def _add(self, place: int, spoken: float, reading: float) -> None:
        while place < len(self._sums):
            before = self._sums[place]
            self._sums[place] = (before[0] + spoken, before[1] + reading)
            place += place & -place


def _snapped(guess: float, near: Sequence[tuple[float, float]]) -> float:
    """The end of the best of the pauses in reach: a long one, and near."""
    if not near:
        return guess
    return max(near, key=lambda pause: min(pause[1] - pause[0], 0.6) - 0.6 * abs(pause[1] - guess))[1]
