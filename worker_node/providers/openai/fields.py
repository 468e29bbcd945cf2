"""What a server of OpenAI's form takes beyond the form's core differs: found out by asking, once in a process."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from worker_node.providers.http_errors import Refused
from worker_node.providers.sizes import Size, nearest, size_of

Answer = TypeVar("Answer")
REFUSALS = (400, 422)
MOST_TRIES = 12
OPENAI_SIZES: tuple[Size, ...] = ((1024, 1024), (1536, 1024), (1024, 1536))
SIZES_OF: dict[str, tuple[Size, ...]] = {
    "gpt-image": OPENAI_SIZES,
    "dall-e-3": ((1024, 1024), (1792, 1024), (1024, 1792)),
    "dall-e-2": ((256, 256), (512, 512), (1024, 1024)),
    "qwen-image": ((1328, 1328), (1664, 928), (928, 1664), (1472, 1140), (1140, 1472)),
    "sora": ((1280, 720), (720, 1280)),
}
"""Sizes that models are known to have, by the beginning of their names."""
_SIZE = re.compile(r"\b([1-9][0-9]{1,3})\s?[xX×*]\s?([1-9][0-9]{1,3})\b")
_OF_SIZE = re.compile(r"\bsizes?\b|resolution|width|height|aspect|尺寸|分辨率|宽|高", re.I)
_NUMBER = re.compile(r"(?<![\w.])[0-9]{1,3}(?:\.[0-9]{1,3})?(?![\w.])")


class Fields:
    """The optional fields that a server was found not to take."""

    def __init__(self) -> None:
        self._refused: set[str] = set()

    def taken(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Those of the given ones that have a value and that the server may take."""
        return {name: value for name, value in given.items() if value not in (None, "") and name not in self._refused}

    def learn(self, refused: Refused, sent: Mapping[str, Any]) -> bool:
        """Note those of the fields that a refusal names; whether there is any."""
        named = {name for name in sent if re.search(rf"(?<![\w]){re.escape(name)}(?![\w])", refused.said)}
        self._refused |= named
        return bool(named)


class Sizes:
    """The sizes that a server has: those of its settings, else known for its model, else named in its refusals; any where none are."""

    def __init__(self, listed: Sequence[str] = ()) -> None:
        self._listed = [size_of(text) for text in listed]
        self._found: dict[str, list[Size]] = {}
        self._refused: dict[str, set[Size]] = {}

    def nearest(self, model: str, wanted: Size) -> Size:
        """The one that loses least when it is cut to the wanted shape, and is nearest in size among those."""
        return nearest(self._of(model), wanted) if self._of(model) else wanted

    def learn(self, refused: Refused, model: str, asked: Size) -> bool:
        """Note the sizes that a refusal of this one names, or OpenAI's; whether there is now another one to ask for."""
        named = [(int(width), int(height)) for width, height in _SIZE.findall(refused.said)]
        if not named and not _OF_SIZE.search(refused.said):
            return False
        tried = self._refused.setdefault(model, set())
        tried.add(asked)
        others = [size for size in named if size not in tried] or [size for size in OPENAI_SIZES if size not in tried]
        if others:
            self._found[model] = others
        return bool(others)

    def _of(self, model: str) -> Sequence[Size]:
        if model in self._found or self._listed:
            return self._found.get(model) or self._listed
        name = model.lower().rpartition("/")[2]
        return next((sizes for begin, sizes in SIZES_OF.items() if name.startswith(begin)), ())


def least_of(said: str, wanted: float, asked: float) -> float | None:
    """Of the lengths (seconds) that a refusal names the shortest that is long enough, else the longest; None where it names none."""
    named = sorted({float(number) for number in _NUMBER.findall(said)} - {asked, 0.0})
    return next((seconds for seconds in named if seconds >= wanted), named[-1]) if named else None


def asked_until_taken(ask: Callable[[], Answer], learn: Callable[[Refused], bool]) -> Answer:
    """What `ask` returns, asked again for as long as something is learnt from its refusals; raises the last one."""
    for _ in range(MOST_TRIES):
        try:
            return ask()
        except Refused as refused:
            if refused.status not in REFUSALS or not learn(refused):
                raise
    return ask()
