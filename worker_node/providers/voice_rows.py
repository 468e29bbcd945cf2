"""Voices as rows, out of settings and out of what servers list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from worker_node.providers.base import Voice as VoiceRow
from worker_node.providers.settings import Voice

MOST = 500
MAX_TEXT = 200  # characters
SEXES = {
    "female": "female",
    "f": "female",
    "woman": "female",
    "女": "female",
    "male": "male",
    "m": "male",
    "man": "male",
    "男": "male",
}


def rows_of_settings(voices: Sequence[Voice]) -> list[VoiceRow]:
    """The voices that the operator named."""
    return [VoiceRow(voice.id, voice.name or voice.id, voice.language, voice.sex) for voice in voices]


def listed_voices(listed: object) -> list[VoiceRow]:
    """What a server lists: names, or objects under the keys that servers use."""
    rows: dict[str, VoiceRow] = {}
    for each in listed[:MOST] if isinstance(listed, list) else []:
        told = each if isinstance(each, Mapping) else {"id": each}
        voice = _text(told, "id", "voice_id", "voice", "name")
        if voice:
            sex = SEXES.get(_text(told, "sex", "gender").lower(), "")
            name, language = _text(told, "name", "title", "id") or voice, _text(told, "language", "lang", "locale")
            rows.setdefault(voice, VoiceRow(voice, name, language, sex))
    return list(rows.values())


def _text(told: Mapping[str, object], *names: str) -> str:
    found = (told.get(name) for name in names)
    text = next((value.strip() for value in found if isinstance(value, str) and value.strip()), "")
    return text if len(text) <= MAX_TEXT and text.isprintable() else ""
