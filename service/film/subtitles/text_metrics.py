"""Text as subtitles see it: what can be shown, where it may break, how wide it is and how long it takes to say."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache

_EMOJI = re.compile(
    "(?![★☆♩♪♫♬])"  # signs that text has had for longer, and the font too
    "[\u200d\u20e3\ufe00-\ufe0f\u2600-\u27bf\u2b00-\u2bff\u231a-\u231b\u23e9-\u23ff"
    "\U0001f000-\U0001faff\U0001fb00-\U0001fbff\U000e0000-\U000e01ef]"
)
_SENTENCE_END = "。！？!?…｡．"
_CLAUSE_END = "，、；：,;:—～·"
_CLOSING = "。，、；：？！…—～·｡．,.;:?!%‰°℃％)]}>）】》〉」』〕〗〙｝］＞”’\"'»›ーぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮ々〻"
_OPENING = "([{<（【《〈「『〔〖〘｛［＜“‘«‹$¥€£￥＄#@"
# Particles belong to the word before them: a line that starts with one reads badly.
_PARTICLES = "的了着们吗呢吧嘛啊呀"
# What joins the parts of one word or number: don't, well-known, 3.14, 1,000, 10:30, user@host, a_b.
_JOINERS = "'’.,:/@&+_-"
_SIGNS = "-+−~"
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


def clean(text: str) -> str:
    """The text without emoji, control and other invisible characters; blanks become single spaces.

    Of combining marks 30 in a row are kept: to put more of them into their order takes time by the square of their number.
    """
    composed = unicodedata.normalize("NFC", "".join(_bounded(text)))  # the font has é, and no accent to put on an e
    kept = (char if not char.isspace() else " " for char in _EMOJI.sub("", composed) if _shown(char))
    return " ".join("".join(kept).split())


def _bounded(text: str) -> Iterator[str]:
    marks = 0
    for char in text:
        marks = marks + 1 if unicodedata.combining(char) else 0
        if marks <= _MOST_MARKS:
            yield char


def _shown(char: str) -> bool:
    return char.isspace() or unicodedata.category(char) not in {"Cc", "Cf", "Cs", "Co", "Cn"}


def is_wide(char: str) -> bool:
    """Whether the character takes two columns, as Chinese does."""
    return unicodedata.east_asian_width(char) in "WF"


def columns(text: str) -> int:
    """The width of a text in columns; combining marks take none."""
    return sum(2 if is_wide(char) else 0 if unicodedata.combining(char) else 1 for char in text)


def pieces(text: str, longest: int) -> list[Piece]:
    """Split cleaned text into pieces of at most `longest` columns. Only a word that is longer than that is cut."""
    made: list[Piece] = []
    for chunk in text.split(" "):
        texts = [part for glued in _glue(_atoms(chunk)) for part in _cut(glued, longest)]
        made += [_piece(part, spaced=index == len(texts) - 1) for index, part in enumerate(texts)]
    return made


@lru_cache(maxsize=4096)
def _in_word(char: str) -> bool:
    """Letters of scripts that write words; Han and kana break anywhere, hangul does not."""
    return unicodedata.combining(char) > 0 or (
        char.isalnum()
        and (unicodedata.east_asian_width(char) != "W" or unicodedata.name(char, "").startswith("HANGUL"))
    )


def _atoms(chunk: str) -> list[str]:
    """Words whole, everything else a character at a time (with its combining marks)."""
    atoms: list[str] = []
    start = 0
    while start < len(chunk):
        end = start + 1
        while end < len(chunk) and (
            (
                _in_word(chunk[end])
                and (_in_word(chunk[end - 1]) or chunk[end - 1] in _JOINERS)
                and _in_word(chunk[start])
            )
            or (
                chunk[end] in _JOINERS
                and _in_word(chunk[end - 1])
                and end + 1 < len(chunk)
                and _in_word(chunk[end + 1])
            )
            or unicodedata.combining(chunk[end])
        ):
            end += 1
        atoms.append(chunk[start:end])
        start = end
    return atoms


def _glue(atoms: list[str]) -> list[str]:
    """Closing punctuation joins what it closes, opening punctuation what it opens; a straight quote does either in turn."""
    glued: list[list[str]] = []
    joins = quoted = False
    for index, atom in enumerate(atoms):
        following = atoms[index + 1] if index + 1 < len(atoms) else ""
        if atom == '"':
            closes = bool(glued) and (quoted or not following)
            opens = not closes
            quoted = opens
        else:
            closes = bool(glued) and (atom[0] in _CLOSING or (atom[0] in _PARTICLES and _is_han(glued[-1][-1][-1])))
            opens = atom in _OPENING or (atom in _SIGNS and following[:1].isdigit()) or (atom == "'" and not glued)
        if joins or closes:
            glued[-1].append(atom)
        else:
            glued.append([atom])
        joins = opens
    return list(map("".join, glued))


def _is_han(char: str) -> bool:
    return is_wide(char) and char.isalpha()


def _cut(text: str, longest: int) -> list[str]:
    parts: list[str] = []
    start = width = 0
    for at, char in enumerate(text):
        own = columns(char)
        if at > start and width + own > longest:
            parts.append(text[start:at])
            start, width = at, 0
        width += own
    return [*parts, text[start:]] if text else parts


def _piece(text: str, *, spaced: bool) -> Piece:
    mark = text.rstrip("”’\"'）)】]》」』»›}>")[-1:]
    if mark and (mark in _SENTENCE_END or (mark == "." and spaced)):
        after = Break.SENTENCE
    elif mark and mark in _CLAUSE_END and (spaced or is_wide(mark) or mark == "—"):
        after = Break.CLAUSE
    else:
        after = Break.WORD
    return Piece(text, spaced, after, columns(text), _spoken(text) + (0.0, 1.0, 2.0)[after], _reading(text))


def _spoken(text: str) -> float:
    wide = sum(1.0 for char in text if is_wide(char) and char.isalnum())
    digits = sum(1.0 for char in text if char.isdigit() and not is_wide(char))
    narrow = "".join(char if char.isalpha() and not is_wide(char) else " " for char in text)
    syllables = sum(max(0.8, 0.8 * len(_VOWELS.findall(word))) for word in narrow.split())
    return max(0.1, wide + digits + syllables)


def reading_s(text: str) -> float:
    """Seconds that it takes to read a text: nine wide characters or twenty narrow ones a second are as fast as subtitles may go."""
    return _reading(clean(text))


def _reading(text: str) -> float:
    return sum(1 / 9 if is_wide(char) else 1 / 20 for char in text)
