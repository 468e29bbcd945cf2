"""A node's voices, as far as they can be used: it may list anything."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from common.errors import BadNodeResult
from service.node.address import NodeAddress
from service.node.interface import Voice
from service.node.responses import clean_text

MOST = 1000
MAX_TEXT = 64  # characters; a narration's request takes no longer name


def read_voices(answer: Mapping[str, Any], address: NodeAddress) -> list[Voice]:
    """The voices of an answer to GET /v1/voices, each id of a provider once."""
    listed = answer.get("voices")
    found: dict[tuple[str, str], Voice] = {}
    for given in listed[:MOST] if isinstance(listed, list) else []:
        if not isinstance(given, dict):
            continue
        told = {name: _text(given.get(name)) for name in ("id", "name", "language", "sex", "provider")}
        if told["id"]:
            sex = told["sex"] if told["sex"] in ("female", "male") else ""
            voice = Voice(**{**told, "name": told["name"] or told["id"], "sex": sex}, sample=_path(given, address))
            found.setdefault((voice.provider, voice.id), voice)
    return list(found.values())


def _text(given: object) -> str:
    text = clean_text(given, MAX_TEXT + 1)
    return text if len(text) <= MAX_TEXT and text.isprintable() else ""


def _path(given: Mapping[str, Any], address: NodeAddress) -> str:
    """The sample's path; one on another host is none."""
    sample = clean_text(given.get("sample"), 1024)
    try:
        return address.path_of(sample) if sample else ""
    except BadNodeResult:
        return ""
