"""An object's metadata as the headers of S3 carry it: names of ASCII, percent-encoded values, 2 KB of both together."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote, unquote

MAX_BYTES = 1900  # S3 allows 2,048 with what we add ourselves (the hash)
MAX_VALUE = 1200  # bytes of one encoded value, so that one long title leaves room for the others


def clipped(metadata: Mapping[str, str] | None) -> dict[str, str]:
    """What can be carried. Names become lower case; a long value loses its end; what then still has no room is left out.

    Both stores keep the same, so that moving objects from one to the other changes nothing.
    """
    kept: dict[str, str] = {}
    room = MAX_BYTES
    for name, value in (metadata or {}).items():
        left = room - len(name)
        text = _shortened(value, min(MAX_VALUE, left))
        if left >= 0 and (text or not value):
            kept[name.lower()] = text
            room = left - len(_encoded(text))
    return kept


def encoded(metadata: Mapping[str, str]) -> dict[str, str]:
    """The values percent-encoded, blanks too: a header's outer blanks would be lost."""
    return {name: _encoded(value) for name, value in metadata.items()}


def decoded(headers: Mapping[str, str]) -> dict[str, str]:
    """The other way round."""
    return {name: unquote(value) for name, value in headers.items()}


def _encoded(value: str) -> str:
    return quote(value, safe="", errors="replace")


def _shortened(value: str, room: int) -> str:
    """The longest beginning whose encoded form has room, whole characters only; half a UTF-16 pair becomes a question mark."""
    size = 0
    for index, character in enumerate(value):
        size += len(_encoded(character))
        if size > room:
            return unquote(_encoded(value[:index]))
    return unquote(_encoded(value))
