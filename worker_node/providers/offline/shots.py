"""Dividing a story into exactly N narrations, every sentence told once, in order."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from functools import lru_cache
from itertools import accumulate

from worker_node.providers.offline.sentences import clause_cuts, is_han, sentences, word_cuts

PARAGRAPH_BONUS = 0.3


def weight(text: str) -> float:
    """How long a text takes to say, in Chinese characters; a Latin letter is a third of one."""
    return sum(map(_weight, text))


@lru_cache(maxsize=8192)
def _weight(character: str) -> float:
    return 1.0 if is_han(character) else 0.34 if character.isalnum() else 0.2


def divide(story: str, count: int) -> list[str]:
    """Exactly `count` texts; joined they are the story but for blanks around them.

    Fewer sentences than shots: the longest is cut between clauses, then between words. Where nothing can be cut any more the shots that
    are left over are silent (""), each after the text whose image it holds: no text is made up and none is told twice.
    """
    pieces = sentences(story)
    if len(pieces) > count:
        return [group.strip() for group in _grouped(pieces, count)]
    for cuts in (clause_cuts, word_cuts):
        pieces = _cut_longest(pieces, count, cuts)
    told = [piece.strip() for piece in pieces]
    silent = count - len(told)
    spread: list[str] = []
    for number, text in enumerate(told):
        # The earlier texts take the remainder: a story rather lingers at its start than at its end.
        spread += [text] + [""] * (silent // len(told) + (number < silent % len(told)))
    return spread


def _grouped(pieces: list[str], count: int) -> list[str]:
    """Neighbouring pieces joined into groups of about the same length, rather between paragraphs than within one."""
    ends = list(accumulate(map(weight, pieces)))
    share = ends[-1] / count
    groups, start = [], 0
    for number in range(1, count):
        goal = share * number
        lowest, highest = start + 1, len(pieces) - (count - number)

        def cost(cut: int, goal: float = goal) -> float:
            bonus = PARAGRAPH_BONUS * share if "\n" in pieces[cut - 1][len(pieces[cut - 1].rstrip()) :] else 0.0
            return abs(ends[cut - 1] - goal) - bonus

        near = bisect_left(ends, goal) + 1
        candidates = [cut for cut in range(near - 3, near + 4) if lowest <= cut <= highest]
        cut = min(candidates, key=cost) if candidates else (lowest if near < lowest else highest)
        groups.append("".join(pieces[start:cut]))
        start = cut
    groups.append("".join(pieces[start:]))
    return groups


def _cut_longest(pieces: list[str], count: int, cuts_of: Callable[[str], list[int]]) -> list[str]:
    """Cut the longest piece near its middle, again and again, until there are enough or none can be cut."""
    weights = list(map(weight, pieces))  # -1 of what cannot be cut
    while len(pieces) < count and max(weights) >= 0:
        index = weights.index(max(weights))
        piece = pieces[index]
        cuts = cuts_of(piece)
        if not cuts:
            weights[index] = -1.0
            continue
        cut = _nearest(cuts, len(piece) / 2)
        halves = [piece[:cut], piece[cut:]]
        pieces[index : index + 1] = halves
        weights[index : index + 1] = map(weight, halves)
    return pieces


def _nearest(cuts: list[int], middle: float) -> int:
    """The one of the sorted cuts that is nearest; of two the first."""
    place = bisect_left(cuts, middle)
    return min(cuts[max(0, place - 1) : place + 1], key=lambda cut: abs(cut - middle))
