"""Reading records out of a language model's answer, whatever stands around them and whatever was done to them.

The time grows with the answer's length; what is too long or too deep to be mended is read in simpler ways.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import json_repair

from worker_node.providers.storytelling.notations import elements, pairs, tables
from worker_node.providers.storytelling.records import Form, Record, records

MAX_ANSWER = 1 << 20  # characters
MAX_REPAIR = 1 << 17
MAX_OPEN = 64  # brackets that are open at once in what is mended
MOST_FAILURES = 400  # brackets at which no JSON begins

_THOUGHT = re.compile(r"<(think(?:ing)?|thought|reasoning)\s{0,9}>", re.I)
_THOUGHT_END = re.compile(r"</(?:think(?:ing)?|thought|reasoning)\s{0,9}>", re.I)
_TOKENS = re.compile(r"<\|[A-Za-z_]{1,40}\|>|[\x00\ufeff\ufffe]")
_FENCE = re.compile(r"^[ \t]*(?:```+|~~~+)[^\n`]{0,40}$", re.M)
_BRACKET = re.compile(r"[\[{]")
_MARKS = str.maketrans("｛｝【】＂：，“”", '{}[]":,""')
_HALF_ESCAPE = re.compile(r"\\(?:u[0-9a-fA-F]{0,3})?\Z")


def read_records(answer: str, form: Form, wanted: int) -> list[Record]:
    """The records in an answer in their order; of several versions the last that has `wanted` of them, else the one that has most."""
    text = _cleaned(answer)
    best: list[Record] = []
    for reader in READERS:
        for candidate in reader(text, form):
            if len(candidate) >= wanted:
                return candidate
            if len(candidate) > len(best):
                best = candidate
    return best


def _cleaned(answer: str) -> str:
    text = _without_thoughts(_TOKENS.sub("", answer[:MAX_ANSWER]))
    if "&quot;" in text or "&#34;" in text:
        text = html.unescape(text)
    return text.strip()


def _without_thoughts(text: str) -> str:
    """What comes behind the last thought. Some templates leave out where it begins."""
    ends = [mark.end() for mark in _THOUGHT_END.finditer(text)]
    if ends:
        return text[ends[-1] :]
    begins = _THOUGHT.search(text)
    return text[: begins.start()] if begins else text


def _as_json(text: str, form: Form) -> Iterator[list[Record]]:
    """Versions of valid JSON, the last first; then what all values have together, such as an object a line."""
    for way in (text, text.replace("\\n", "\n"), _unquoted(text)):
        values = [records(value, form) for value in _values(way)]
        yield from (each for each in reversed(values) if len(each) > 1)
        yield [record for each in values for record in each]


def _unquoted(text: str) -> str:
    """A text whose quotes are escaped, without the quotes around all of it."""
    if '\\"' not in text:
        return ""
    try:
        found: object = json.loads(f'"{text}"', strict=False)
    except (ValueError, RecursionError):
        return ""
    return found if isinstance(found, str) else ""


def _values(text: str) -> Iterator[Any]:
    decoder = json.JSONDecoder(strict=False)
    try:
        yield decoder.decode(text)
    except (ValueError, RecursionError):
        at = failures = 0
        while failures < MOST_FAILURES and (bracket := _BRACKET.search(text, at)) is not None:
            try:
                value, at = decoder.raw_decode(text, bracket.start())
            except (ValueError, RecursionError):
                at, failures = bracket.end(), failures + 1
            else:
                yield value


def _mended(text: str, form: Form) -> Iterator[list[Record]]:
    fenced = _FENCE.split(text)[1::2]
    for part in (*fenced, text, text.translate(_MARKS)):
        found = _repaired(part)
        if found is not None:
            yield records(found, form)


def _repaired(text: str) -> Any:
    begin = _BRACKET.search(text)
    part = text[begin.start() :] if begin else ""
    if not part or len(part) > MAX_REPAIR or _most_open(part) > MAX_OPEN:
        return None
    try:
        return json_repair.loads(_HALF_ESCAPE.sub("", part.rstrip()))
    except (ValueError, RecursionError):
        return None


def _most_open(text: str) -> int:
    level = most = 0
    for bracket in re.finditer(r"[\[{\]}]", text):
        level = level + 1 if bracket[0] in "[{" else max(level - 1, 0)
        most = max(most, level)
    return most


def _elements(text: str, form: Form) -> Iterator[list[Record]]:
    yield elements(text, form)


def _guessed(text: str, form: Form) -> Iterator[list[Record]]:
    """What mending and looking for keys find, that which keeps more of the text first: mending may drop what it does not understand."""
    ways = [*_mended(text, form), pairs(text, form)]
    yield from sorted(ways, key=lambda found: -sum(len(value) for record in found for value in record.values()))


READERS: tuple[Callable[[str, Form], Iterator[list[Record]]], ...] = (_as_json, tables, _elements, _guessed)
