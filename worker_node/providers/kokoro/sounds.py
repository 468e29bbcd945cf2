"""What is said of a stretch of text: the model's symbols, each with where it stands in that text."""

from __future__ import annotations

from typing import NamedTuple

_MARKS = {
    "，": ", ", "、": ", ", ",": ", ", "；": "; ", ";": "; ", "：": ": ", ":": ": ", "。": ". ", ".": ". ", "．": ". ", "｡": ". ",
    "！": "! ", "!": "! ", "？": "? ", "?": "? ", "…": "… ", "—": "— ", "–": "— ", "\n": " ", " ": " ",
    "“": " “", "”": "” ", "「": " “", "」": "” ", "『": " “", "』": "” ", '"': " ", "（": " (", "）": ") ", "(": " (", ")": ") ",
}  # fmt: skip
_BEFORE = frozenset(" “(")
ENDS = frozenset(",;:.!?…—”)")  # a pause


class Sound(NamedTuple):
    """Symbols of the model for the characters from `start` to `end`; a mark's are pauses."""

    symbols: str
    start: int
    end: int
    pause: bool = False


def mark(character: str, position: int) -> Sound | None:
    """The pause that a mark is, None for one that is not heard."""
    symbols = _MARKS.get(character)
    return Sound(symbols, position, position + 1, pause=True) if symbols else None


def tidy(sounds: list[Sound]) -> list[Sound]:
    """Without a pause at the start, without two blanks in a row, and of several marks in a row the first alone."""
    kept: list[Sound] = []
    written = " "
    for sound in sounds:
        symbols = sound.symbols
        if sound.pause:
            if written.strip() == "" or _is_mark(written):
                symbols = "".join(symbol for symbol in symbols if symbol in _BEFORE)
            symbols = symbols.lstrip() if written.endswith(" ") else symbols
        if symbols:
            kept.append(sound._replace(symbols=symbols))
            written = symbols if symbols.strip() else written.rstrip() + " "
    return kept


def _is_mark(written: str) -> bool:
    return written.strip()[-1:] in ENDS - {"”", ")"}
