"""Where a line may end: the Unicode Line Breaking Algorithm (UAX #14) by ICU, but for words, numbers and particles that stay together."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import chain

from service.film.subtitles.boundaries import whole_spans

_LOCALE = "ja@lb=strict"  # no line begins with a small kana or a mark of length; beside CJK it says what every other locale says
_CLOSING = frozenset(
    "。，、；：？！…—～〜·｡．,.;:?!%‰°℃％)]}>）】》〉」』〕〗〙｝］＞”’\"'»›ーぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮ々〻"
)
_OPENING = frozenset("([{<（【《〈「『〔〖〘｛［＜“‘«‹$¥€£￥＄#@")
# Particles belong to the word before them: a line that starts with one reads badly.
_PARTICLES = frozenset("的了着们吗呢吧嘛啊呀們著嗎")
# What joins the parts of one word or number: don't, well-known, user@host, a_b.
_JOINERS = frozenset("'’.,:/@&+_-")


Part = tuple[int, int, bool]
"""A stretch of a text that stays on one line, from and to where, without the blank behind it; and whether there is one."""


def parts(text: str, longest: int) -> list[Part]:
    """Split a text with single blanks into parts of at most `longest` columns. Only a part that is longer is cut: where ICU would, else
    between grapheme clusters, and in a cluster that is itself longer between its letters."""
    from icu4py.breakers import LineBreaker  # noqa: PLC0415 - slow to import, and of no use to a start or to who draws frames

    found: list[Part] = []
    spans = iter([*whole_spans(text), (len(text), len(text))])
    span_start, span_end = next(spans)
    inner: list[int] = []
    start = end = 0
    for segment in LineBreaker(_turned_quotes(text), _LOCALE):
        end += len(segment)
        while span_end <= end < len(text):
            span_start, span_end = next(spans)
        if end < len(text) and (span_start < end or _clings(text, end)):
            inner.append(end)
            continue
        stop = end - 1 if text[end - 1] == " " else end
        if 2 * (stop - start) <= longest or columns(text[start:stop]) <= longest:  # a character has two columns at most
            found.append((start, stop, stop < end))
        else:
            found += _cut(text, start, [*inner, end], longest)
        start, inner = end, []
    return found


def is_wide(char: str) -> bool:
    """Whether the character takes two columns, as Chinese does."""
    return unicodedata.east_asian_width(char) in "WF"


@lru_cache(maxsize=8192)
def width(char: str) -> int:
    """A character's columns: marks, joiners and the letters that complete a Hangul syllable take none of their own."""
    if (
        unicodedata.category(char) in {"Mn", "Mc", "Me", "Cf"}
        or "\u1160" <= char <= "\u11ff"
        or "\ud7b0" <= char <= "\ud7ff"
    ):
        return 0
    return 2 if is_wide(char) else 1


def columns(text: str) -> int:
    """The width of a text in columns."""
    return len(text) if text.isascii() else sum(map(width, text))


@lru_cache(maxsize=8192)
def in_word(char: str) -> bool:
    """Letters and digits of scripts that write words; Han and kana break anywhere, hangul does not."""
    return char.isalnum() and (unicodedata.east_asian_width(char) != "W" or _is_hangul(char))


def is_han(char: str) -> bool:
    """Whether this is a letter of a script that is written without blanks and two columns wide: Han, kana."""
    return is_wide(char) and char.isalpha()


def graphemes(text: str) -> Iterable[str]:
    """What a reader takes for single characters, whatever they are composed of (UAX #29)."""
    from icu4py.breakers import CharacterBreaker  # noqa: PLC0415 - as above

    return CharacterBreaker(text, _LOCALE)


def _turned_quotes(text: str) -> str:
    """Straight quotes as they are meant: at the start of a word they open, at its end they close, else by turns."""
    if '"' not in text:
        return text
    turned: list[str] = []
    opened = False
    for at, char in enumerate(text):
        if char == '"':
            starts = at == 0 or text[at - 1] == " "
            opened = starts or (not opened and text[at + 1 : at + 2].strip() != "")
            char = "“" if opened else "”"  # noqa: PLW2901
        turned.append(char)
    return "".join(turned)


def _clings(text: str, at: int) -> bool:
    """Whether what stands before and behind this place belongs together."""
    before, behind = text[at - 1], text[at]
    if before == " ":
        return False
    if behind in _CLOSING and behind != '"':
        return True
    if before in _OPENING or (behind in _PARTICLES and is_han(before)):
        return True
    if in_word(behind):
        if in_word(before):
            return _is_hangul(before) or _is_hangul(behind)
        return before in _JOINERS and at > 1 and in_word(text[at - 2])
    return False


@lru_cache(maxsize=8192)
def _is_hangul(char: str) -> bool:
    return unicodedata.name(char, "").startswith("HANGUL")


def _cut(text: str, start: int, ends: Sequence[int], longest: int) -> Iterator[Part]:
    """The stretch from `start` to the last of `ends`, where ICU sees its segments end, in as few parts as fit."""
    segments = zip([start, *ends], ends, strict=False)
    taken, at = 0, start  # columns of the part that begins at `start`, and where it ends so far
    for end in chain.from_iterable(_edges(text, begin, end, longest) for begin, end in segments):
        own = columns(text[at:end].rstrip(" "))
        if at > start and taken + own > longest:
            yield _part(text, start, at)
            start, taken = at, 0
        taken += columns(text[at:end])
        at = end
    yield _part(text, start, at)


def _edges(text: str, start: int, end: int, longest: int) -> Iterator[int]:
    """The end of a segment, or where it is too long for a line, of each of its grapheme clusters."""
    if columns(text[start:end].rstrip(" ")) <= longest:
        yield end
        return
    for cluster in graphemes(text[start:end]):
        if columns(cluster) > longest:
            yield from (start + at for at in range(1, len(cluster)) if width(cluster[at]))
        start += len(cluster)
        yield start


def _part(text: str, start: int, end: int) -> Part:
    body = text[start:end].rstrip(" ")
    return start, start + len(body), len(body) < end - start
