"""A syllable of Mandarin in the symbols of the model: initial, final, tone behind the vowel."""

from __future__ import annotations

import re
from functools import lru_cache

TONES = {"1": "→", "2": "↗", "3": "↓", "4": "↘", "5": ""}
_INITIALS = {
    "b": "p", "p": "pʰ", "m": "m", "f": "f", "d": "t", "t": "tʰ", "n": "n", "l": "l", "g": "k", "k": "kʰ", "h": "x", "j": "ʨ", "q": "ʨʰ",
    "x": "ɕ", "zh": "ꭧ", "ch": "ꭧʰ", "sh": "ʂ", "r": "ɻ", "z": "ʦ", "c": "ʦʰ", "s": "s", "": "",
}  # fmt: skip
_FINALS = {  # before the tone, behind it
    "a": ("a", ""), "o": ("wo", ""), "e": ("ɤ", ""), "ê": ("ɛ", ""), "er": ("ɚ", ""), "i": ("i", ""), "u": ("u", ""), "v": ("y", ""),
    "ai": ("ai", ""), "ei": ("ei", ""), "ao": ("au", ""), "ou": ("ou", ""), "an": ("a", "n"), "en": ("ə", "n"), "ang": ("a", "ŋ"),
    "eng": ("ə", "ŋ"), "ong": ("ʊ", "ŋ"), "ia": ("ja", ""), "ie": ("je", ""), "iao": ("jau", ""), "iu": ("jou", ""), "ian": ("jɛ", "n"),
    "in": ("i", "n"), "iang": ("ja", "ŋ"), "ing": ("i", "ŋ"), "iong": ("jʊ", "ŋ"), "io": ("jɔ", ""), "ua": ("wa", ""), "uo": ("wo", ""),
    "uai": ("wai", ""), "ui": ("wei", ""), "uan": ("wa", "n"), "un": ("wə", "n"), "uang": ("wa", "ŋ"), "ueng": ("wə", "ŋ"),
    "ve": ("ɥe", ""), "van": ("ɥɛ", "n"), "vn": ("y", "n"),
}  # fmt: skip
_BUZZING = {"zh", "ch", "sh", "r", "z", "c", "s"}  # after these an i is no i
_WITHOUT_INITIAL = {  # as pinyin spells finals that stand alone
    "yi": "i", "ya": "ia", "ye": "ie", "yao": "iao", "you": "iu", "yan": "ian", "yin": "in", "yang": "iang", "ying": "ing",
    "yong": "iong", "yo": "io", "wu": "u", "wa": "ua", "wo": "uo", "wai": "uai", "wei": "ui", "wan": "uan", "wen": "un", "wang": "uang",
    "weng": "ueng", "yu": "v", "yue": "ve", "yuan": "van", "yun": "vn",
}  # fmt: skip
_INTERJECTIONS = {
    "o": ("ɔ", ""),
    "lo": ("lɔ", ""),
    "n": ("ə", "n"),
    "ng": ("ə", "ŋ"),
    "m": ("m", ""),
    "hm": ("xm", ""),
    "hng": ("xə", "ŋ"),
}
_SYLLABLE = re.compile(r"(zh|ch|sh|[bpmfdtnlgkhjqxrzcs]?)([aeiouvê]+(?:ng|n|r)?)")


@lru_cache(maxsize=4096)
def symbols(pinyin: str, rhotic: bool = False) -> str:
    """`zhong1` as the model's symbols, "" for what is no syllable. A `rhotic` one loses the n or i at its end to the 儿 that follows."""
    spelling, tone = pinyin.rstrip("12345"), TONES[pinyin[-1]] if pinyin[-1:] in TONES else ""
    initial, sound = _parts(spelling)
    if sound is None:
        return ""
    vowel, coda = sound
    if rhotic:
        vowel = vowel[:-1] if vowel.endswith(("ai", "ei")) else vowel
        coda = "" if coda == "n" else coda
    return _INITIALS[initial] + vowel + tone + coda


def _parts(spelling: str) -> tuple[str, tuple[str, str] | None]:
    if spelling in _INTERJECTIONS:
        return "", _INTERJECTIONS[spelling]
    if spelling in _WITHOUT_INITIAL:
        return "", _FINALS[_WITHOUT_INITIAL[spelling]]
    found = _SYLLABLE.fullmatch(spelling)
    if found is None:
        return "", None
    initial, final = found.groups()
    if initial in _BUZZING and final == "i":
        return initial, ("ɨ", "")
    if initial in ("j", "q", "x") and final[:1] == "u":
        final = "v" + final[1:]
    return initial, _FINALS.get("ve" if final == "ue" else final)
