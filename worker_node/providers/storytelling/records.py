"""Finding records, such as scenes, in whatever a model wraps them in: keys by many names, lists in objects in lists, columns, JSON in
texts."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Record = dict[str, str]

DEEPEST = 12
MOST_RECORDS = 2000
TEXT_KEYS = ("text", "value", "content", "zh", "en")
_OUTSIDE_WORDS = re.compile(r"[\W_]+")
_PLACEHOLDER = re.compile(r"[\s.…<>_\-]*|string|text|title|prompt", re.I)


@dataclass(frozen=True)
class Form:
    """What a record is: fields with the names that models give them, and those without which there is none."""

    fields: Mapping[str, tuple[str, ...]]
    essential: tuple[str, ...]

    def field(self, key: object) -> str:
        """The field that a key means, "" where it means none."""
        text = str(key)
        for part in (text, *re.split(r"[()（）/|]", text)):
            plain = _OUTSIDE_WORDS.sub("", part.lower())
            for name, others in self.fields.items():
                if plain and (plain == name.replace("_", "") or plain in others):
                    return name
        return ""

    def is_whole(self, record: Record) -> bool:
        """Whether the record says what it must."""
        return all(not _PLACEHOLDER.fullmatch(record.get(name, "")) for name in self.essential)


def records(value: Any, form: Form) -> list[Record]:
    """The whole records in a JSON value, in their order."""
    found: list[Record] = []
    for record in _found(value, form, 0):
        found.append(record)
        if len(found) >= MOST_RECORDS:
            break
    return found


def _found(value: Any, form: Form, depth: int) -> Iterator[Record]:
    if depth > DEEPEST:
        return
    if isinstance(value, str):
        yield from _in_text(value, form, depth)
    elif isinstance(value, dict):
        yield from _in_object(value, form, depth)
    elif isinstance(value, list):
        table = _table(value, form)
        for each in table if table is not None else value:
            yield from _found(each, form, depth + 1)


def _in_text(text: str, form: Form, depth: int) -> Iterator[Record]:
    if text.lstrip()[:1] not in ("{", "[", '"'):
        return
    try:
        value = json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return
    yield from _found(value, form, depth + 1)


def _in_object(value: dict[Any, Any], form: Form, depth: int) -> Iterator[Record]:
    named = [(form.field(key), each) for key, each in value.items()]
    columns = _columns(named, form)
    if columns is not None:
        yield from (record for record in columns if form.is_whole(record))
        return
    record: Record = {}
    for name, each in named:
        if name and not record.get(name):
            record[name] = _text(each)
    if form.is_whole(record):
        yield record
        return
    for each in value.values():
        yield from _found(each, form, depth + 1)


def _columns(named: list[tuple[str, Any]], form: Form) -> list[Record] | None:
    """Records of an object that has a list for each field, as long as one another."""
    lists = {name: each for name, each in named if name and isinstance(each, list)}
    lengths = {len(lists[name]) for name in form.essential if name in lists}
    if not set(form.essential) <= set(lists) or len(lengths) != 1 or lengths == {1}:
        return None
    length = lengths.pop()
    rows = {name: each for name, each in lists.items() if len(each) == length}
    return [{name: _text(each[at]) for name, each in rows.items()} for at in range(length)]


def _table(rows: list[Any], form: Form) -> list[dict[str, Any]] | None:
    """The rows of a list whose first member names the columns."""
    if len(rows) < 2 or not all(isinstance(row, list) for row in rows):
        return None
    head = [str(cell) for cell in rows[0]]
    if not set(form.essential) <= {form.field(cell) for cell in head}:
        return None
    return [dict(zip(head, row, strict=False)) for row in rows[1:]]


def table_records(rows: list[list[str]], form: Form) -> list[Record]:
    """The records of a table in another notation."""
    return records(rows, form)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, bool) or value is None:
        return ""
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, list):
        return "，".join(filter(None, (_text(each) for each in value[:50] if not isinstance(each, list))))
    if isinstance(value, dict):
        return next((value[name].strip() for name in TEXT_KEYS if isinstance(value.get(name), str)), "")
    return ""
