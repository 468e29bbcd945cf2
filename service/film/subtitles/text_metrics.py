"""Text as subtitles see it: what can be shown, where it may break, how wide it is and how long it takes to say."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache

from service.film.subtitles.boundaries import CLOSING, SENTENCE_MARKS, ends_sentence
from service.film.subtitles.line_breaks import columns, is_wide, parts, width
from service.film.subtitles.markup import plain

_EMOJI = re.compile(
    "(?![★☆♩♪♫♬])"  # signs that text has had for longer, and the font too
    "[\u20e3\ufe00-\ufe0f\u2600-\u27bf\u2b00-\u2bff\u231a-\u231b\u23e9-\u23ff"
    "\U0001f000-\U0001faff\U0001fb00-\U0001fbff\U000e0000-\U000e01ef]"
)
# Scripts that shape their letters by joiners; elsewhere these only hold emoji together.
_LOOSE_JOINER = re.compile("(?<![\u0600-\u1fff\ua800-\uabff])[\u200c\u200d]+")
_SIMPLE = re.compile(
    "[\n\x20-\x7e\u00a0-\u0233—…‘’“”\u3000-\u3020\u3041-\u3096\u309d-\u30ff\u4e00-\u9fff\uff01-\uff5e]*"
)
_NO_BREAK_BLANKS = "\u00a0\u2007\u202f"
_UNSEEN = re.compile("[\u00ad\u200b\u2060\ufeff]+")  # they say where a line may or may not end
_KEPT = frozenset("\u00ad\u200b\u200c\u200d\u2060\ufeff")
_CLAUSE_END = "，、；：,;:—～·،؛"
_MOST_MARKS = 30  # on one character; Unicode's own bound (Stream-Safe Text Format), and no language comes near it
_VOWELS = re.compile(r"[aeiouyà-ÿ]+", re.IGNORECASE)


class Break(IntEnum):
    """How good it is to end a line or a cue after a piece of text."""

    WORD = 0
    CLAUSE = 1
    SENTENCE = 2


@dataclass(frozen=True)
class Piece:
    """Text that must not be split: a word or a character with the punctuation that clings to it.

    `spaced` says that a blank follows. `columns` is the width (wide characters take two), without that blank. `spoken` is how long it
    takes to say, the pause after it included, in Chinese syllables. `reading` is how long it takes to read at the fastest, in seconds.
    """

    text: str
    spaced: bool
    after: Break
    columns: int
    spoken: float
    reading: float


def normalized(text: str) -> str:
    """The text without markup, emoji and control characters, with single blanks, and with what says where lines may end: no-break
    blanks, word joiners, zero-width blanks.
    """
    text = plain(text)
    if _SIMPLE.fullmatch(text):  # most are
        return re.sub(r"\s+", _blank, text).strip()
    composed = unicodedata.normalize("NFC", with_bounded_marks(text))  # the font has é, and no accent to put on an e
    shown = "".join(filter(_kept, _LOOSE_JOINER.sub("", _EMOJI.sub("", composed))))
    return re.sub(r"\s+", _blank, shown).strip()


def clean(text: str) -> str:
    """What of a text is shown: it `normalized`, without what cannot be seen."""
    return _UNSEEN.sub("", normalized(text)).strip()


def with_bounded_marks(text: str) -> str:
    """The text with 30 of the combining marks in a row: to put more into their order takes time by the square of their number."""
    return "".join(_bounded(text))


def _bounded(text: str) -> Iterator[str]:
    marks = 0
    for char in text:
        marks = marks + 1 if unicodedata.category(char)[0] == "M" else 0
        if marks <= _MOST_MARKS:
            yield char


def _kept(char: str) -> bool:
    return char.isspace() or char in _KEPT or unicodedata.category(char) not in {"Cc", "Cf", "Cs", "Co", "Cn"}


def _blank(blanks: re.Match[str]) -> str:
    return " " if blanks.group().strip(_NO_BREAK_BLANKS) else blanks.group()[0]


def pieces(text: str, longest: int) -> list[Piece]:
    """Split a `normalized` text into pieces of at most `longest` columns. Only what is longer than that is cut."""
    unseen = _UNSEEN.search(text) is not None
    made: list[Piece] = []
    for start, end, spaced in parts(text, longest):
        own = _UNSEEN.sub("", text[start:end]) if unseen else text[start:end]
        if own:
            made.append(_piece(own, _break_after(text, start, end, spaced), spaced))
    return made


def _break_after(text: str, start: int, end: int, spaced: bool) -> Break:
    at = end - 1
    while at > start and (text[at] in CLOSING or text[at] in _NO_BREAK_BLANKS):
        at -= 1
    mark = text[at]
    if mark in SENTENCE_MARKS:
        return Break.SENTENCE if ends_sentence(text, at) else Break.WORD
    if mark in _CLAUSE_END and (spaced or is_wide(mark) or mark == "—"):
        return Break.CLAUSE
    return Break.WORD


@lru_cache(maxsize=8192)
def _piece(text: str, after: Break, spaced: bool) -> Piece:
    return Piece(text, spaced, after, columns(text), _spoken(text) + (0.0, 1.0, 2.0)[after], _reading(text))


def _spoken(text: str) -> float:
    syllables = 0.0
    narrow: list[str] = []
    for char in text:
        if not char.isalnum():
            narrow.append(" ")
        elif width(char) == 2 or char.isdigit():
            syllables += 1.0
            narrow.append(" ")
        else:
            narrow.append(char)
    words = "".join(narrow).split()
    return max(0.1, syllables + sum(max(0.8, 0.8 * len(_VOWELS.findall(word))) for word in words))


def reading_s(text: str) -> float:
    """Seconds that it takes to read a text: nine wide characters or twenty narrow ones a second are as fast as subtitles may go."""
    return _reading(clean(text))


def _reading(text: str) -> float:
    return len(text) / 20 if text.isascii() else sum((0.0, 1 / 20, 1 / 9)[width(char)] for char in text)
