"""Whether a sound can be the speech of a text: it is there, is heard to its end, and has about the length that the text takes to say.

For the provider of a real model, which may answer with nothing, with half of the text or with the same sentence twice.
"""

from __future__ import annotations

import unicodedata
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_SILENT_DB = -60.0  # a peak below that is none
_QUIET_DB = -38.0  # under the loudest tenth: no voice
_CUT_OFF_DB = -10.0  # under the voice's level: a voice that has not stopped
_BLOCK_S, _END_S = 0.02, 0.004
_TAIL_KEPT_S = 0.18
_SLACK_S = 0.7  # that a short text may take longer than its letters say: a breath, a slow last word
# A second for so many units at speed 1: the fastest that anybody speaks, and the slowest; a pause for each mark beside it.
_FASTEST, _SLOWEST = 14.0, 2.8  # syllables
_PAUSE_S = 0.4
_LETTERS_OF_A_SYLLABLE = {
    "LATIN": 3.0,
    "CYRILLIC": 2.4,
    "GREEK": 2.2,
    "ARABIC": 1.8,
    "HEBREW": 1.8,
    "DEVANAGARI": 1.5,
    "THAI": 2.2,
}
_SYLLABLES = frozenset({"CJK", "HIRAGANA", "KATAKANA", "HANGUL"})  # one a character
_DIGIT, _SIGN = (1.0, 3.0), (0.0, 4.0)  # syllables, at least and at most
_MARKS = frozenset("，。！？；：、,.!?;:…—\n")


class _Syllables(NamedTuple):
    least: float
    most: float


def check_speech(samples: NDArray[np.float32], rate: int, text: str, speed: float = 1.0) -> str | None:
    """What is wrong with mono samples (-1 to 1) as the speech of a text at a factor of speed, in Chinese for the user; None where they
    can be it. A text without anything to say may have any sound."""
    expected = _syllables(text)
    peak = float(np.max(np.abs(samples))) if samples.size else 0.0
    if not samples.size:
        return "语音是空的"
    if not np.isfinite(peak):
        return "语音数据已损坏"
    if not expected.most:
        return None
    if peak < 10 ** (_SILENT_DB / 20):
        return "语音没有声音"
    levels = _levels(samples, rate)
    return _wrong_length(levels, expected, text, speed) or (
        "语音在结尾处被截断" if _cut_off(samples, rate, levels) else None
    )


def _wrong_length(levels: NDArray[np.float64], expected: _Syllables, text: str, speed: float) -> str | None:
    first, last = _heard(levels)
    seconds = (last - first) * _BLOCK_S
    shortest = expected.least / _FASTEST / speed
    marks = sum(character in _MARKS for character in text)
    longest = (expected.most / _SLOWEST + marks * _PAUSE_S + _SLACK_S) / speed
    if seconds < shortest:
        return f"语音太短：只有 {seconds:.1f} 秒，这段文字至少要 {shortest:.1f} 秒"
    if seconds > longest:
        return f"语音太长：有 {seconds:.1f} 秒，这段文字最多 {longest:.1f} 秒，可能有重复"
    return None


def without_long_end(samples: NDArray[np.float32], rate: int) -> NDArray[np.float32]:
    """The samples without the silence behind the last sound, but for a breath."""
    if not samples.size or float(np.max(np.abs(samples))) < 10 ** (_SILENT_DB / 20):
        return samples
    _, last = _heard(_levels(samples, rate))
    return samples[: round(last * _BLOCK_S * rate + _TAIL_KEPT_S * rate)]


def _levels(samples: NDArray[np.float32], rate: int) -> NDArray[np.float64]:
    """RMS of blocks of 20 ms in dB; the last block may be shorter."""
    block = max(1, round(_BLOCK_S * rate))
    squares = np.square(samples.astype(np.float64))
    starts = np.arange(0, samples.size, block)
    sizes = np.minimum(block, samples.size - starts)
    return np.asarray(10 * np.log10(np.add.reduceat(squares, starts) / sizes + 1e-12))


def _voice(levels: NDArray[np.float64]) -> float:
    """The level of the voice: what its loudest tenth begins at."""
    return float(np.percentile(levels, 90)) if levels.size > 10 else float(levels.max())


def _heard(levels: NDArray[np.float64]) -> tuple[int, int]:
    """From which block to which something is heard."""
    loud = np.flatnonzero(levels > max(_voice(levels) + _QUIET_DB, float(levels.max()) - 60))
    return int(loud[0]), int(loud[-1]) + 1


def _cut_off(samples: NDArray[np.float32], rate: int, levels: NDArray[np.float64]) -> bool:
    """Whether the voice is as loud as in a vowel up to the last sample."""
    end = samples[-max(1, round(_END_S * rate)) :].astype(np.float64)
    last = min(float(10 * np.log10(np.mean(np.square(end)) + 1e-12)), float(levels[-2:].min()))
    return last > _voice(levels) + _CUT_OFF_DB


def _syllables(text: str) -> _Syllables:
    least = most = 0.0
    for at, character in enumerate(text):
        if character.isalpha():
            beside = text[max(0, at - 1) : at] + text[at + 1 : at + 2]
            fewest, greatest = _of_letter(character, alone=not any(map(str.isalpha, beside)))
            least, most = least + fewest, most + greatest
        elif character.isdigit():
            least, most = least + _DIGIT[0], most + _DIGIT[1]
        elif unicodedata.category(character)[0] == "S":
            least, most = least + _SIGN[0], most + _SIGN[1]
    return _Syllables(least, most if any(map(str.isalnum, text)) else 0.0)


def _of_letter(character: str, *, alone: bool) -> tuple[float, float]:
    """How many syllables a letter or a character is, at least and at most: how many letters a syllable has differs from word to word, and
    abbreviations, and letters that stand alone, are spelt."""
    script = unicodedata.name(character, "").partition(" ")[0].partition("-")[0]
    if script in _SYLLABLES:
        return 1.0, 1.0
    count = 1 / _LETTERS_OF_A_SYLLABLE.get(script, 2.0)
    if script != "LATIN":
        return count * 0.7, count * 1.6
    return count * 0.75, count * 1.25 + (character.isupper() or alone)
