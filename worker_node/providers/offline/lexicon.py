"""Finding out what a text shows: `lexicon.json` names, in Chinese and English, the words for what the offline providers know.

The file is `{category: {concept: {"zh": words, "en": words, "say": {"zh", "en"}}}}`. A word may stand for several concepts (moonlight
is night and the moon). The concepts under `ignored` swallow words that would be misread, such as 马上 (at once), which has no horse in it.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from collections.abc import Iterator
from functools import cache
from operator import add, itemgetter
from pathlib import Path
from typing import NamedTuple

COLOUR_REACH = 24  # characters from a colour's name to what has it
_CLAUSE_END = re.compile(r"[，。！？；,.!?;:：、\n]")
_WORN = re.compile(  # a word's length has a bound, or one endless word is read anew from each colour in it
    r"\w{0,3}(?:斗篷|围巾|[裙衣袍衫帽袄])子?|"
    r"\w{1,40} (?:\w{1,40} )?(?:dress|coat|cloak|hood|shirt|hat|scarf|jacket|robe|sweater|uniform)\b",
    re.I,
)
_WEARER = re.compile(r"服?的?")  # between what is worn and who is named for it
_FILE = Path(__file__).with_name("lexicon.json")


class Hit(NamedTuple):
    """A concept found in a text by a word (in lower case) at a character's position."""

    category: str
    concept: str
    position: int
    word: str


class Lexicon:
    """The words and what they stand for."""

    def __init__(self, data: dict[str, dict[str, dict[str, object]]]) -> None:
        self._say: dict[tuple[str, str], dict[str, str]] = {}
        meanings: dict[str, list[tuple[str, str]]] = {}
        english: set[str] = set()
        chinese: set[str] = set()
        for category, concepts in data.items():
            for concept, entry in concepts.items():
                self._say[category, concept] = dict(entry["say"])  # type: ignore[call-overload]  # a fixed file, see its test
                for language, words in (("zh", chinese), ("en", english)):
                    for word in list(entry[language]):  # type: ignore[call-overload]  # as above
                        words.add(word)
                        meanings.setdefault(word, []).append((category, concept))
        self._meanings = meanings
        self._chinese = chinese
        self._lengths = _lengths(chinese, 1)  # by a word's first character
        self._longer = _lengths({word for word in chinese if len(word) > 1}, 2)  # by its first two
        by_length = sorted(english, key=lambda word: (-len(word), word))
        self._english = re.compile(
            r"(?<![a-z0-9])(?=[a-z0-9])(?:" + "|".join(map(re.escape, by_length)) + r")(?![a-z0-9])"
        )

    def hits(self, text: str) -> list[Hit]:
        """What the text names, in its order; where words overlap the longest wins."""
        lowered = text.lower()
        found = [
            Hit(category, concept, position, word)
            for words in (self._chinese_words(lowered), self._english_words(lowered))
            for position, word in words
            for category, concept in self._meanings[word]
            if category != "ignored"
        ]
        return sorted(found, key=itemgetter(2))  # by position

    def _chinese_words(self, text: str) -> Iterator[tuple[int, str]]:
        """Where words of the lexicon begin, and which; where they overlap the longest wins."""
        # One pattern of all words would try each of them at every character.
        end = 0
        for at, first in enumerate(text):
            if first in self._lengths and at >= end:
                for length in self._lengths[first]:
                    word = text[at : at + length]
                    if word in self._chinese:
                        yield at, word
                        end = at + length
                        break

    def _english_words(self, text: str) -> Iterator[tuple[int, str]]:
        return ((match.start(), match.group()) for match in self._english.finditer(text))

    def inside_words(self, text: str) -> set[int]:
        """The positions that lie within a Chinese word of the lexicon: no place to cut."""
        inside: set[int] = set()
        end = 0
        for at, begins in enumerate(map(add, text, text[1:])):
            if begins in self._longer and at >= end:
                for length in self._longer[begins]:
                    if text[at : at + length] in self._chinese:
                        end = at + length
                        inside.update(range(at + 1, end))
                        break
        return inside

    def concepts(self, text: str, category: str) -> list[str]:
        """The concepts of one category that the text names, each once, in its order."""
        return list(dict.fromkeys(hit.concept for hit in self.hits(text) if hit.category == category))

    def coloured(self, text: str) -> dict[str, str]:
        """The colours that the text gives to subjects, the first of each: what the colour's word names itself (橘猫), who wears it (a girl
        in a red dress), else what comes next in its clause (a red kite)."""
        found: dict[str, str] = {}
        last: Hit | None = None  # of the clauses before
        for clause in _CLAUSE_END.split(text):
            hits = self.hits(clause)
            subjects = [hit for hit in hits if hit.category == "subject"]
            positions = [each.position for each in subjects]
            for hit in (each for each in hits if each.category == "colour"):
                place = bisect_left(positions, hit.position)
                behind = subjects[place] if place < len(subjects) else None
                before = subjects[place - 1] if place else last
                worn = _WORN.match(clause, hit.position)
                if behind and (not worn or not before or _WEARER.fullmatch(clause, worn.end(), behind.position)):
                    owner = behind if behind.position - hit.position <= COLOUR_REACH else None
                else:
                    owner = before if worn else None
                if owner is not None:
                    found.setdefault(owner.concept, hit.concept)
            last = subjects[-1] if subjects else last
        return found

    def names(self, category: str) -> list[str]:
        """Every concept of a category."""
        return [concept for own, concept in self._say if own == category]

    def say(self, category: str, concept: str, language: str) -> str:
        """A concept in words, for a prompt."""
        return self._say[category, concept][language]


def _lengths(words: set[str], count: int) -> dict[str, list[int]]:
    """How long the words are that begin with the same `count` characters, the longest first."""
    lengths: dict[str, set[int]] = {}
    for word in words:
        lengths.setdefault(word[:count], set()).add(len(word))
    return {beginning: sorted(own, reverse=True) for beginning, own in lengths.items()}


@cache
def lexicon() -> Lexicon:
    """The one lexicon, read on first use."""
    return Lexicon(json.loads(_FILE.read_text(encoding="utf-8")))
