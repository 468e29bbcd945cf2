"""JSON as language models write it: behind their thoughts, in fences, with words around it, one value a line, a comma too many, cut off.

The time that this takes grows with the text's length, whatever the text is; what is too long or too deep to be mended is refused.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator

MAX_REPAIR = 1 << 17  # characters; a language model's answer has a tenth of it
MAX_OPEN = 64  # brackets that are open at once in what is mended

_THOUGHT = re.compile(r"<think(?:ing)?\s{0,9}>", re.IGNORECASE)
_THOUGHT_ENDS = re.compile(r"</think(?:ing)?\s{0,9}>", re.IGNORECASE)
_FENCE = "```"
_HALF_ESCAPE = re.compile(r"\\(?:u[0-9a-fA-F]{0,3})?\Z")
_BRACKETS = re.compile(r"[\[{]|[\]}]")
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


def read_model_json(content: bytes | str) -> object:
    """The JSON value in it; a list of them where there are several. Raises ValueError for what holds no object and no list."""
    text = content if isinstance(content, str) else _decoded(content)
    try:
        found: object = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if isinstance(found, dict | list):
        return found
    values: list[object] = []
    for value in (value for part in _parts(_without_thoughts(text)) for value in _values(part)):
        if not values or value != values[-1]:  # some say everything twice
            values.append(value)
    if not values:
        raise ValueError("no JSON object and no list")
    return values[0] if len(values) == 1 else values


def _decoded(content: bytes) -> str:
    """UTF-8, or with a mark UTF-16; else what Chinese Windows writes."""
    for mark, encoding in (*_MARKS, (b"", "utf-8"), (b"", "gb18030")):
        if content.startswith(mark):
            try:
                return content.decode(encoding)
            except UnicodeDecodeError:
                continue
    return content.decode("utf-8", "replace")


def _without_thoughts(text: str) -> str:
    """What comes behind the last thought. Some templates leave out where it begins."""
    ends = [mark.end() for mark in _THOUGHT_ENDS.finditer(text)]
    if ends:
        return text[ends[-1] :]
    begins = _THOUGHT.search(text)
    return text[: begins.start()] or text if begins else text  # a thought without an end


def _parts(text: str) -> list[str]:
    """What stands in fences, each without the name of its language; else all of it."""
    pieces = text.split(_FENCE)
    fenced = [piece.partition("\n")[2] if _is_language(piece) else piece for piece in pieces[1::2]]
    return [piece for piece in fenced if _BRACKETS.search(piece)] or [text]


def _is_language(piece: str) -> bool:
    return not _BRACKETS.search(piece.partition("\n")[0])


def _values(text: str) -> Iterator[object]:
    """The objects and lists in a text, one behind the other; the last one mended where it has to be."""
    decoder, at = json.JSONDecoder(), 0
    while (bracket := _BRACKETS.search(text, at)) is not None:
        at = bracket.start()
        try:
            value, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            yield from _mended(text[at:])
            return
        yield value


def _mended(text: str) -> Iterator[object]:
    if len(text) > MAX_REPAIR or _most_open(text) > MAX_OPEN:
        return
    import json_repair  # seldom needed, and slow to import

    try:
        found = json_repair.loads(_HALF_ESCAPE.sub("", text))
    except (ValueError, RecursionError):
        return
    if isinstance(found, dict | list) and found:
        yield found


def _most_open(text: str) -> int:
    """The most brackets that are open at once, whether they stand in a text or not."""
    level = most = 0
    for bracket in _BRACKETS.finditer(text):
        level = level + 1 if bracket[0] in "[{" else max(level - 1, 0)
        most = max(most, level)
    return most
