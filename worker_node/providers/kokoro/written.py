"""Which word of the text as written each character of the text as read belongs to, so "$3.50" is one word for all that it says."""

from __future__ import annotations

import re
from difflib import SequenceMatcher

from worker_node.providers.kokoro.mandarin import is_han
from worker_node.providers.offline.boundaries import whole_spans

_MARKS = "\u0300-\u036f\u0591-\u05c7\u064b-\u065f"
_MARKS += "\u0900-\u0903\u093a-\u094f\u0981-\u0983\u09bc-\u09cd\u0a3c-\u0a4d\u0abc-\u0acd\u0bbe-\u0bcd"
_MARKS += "\u0c3e-\u0c56\u0cbc-\u0cd6\u0d3e-\u0d4d\u0dca-\u0ddf\u0e31-\u0e3a\u0e47-\u0e4e\u102b-\u103e\u3099\u309a"  # combining
_WORD = re.compile(rf"[^\W_](?:[^\W_]|[{_MARKS}])*(?:['’\-.][^\W_](?:[^\W_]|[{_MARKS}])*)*")

Span = tuple[int, int]


def words(text: str) -> list[Span]:
    """Where the words of a text are: each Chinese character is one, a number with its signs and unit is one. In order, apart."""
    found: list[Span] = []
    position = 0
    for start, end in [*whole_spans(text), (len(text), len(text))]:
        spans = _plain_words(text, position, start)
        if end > start and any(map(str.isalnum, text[start:end])):
            spans.append((start, end))
        for span in spans:
            if found and found[-1][1] == span[0] and _clings(text, span[0]):
                found[-1] = (found[-1][0], span[1])  # 3rd, iPhone15
            else:
                found.append(span)
        position = end
    return found


def _clings(text: str, at: int) -> bool:
    before, behind = text[at - 1], text[at]
    return before.isascii() and behind.isascii() and before.isalnum() and behind.isalnum()


def _plain_words(text: str, start: int, end: int) -> list[Span]:
    found: list[Span] = []
    for word in _WORD.finditer(text, start, end):
        begin = word.start()
        for at in range(word.start(), word.end()):
            if is_han(text[at]):
                found += [(begin, at)] * (begin < at) + [(at, at + 1)]
                begin = at + 1
        found += [(begin, word.end())] * (begin < word.end())
    return found


def owners(text: str, read: str, spans: list[Span]) -> list[int]:
    """For each character of the text as it is read the number of the word in `spans`, the `words` of the text, that it is said for; -1 for
    none. What stands nowhere in the text goes to a number beside it, else to the word before it."""
    at_word = [-1] * (len(text) + 1)
    for number, (start, end) in enumerate(spans):
        at_word[start:end] = [number] * (end - start)
    owned: list[int] = []
    for kind, start, end, _, read_end in SequenceMatcher(None, text, read, autojunk=False).get_opcodes():
        if kind == "equal":
            owned += at_word[start:end]
        elif kind in ("insert", "replace"):
            inside = {number for number in at_word[start:end] if number >= 0}
            owner = min(inside) if inside else _beside(text, at_word, start, end, spans)
            owned += [owner] * (read_end - len(owned))
    return owned


def _beside(text: str, at_word: list[int], start: int, end: int, spans: list[Span]) -> int:
    while start and text[start - 1].isspace():
        start -= 1
    while end < len(text) and text[end].isspace():
        end += 1
    before, behind = at_word[start - 1] if start else -1, at_word[end]
    for number in (before, behind):
        if number >= 0 and not text[slice(*spans[number])].isalpha():
            return number
    return before if before >= 0 else behind
