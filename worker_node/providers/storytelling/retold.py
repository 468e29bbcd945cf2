"""Whether a narration that a model wrote tells its part of the story."""

from __future__ import annotations

import re

from worker_node.providers.offline.sentences import is_chinese, is_han
from worker_node.providers.offline.shots import weight

SHORTEST, LONGEST = 0.2, 2.5  # of the part's own length
GRACE = 24  # Chinese characters that a narration may be longer in any case
SHARED = 0.1
_WORD = re.compile(r"[^\W_]+")


def fault(narration: str, part: str) -> str:
    """What is wrong with a narration, "" where nothing is."""
    if not any(map(str.isalnum, narration)):
        return "its narration is missing"
    if is_chinese(narration) != is_chinese(part):
        return "its narration is not in the language of the story"
    length, goal = weight(narration), weight(part)
    if length < goal * SHORTEST:
        return "its narration leaves most of the part out"
    if length > goal * LONGEST + GRACE:
        return "its narration is much longer than the part"
    return "" if _covers(narration, part) else "its narration does not tell that part"


def _covers(narration: str, part: str) -> bool:
    """Whether the two share enough words to be about the same thing."""
    ours, theirs = terms(part), terms(narration)
    if min(len(ours), len(theirs)) < 3:
        return True
    return len(ours & theirs) >= SHARED * min(len(ours), len(theirs))


def terms(text: str) -> set[str]:
    """Pairs of Chinese characters, words of four letters and more; of scripts without blanks three letters at a time."""
    found: set[str] = set()
    for word in _WORD.findall(text.casefold()):
        size = 2 if any(map(is_han, word)) else 3 if len(word) > 20 else 0
        if size:
            found.update(word[at : at + size] for at in range(len(word) - size + 1))
        elif len(word) >= 4 or not word.isascii():
            found.add(word)
    return found
