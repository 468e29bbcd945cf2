"""How English is said: hibari's dictionaries, numbers and rules, in the symbols that both of the models share."""

from __future__ import annotations

import re
import unicodedata

from worker_node.providers.kokoro.sounds import Sound, mark
from worker_node.providers.offline.readings import named

_READ_BY_HIBARI = "+%$€£¥¢₹₩°#&@="
_METRES = re.compile(
    r"(?<![\w.])(?<!\d,)(\d+(?:[.,]\d+)*)\s?(m|g|l|L)(?![\w'’])"  # from where a number begins, once
)  # too short for hibari, which knows the longer ones
_UNITS = {"m": "meter", "g": "gram", "l": "liter"}
_PLAIN_LETTERS = {
    "æ": "ae",
    "œ": "oe",
    "ø": "o",
    "ß": "ss",
    "ł": "l",
    "đ": "d",
    "ð": "th",
    "þ": "th",
    "ı": "i",
    "ĳ": "ij",
}
_PLAIN_LETTERS |= {
    letter.upper(): plain.capitalize() for letter, plain in _PLAIN_LETTERS.items() if letter.upper() != letter
}


class English:
    """The dictionaries of American English; made on the first English word, as reading them takes half a second."""

    def __init__(self) -> None:
        from hibari.g2p import G2P  # noqa: PLC0415 - needed only where this provider runs
        from hibari.g2p.normalize import normalize  # noqa: PLC0415 - as above

        self._g2p, self._normalize = G2P(), normalize

    def sounds(self, text: str) -> tuple[str, list[Sound]]:
        """The text as it is read (numbers, dates and money by words), and what is said of that."""
        text = _METRES.sub(_in_metres, plain_letters(text))
        written = self._normalize(named(text, "en", keep=_READ_BY_HIBARI))
        found: list[Sound] = []
        read = ""
        for token in self._g2p.phonemize_tokens(self._g2p.tokenize(written)):
            symbols = token.phonemes or ""
            pause = mark(token.text[:1], len(read)) if token.text and not any(map(str.isalnum, token.text)) else None
            if pause is not None:
                found.append(pause._replace(end=len(read) + len(token.text)))
            elif symbols.strip():
                found.append(Sound(symbols, len(read), len(read) + len(token.text)))
            read += token.text + token.whitespace
            if token.whitespace:
                found.append(Sound(" ", len(read) - 1, len(read), pause=True))
        return read, found


def _in_metres(found: re.Match[str]) -> str:
    return f"{found[1]} {_UNITS[found[2].lower()]}" + "s" * (found[1] != "1")


def is_latin(character: str) -> bool:
    """Whether this is a letter of the Latin script, with or without marks."""
    return character.isascii() or character in _PLAIN_LETTERS or unicodedata.normalize("NFKD", character)[:1].isascii()


def plain_letters(text: str) -> str:
    """Without the marks on Latin letters, which the dictionaries do not know: café, naïve, Łódź."""
    spelled = "".join(_PLAIN_LETTERS.get(character, character) for character in text)
    return "".join(
        unicodedata.normalize("NFKD", character)[0] if character.isalpha() and is_latin(character) else character
        for character in spelled
        if unicodedata.category(character) != "Mn"
    )
