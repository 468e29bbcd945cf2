"""A few words over a shot: a clause of its own where one is short enough, else what it shows and where."""

from __future__ import annotations

import re

from worker_node.providers.offline.boundaries import ends_sentence, whole_spans
from worker_node.providers.offline.cast import CHARACTERS, shown
from worker_node.providers.offline.lexicon import Hit, Lexicon
from worker_node.providers.offline.sentences import is_chinese, shortened, speakable, word_cuts

WHOLE = {"zh": 9, "en": 30}
LONGEST = {"zh": 12, "en": 44}
SETTINGS = ("weather", "time", "place", "season")
IN_WEATHER = {
    "rain": ("雨中", "in the rain"),
    "storm": ("风雨中", "in the storm"),
    "snow": ("雪中", "in the snow"),
    "fog": ("雾中", "in the mist"),
    "cloudy": ("阴天", "under grey skies"),
    "clear": ("晴天", "under a clear sky"),
}
NIGHTS = {
    "rain": ("雨夜", "on a rainy night"),
    "storm": ("风雨夜", "on a stormy night"),
    "snow": ("雪夜", "on a snowy night"),
}
_CLAUSES = re.compile(r"[，。！？!?…；;：:、,\n「」『』“”«»„\"（）()—।؟۔،]+|\.(?=\s|$)")
_EMPTY = re.compile(
    r"有?一天|从前|很久以前|后来|然后|第二天|那天|终于|忽然|突然|one day|once upon a time|finally|then|suddenly|later",
    re.I,
)
_LOOSE_START = re.compile(
    r"^(?:(?:and|but|so|then|or|until|when|as)\s+|(?:于是|然后|但是|可是|而且|并且|从此|终于)(?=.{3}))", re.I
)
_LOOSE_END = re.compile(
    r"(?:\s+(?:a|an|the|of|to|in|on|at|by|with|and|or|for|from|its|his|her|their|where|that|which|it|was|is|behind|into|through|under|over|beside|until|when|as|\S+['’]s))+$",
    re.I,
)


def title(candidates: list[str], number: int, language: str, taken: set[str]) -> str:
    """The title of shot `number`; one that is taken is used again only where the text gives no other (`title_candidates`)."""
    plain = f"第 {number} 幕" if language == "zh" else f"Scene {number}"
    fresh = next((each for each in candidates if each not in taken), None)
    return fresh or (candidates[0] if candidates else plain)


def title_candidates(text: str, language: str, lexicon: Lexicon) -> list[str]:
    """What a shot of this text may be called, the best first."""
    clauses = [_LOOSE_START.sub("", clause) for clause in _clauses(text) if speakable(clause)]
    clauses = [each for each in clauses if not _EMPTY.fullmatch(each)] or clauses
    worth = {clause: len(lexicon.hits(clause)) for clause in clauses}
    telling = sorted((each for each in clauses if worth[each]), key=lambda each: -min(3, worth[each]))
    short = [each for each in clauses if len(each) <= _limit(each, WHOLE)]
    rest = [each for each in clauses if len(each) <= _limit(each, LONGEST)]
    pairs, names = _named(shown(text, lexicon.hits(text)), language, lexicon)
    best = [each for each in telling if len(each) <= _limit(each, WHOLE)][:1]
    cut = [_shortened(each) for each in (telling or clauses)[:1]]
    return [_capital(each) for each in (*best, *pairs, *short, *rest, *names, *cut) if each]


def _clauses(text: str) -> list[str]:
    inside = {position for start, end in whole_spans(text) for position in range(start, end)}
    clauses, start = [], 0
    for mark in _CLAUSES.finditer(text):
        if mark.start() not in inside and (mark.group() != "." or ends_sentence(text, mark.start())):
            clauses.append(text[start : mark.start()].strip())
            start = mark.end()
    return [*clauses, text[start:].strip()]


def _limit(clause: str, limits: dict[str, int]) -> int:
    return limits["zh" if is_chinese(clause) else "en"]


def _capital(name: str) -> str:
    return name if "://" in name.split(" ", 1)[0] else name[:1].upper() + name[1:]


def _named(hits: list[Hit], language: str, lexicon: Lexicon) -> tuple[list[str], list[str]]:
    """What is shown together with where or when or with what else; and each by itself."""
    subjects: dict[str, str] = {}
    for hit in hits:
        if hit.category == "subject":
            own = hit.concept in CHARACTERS and hit.word.isascii() == (language == "en")
            said = lexicon.say("subject", hit.concept, language)
            subjects.setdefault(hit.concept, hit.word if own else re.sub(r"^(?:an?|the) ", "", said))
    names, settings = list(subjects.values()), _settings(hits, language, lexicon)
    if language == "zh":
        return [f"{where}的{name}" for where in settings for name in names] + ["和".join(names[:2])] * (
            len(names) > 1
        ), names
    names = [f"the {name}" for name in names]
    return [f"{name} {where}" for where in settings for name in names] + [" and ".join(names[:2])] * (
        len(names) > 1
    ), names


def _settings(hits: list[Hit], language: str, lexicon: Lexicon) -> list[str]:
    found = {hit.category: hit.concept for hit in hits if hit.category in SETTINGS and hit.concept != "room"}
    at = 0 if language == "zh" else 1
    if found.get("time") == "night" and found.get("weather") in NIGHTS:
        return [NIGHTS[found["weather"]][at]]
    return [
        IN_WEATHER[found[category]][at] if category == "weather" else lexicon.say(category, found[category], language)
        for category in SETTINGS
        if category in found
    ]


def _shortened(clause: str) -> str:
    """Cut between words, without words that lead nowhere."""
    longest = _limit(clause, LONGEST)
    if len(clause) <= longest:
        return clause
    cuts = [cut for cut in word_cuts(clause) if cut <= longest]
    short = clause[: cuts[-1]].strip() if cuts else shortened(clause, longest)
    return _LOOSE_END.sub("", short) or short
