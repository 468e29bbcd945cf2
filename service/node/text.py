"""Texts that a node wrote, made fit for a row and for JSON."""

from __future__ import annotations

import json


def clean(value: object, limit: int) -> str:
    """Without NUL bytes and halves of UTF-16 pairs, trimmed, at most `limit` characters; "" for what is no text."""
    if not isinstance(value, str):
        return ""
    return value.replace("\x00", "").encode("utf-8", "replace").decode().strip()[:limit]


def reason(value: object, limit: int) -> str:
    """A failure's reason; some nodes give an object."""
    if isinstance(value, dict | list) and value:
        value = json.dumps(value, ensure_ascii=False)
    return clean(value, limit)
