"""Splitting a text into runs of one script, so that each is spoken by a voice that can read it."""

from __future__ import annotations

import re

CHINESE, ENGLISH = "zh", "en"

_HAN = r"\u2e80-\u2fdf\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_LATIN = r"A-Za-z\u00c0-\u024f"
_LETTER = re.compile(rf"(?P<zh>[{_HAN}])|(?P<en>[{_LATIN}])")
_SPOKEN = re.compile(rf"[{_HAN}{_LATIN}0-9]")


def is_spoken(text: str) -> bool:
    """Whether there is a letter or a digit to be spoken: a text of punctuation and emoji is silent."""
    return _SPOKEN.search(text) is not None


def script_runs(text: str, lang: str) -> list[tuple[str, str]]:
    """(language, run) in order; the runs joined are the text.

    Digits, blanks and punctuation belong to the run that they follow (at the start: that they precede). A text without a letter is read in
    `lang`.
    """
    runs: list[tuple[str, str]] = []
    start = 0
    current = ""
    for match in _LETTER.finditer(text):
        language = CHINESE if match["zh"] else ENGLISH
        if current and language != current:
            runs.append((current, text[start : match.start()]))
            start = match.start()
        current = language
    default = CHINESE if lang.lower().startswith(("zh", "cmn")) else ENGLISH
    if start < len(text):
        runs.append((current or default, text[start:]))
    return runs
