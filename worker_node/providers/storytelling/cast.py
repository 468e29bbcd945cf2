"""The cast of a story: drawn once, then written into each prompt that shows somebody of it: images made one by one fit together."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from worker_node.providers.base import Character
from worker_node.providers.storytelling.answers import CharacterAnswer
from worker_node.providers.storytelling.prompts import MOST_CAST
from worker_node.providers.storytelling.retold import terms

MOST_SHOWN = 4
_BESIDE_NAME = re.compile(r"[（(/、，,].*|[\"“”*_`\\]")

Draw = Callable[[str, Sequence[Character]], list[CharacterAnswer]]


def draw_cast(pieces: Sequence[str], story: str, draw: Draw) -> tuple[Character, ...]:
    """The cast of a story in pieces; `draw` asks for that of one piece. Whom the story does not name is not in its cast."""
    cast: list[Character] = []
    told = terms(story)
    for piece in pieces:
        if len(cast) >= MOST_CAST:
            break
        for each in draw(piece, cast):
            name = _BESIDE_NAME.sub("", each.name).strip() or each.name
            known = any(name == other.name for other in cast)
            if not known and len(cast) < MOST_CAST and (_named(name, story) or terms(name) & told):
                cast.append(Character(name, each.look_zh, each.look_en))
    return tuple(cast)


def with_looks(prompt: str, cast: Sequence[Character], *, who: str, narration: str) -> str:
    """The prompt with the looks of those whom the scene shows: whom the model names, or the narration or the prompt does."""
    shown = [each for each in cast if any(_named(each.name, text) for text in (who, narration, prompt))]
    looks = [each.look_en or each.look_zh for each in shown[:MOST_SHOWN]]
    missing = [look for look in looks if look and look.casefold() not in prompt.casefold()]
    return "; ".join([prompt.rstrip(" .。;；"), *missing]) if missing else prompt


def _named(name: str, text: str) -> bool:
    if name.isascii():
        return re.search(rf"\b{re.escape(name)}\b", text, re.I) is not None
    return name in text
