"""Cutting a story into pieces that can be told: sentences, then clauses, then words. Pieces are slices: joined they are the text.

Works on Chinese, English and any mixture of both by rules alone. Quotations stay in one piece with their speech tag, abbreviations,
initials, decimals and ellipses do not end a sentence, closing marks stay with what they close.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left, bisect_right
from functools import lru_cache
from itertools import accumulate, pairwise

from worker_node.providers.offline.boundaries import CLOSING, SENTENCE_MARKS, ends_sentence, whole_spans
from worker_node.providers.offline.lexicon import lexicon

_QUOTES = {
    "“": "”", "„": "“", "‚": "‘", "‘": "’", "«": "»", "‹": "›", "「": "」", "『": "』", "《": "》", "（": "）", "(": ")"
}  # fmt: skip
_CLAUSE = set("，、；：,;:—–،؛")
_NO_BREAK = set("\u00a0\u2007\u202f\u2060\ufeff")
_LONGEST_QUOTE = 240

_SPEECH_TAG = re.compile(r"[^。！？!?…，,]{0,10}[说道问喊叫答想笑叹嚷]")
_TAG_LOOKAHEAD = 16
_COMMON = re.compile(
    "看见|看到|听见|听到|终于|已经|突然|忽然|于是|因为|所以|但是|可是|然后|后来|从此|从前|一起|一直|一个|一只|一位|一条|一天|有一|第二|这个|那个|"
    "他们|她们|它们|我们|你们|自己|大家|什么|怎么|为什么|没有|不是|不能|不会|可以|知道|觉得|起来|下来|出来|过来|回来|进去|出去|"
    "发现|开始|继续|离开|回到|来到|遇见|遇到|告诉|回答|问道|说道|带着|拿着|看着|听着|走着|跑着|变成|成为|慢慢|静静|轻轻|悄悄|时候|地方|"
    "东西|声音|世界|今天|明天|昨天|现在|以后|以前|里面|外面|上面|下面|旁边|身边|非常|特别|可能|应该|必须|需要|喜欢|希望|相信"
)  # words with nothing to see in them, for cutting only
_PARTICLES = "的了着过呢吗吧啊们地得儿子来去起"
_BEGINS_NO_LINE = "ーぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮヵヶゝゞヽヾ"
_NEVER_FIRST = frozenset(_PARTICLES + _BEGINS_NO_LINE)
# Thai, Lao, Burmese, Khmer, Tai: words without blanks between them, which only a dictionary finds.
_WITHOUT_BLANKS = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u1950-\u19df\u1a20-\u1aad\ua9e0-\ua9ff\uaa60-\uaadf]"
)


@lru_cache(maxsize=8192)
def is_han(character: str) -> bool:
    """Whether this is a Chinese character (also kana: what is written without blanks)."""
    return (
        "\u3400" <= character <= "\u9fff"
        or "\U00020000" <= character <= "\U0003ffff"
        or "\u3040" <= character <= "\u30ff"
    )


def is_chinese(text: str) -> bool:
    """Whether a text is mainly Chinese: a Chinese character weighs as much as two Latin letters."""
    han = sum(map(is_han, text))
    latin = sum(character.isascii() and character.isalpha() for character in text)
    return han * 2 >= latin and han > 0


def speakable(text: str) -> bool:
    """Whether there is anything to say: a letter, a digit or a Chinese character."""
    return any(character.isalnum() for character in text)


def sentences(text: str) -> list[str]:
    """The text's sentences, blanks included; a piece without anything to say is joined to its neighbour."""
    pieces: list[str] = []
    whole = dict(whole_spans(text))
    start = position = 0
    while position < len(text):
        if position in whole:
            position = whole[position]
            continue
        end = _quotation_end(text, position)
        if end:
            position = end
            if _ends(text, _last_within(text, end - 1)) and not _goes_on(text, end):
                position = _swallow(text, end)
                pieces.append(text[start:position])
                start = position
            continue
        position += 1
        if text[position - 1] == "\n" or _ends(text, position - 1):
            after = _swallow(text, position)
            if text[position - 1] == "\n" or not _goes_on(text, after):
                pieces.append(text[start:after])
                start = after
            position = after
    pieces.append(text[start:])
    return _join_silent(pieces)


def _last_within(text: str, closing: int) -> int:
    """The last character before a closing quote that is no blank: French puts one between."""
    while text[closing - 1].isspace():
        closing -= 1
    return closing - 1


def _ends(text: str, position: int) -> bool:
    return text[position] in SENTENCE_MARKS and ends_sentence(text, position)


def _quotation_end(text: str, position: int) -> int:
    """The position after a quotation that opens here and closes soon, 0 where none does. Quotations in it are part of it."""
    opening = text[position]
    if opening == '"':
        closing = '"'
    elif opening in _QUOTES:
        closing = _QUOTES[opening]
    else:
        return 0
    end = text.find(closing, position + 1, position + _LONGEST_QUOTE)
    paragraph = text.find("\n\n", position + 1, position + _LONGEST_QUOTE)
    if end < 0 or 0 <= paragraph < end:
        return 0
    return end + 1


def _swallow(text: str, position: int) -> int:
    """Past further end marks, closing marks and blanks."""
    marks = SENTENCE_MARKS | CLOSING
    while text[position : position + 1] in marks or (
        text[position : position + 1] in _NO_BREAK and text[position + 1 : position + 2] in marks
    ):
        position += 1
    while position < len(text) and text[position].isspace():
        position += 1
    return position


def _goes_on(text: str, position: int) -> bool:
    """Whether the sentence goes on behind an end mark: with a lower-case word, or 他说 behind a quotation."""
    rest = text[position : position + _TAG_LOOKAHEAD].lstrip()
    if rest[:1].islower() or rest[:1] in _CLAUSE:
        return True
    return _SPEECH_TAG.match(rest) is not None and _last_mark(text, position) in CLOSING


def _last_mark(text: str, position: int) -> str:
    """The last character before a position that is no blank, "" where there is none."""
    while position > 0 and text[position - 1].isspace():
        position -= 1
    return text[max(0, position - 1) : position]


def _join_silent(pieces: list[str]) -> list[str]:
    joined: list[list[str]] = []
    silent = False  # whether the last one has nothing to say yet
    for piece in filter(None, pieces):
        says = speakable(piece)
        if joined and (silent or not says):
            joined[-1].append(piece)
            silent = silent and not says
        else:
            joined.append([piece])
            silent = not says
    return list(map("".join, joined))


def clause_cuts(piece: str) -> list[int]:
    """Where a sentence may be cut between clauses; both sides have something to say."""
    cuts: list[int] = []
    whole = dict(whole_spans(piece))
    position = 0
    while position < len(piece):
        if position in whole:
            position = whole[position]
        elif piece[position] in _CLAUSE or _ends(piece, position):
            position = _after_marks(piece, position + 1, whole)
            cuts.append(position)
        else:
            position += 1
    return _useful(piece, cuts)


def _after_marks(piece: str, position: int, whole: dict[int, int]) -> int:
    while (
        position < len(piece)
        and not piece[position].isalnum()
        and piece[position] not in _QUOTES
        and piece[position] != '"'
        and position not in whole
    ):
        position += 1
    return position


def word_cuts(piece: str) -> list[int]:
    """Where a clause may be cut between words: at blanks, and in Chinese between characters, but not before a particle, not within a word
    that the lexicon knows, and leaving two characters on each side. Never inside of a Latin word, a number, an address, or a composed
    character."""
    inside = lexicon().inside_words(piece)
    inside |= {position for word in _COMMON.finditer(piece) for position in range(word.start() + 1, word.end())}
    whole = {position for start, end in whole_spans(piece) for position in range(start + 1, end)}
    found = _dictionary_cuts(piece)
    said = list(accumulate(map(str.isalnum, piece), initial=0))
    first, last = bisect_left(said, 2), bisect_right(said, said[-1] - 2) - 1
    cuts = []
    for position, (before, after) in enumerate(pairwise(piece), 1):
        if (before.isspace() and not after.isspace()) or (
            first <= position <= last
            and (position in found or (position not in inside and _chinese_boundary(before, after)))
        ):
            cuts.append(position)
    return _useful(piece, [cut for cut in cuts if cut not in whole])


def shortened(text: str, longest: int) -> str:
    """The text's first `longest` characters, or fewer where those would end within a word, a number, an address or a composed character."""
    if len(text) <= longest:
        return text
    cut = longest
    for start, end in whole_spans(text):
        if start < cut < end:
            cut = start
    while cut > 0 and _inside(text[cut - 1], text[cut]):
        cut -= 1
    if not cut:
        cut = longest
        while cut > 1 and _clings(text[cut]):
            cut -= 1
    return text[:cut].rstrip()


def _inside(before: str, after: str) -> bool:
    """Whether these two are of one composed character, or of one word of a script that has blanks between words."""
    if _clings(after) or before == "\u200d":
        return True
    return before.isalnum() and after.isalnum() and not is_han(before) and not is_han(after)


def _dictionary_cuts(piece: str) -> set[int]:
    if not _WITHOUT_BLANKS.search(piece):
        return set()
    from icu4py.breakers import LineBreaker  # noqa: PLC0415 - slow to import, and few stories need it

    return set(accumulate(len(segment) for segment in LineBreaker(piece, "th")))


def _chinese_boundary(before: str, after: str) -> bool:
    if is_han(after):
        return before.isalnum() and after not in _NEVER_FIRST
    return is_han(before) and after.isascii() and after.isalnum()


@lru_cache(maxsize=8192)
def _clings(character: str) -> bool:
    """Whether it belongs to the character before it: a combining mark, a vowel sign, a joiner, a variation selector."""
    return unicodedata.category(character)[0] == "M" or character in "\u200c\u200d\u2060"


def _useful(piece: str, cuts: list[int]) -> list[int]:
    """Those of the cuts, which are in order, that part two characters, with something to say on both sides."""
    first = next((at for at in range(len(piece)) if piece[at].isalnum()), len(piece))
    last = next((at for at in range(len(piece) - 1, -1, -1) if piece[at].isalnum()), -1)
    return [cut for cut in cuts if first < cut <= last and not _holds_on(piece[cut - 1]) and not _held(piece[cut])]


@lru_cache(maxsize=8192)
def _holds_on(before: str) -> bool:
    return before in _NO_BREAK or before == "\u200d"


@lru_cache(maxsize=8192)
def _held(after: str) -> bool:
    return after in _NO_BREAK or _clings(after)
