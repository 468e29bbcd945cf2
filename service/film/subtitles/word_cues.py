"""Cues by when words are heard: where the text is parted, and when each cue begins and ends."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise

from service.film.spec import Word
from service.film.subtitles.word_times import Times, letter_times, letters

_TOUCH_S = 0.3  # two cues that lie closer than that touch, or the screen would flicker
_ENOUGH = 0.5  # of the pieces must have times for the text to be parted by them
_LEAST_S = 0.04  # that a cue is shown
_HAIR_S = 1e-6


def piece_times(pieces: Sequence[str], words: Sequence[Word]) -> list[Times | None]:
    """When each piece of a text is heard, None where that is not known."""
    if not words:
        return [None] * len(pieces)
    by_letter = iter(letter_times("".join(map(letters, pieces)), words))
    found: list[Times | None] = []
    for piece in pieces:
        own = [time for _ in letters(piece) if (time := next(by_letter, None)) is not None]
        found.append((own[0][0], own[-1][1]) if own else None)
    return found


def heard_of(
    lines: Sequence[str], times: Sequence[Times | None], words: Sequence[Word]
) -> tuple[tuple[float, int], ...]:
    """From which second on how many of the lines' characters are heard: each of the words as a whole, when it begins.

    `times` are those of the lines' letters. Marks go with the word before them, and what has no time with the word after it, or before it
    where that is the last. Empty where no time is known.
    """
    text, starts = "".join(lines), [word.start for word in words]
    counts = [len(letters(char)) for char in text]
    if sum(counts) != len(times):  # letters that are one together and not each by itself
        return ()
    steps: dict[float, int] = {}
    for until, (count, first) in enumerate(zip(counts, accumulate(counts, initial=0), strict=False), start=1):
        time = times[first] if count else None
        if time is not None:
            steps[starts[max(0, bisect_right(starts, time[0] + _HAIR_S) - 1)]] = until
        elif not count and steps:
            latest = max(steps)
            steps[latest] = until if steps[latest] == until - 1 else steps[latest]
    if steps:
        steps[max(steps)] = len(text)
    return tuple(steps.items())


Parts = list[tuple[tuple[int, int], Times, float]]


def stretches(times: Sequence[Times | None], start: float, end: float, long_pause_s: float) -> Parts:
    """The pieces between long pauses, from where to where they are heard, and until when they may be shown.

    None where too few have times.
    """
    known = [at for at, time in enumerate(times) if time is not None]
    if len(known) < _ENOUGH * len(times) or not known:
        return []
    heard = [times[at] or (start, end) for at in known]
    cuts = [0, *_cuts(known, heard, long_pause_s), len(times)]
    parts: Parts = []
    for first, last in pairwise(cuts):
        own = [time for time in times[first:last] if time is not None]
        parts.append(((first, last), (max(start, own[0][0]), min(end, max(own[-1][1], own[0][0] + _LEAST_S))), end))
    if any(begins >= stops for _, (begins, stops), _ in parts):
        return []
    untils = [voiced[0] for _, voiced, _ in parts[1:]] + [end]
    return [(span, voiced, until) for (span, voiced, _), until in zip(parts, untils, strict=True)]


def _cuts(known: Sequence[int], heard: Sequence[Times], long_pause_s: float) -> Iterator[int]:
    for at, (before, after) in zip(known[1:], pairwise(heard), strict=True):
        if after[0] - before[1] >= long_pause_s:
            yield at


def retimed(
    cues: Sequence[Times],
    spans: Sequence[tuple[int, int]],
    times: Sequence[Times | None],
    needs: Sequence[float],
    limits: Times,
) -> Sequence[Times]:
    """When cues of these pieces begin and end: with their words, but not before they can be read, and touching where they are close.

    `needs` are the seconds that it takes to read each, `limits` those within which all are shown. Cues whose words' times are not known
    keep theirs, and all do where that leaves one no time.
    """
    starts, ends = [], []
    for cue, (first, last) in zip(cues, spans, strict=True):
        own = [time for time in times[first:last] if time is not None]
        starts.append(min(max(own[0][0], limits[0]), limits[1]) if own else cue[0])
        ends.append(own[-1][1] if own else cue[1])
    following = [*starts[1:], limits[1]]
    if any(after - begin < _LEAST_S for begin, after in zip(starts, following, strict=True)):
        return cues
    made: list[Times] = []
    for begin, end, after, need in zip(starts, ends, following, needs, strict=True):
        until = min(max(end, begin + max(need, _LEAST_S)), after)
        if len(made) < len(cues) - 1 and after - until < _TOUCH_S:
            until = after
        earliest = made[-1][1] if made else limits[0]
        made.append((min(begin, max(earliest, until - need)), until))
    return made
