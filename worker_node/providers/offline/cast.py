"""Who is in a story: names, pronouns, and looks that stay the same from shot to shot, so that images made one by one fit together."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field

from worker_node.providers.offline.lexicon import Hit, Lexicon

WOMEN, MEN, OTHERS = ("girl", "woman", "granny"), ("boy", "man", "elder", "astronaut"), ("robot",)
PEOPLE = WOMEN + MEN + OTHERS
ANIMALS = ("cat", "dog", "fox", "wolf", "rabbit", "bear", "polar_bear", "horse", "deer", "owl", "whale", "dragon")
CHARACTERS = PEOPLE + ANIMALS
MOST_PRESENT = 3
MOST_NAMES = 64  # a text that gives more is a list of names; each of them is looked for in every shot

# Colours to draw from where the story names none; what is not here looks as nature made it.
LOOKS = {
    "girl": ("red", "yellow", "pink", "purple", "green"),
    "boy": ("blue", "green", "orange", "red"),
    "woman": ("purple", "red", "green", "blue"),
    "man": ("blue", "brown", "green", "grey"),
    "cat": ("orange", "black", "white", "grey"),
    "rabbit": ("white", "grey", "brown"),
    "robot": ("blue", "orange", "green"),
    "dragon": ("green", "red", "blue"),
}
CLOTHES = {
    "girl": ("裙子", "dress"),
    "woman": ("裙子", "dress"),
    "boy": ("外套", "coat"),
    "man": ("外套", "coat"),
    "elder": ("长袍", "robe"),
    "granny": ("长袍", "robe"),
}
_ARTICLE_FREE = re.compile(r"(?:.*[^s]s|children|people|men|women|wolves|geese|someone|deer|fish)$")
_OWNED = re.compile(r"(?:'s|’s|s'|家|的家|的房|的小屋|的店|的信|的声音)")
_NAMED_ZH = re.compile(
    r"[^，。！？；]{0,6}?(?:名叫|名字叫|叫做|叫作|叫)([\u4e00-\u9fffA-Za-z]{2,8}?)(?=[，。！？；,.\s]|$)"
)
_NAMED_EN = re.compile(r"\w*(?: \w+)? (?:named|called) ([A-Z]\w+)")
_PRONOUNS = (
    (WOMEN, re.compile(r"她(?!们)|(?i:\b(?:she|her|herself)\b)"), "girl"),
    (MEN, re.compile(r"他(?!们)|(?i:\b(?:he|him|his|himself)\b)"), "man"),
    (ANIMALS + OTHERS, re.compile(r"它(?!们)|(?i:\bit\b)"), ""),
)
_BOTH = re.compile(r"[他她它]们|(?i:\b(?:they|them|their|together)\b)|一起")


def shown(text: str, hits: list[Hit]) -> list[Hit]:
    """The hits without owners of something else: grandmother's attic does not show her."""
    ends = ((hit, hit.position + len(hit.word)) for hit in hits)
    return [hit for hit, end in ends if hit.concept not in CHARACTERS or not _OWNED.match(text[end : end + 4])]


@dataclass
class Cast:
    """The characters of one story, read shot by shot in order."""

    lexicon: Lexicon
    story: str
    language: str
    present: list[str] = field(default_factory=list)
    _known: list[str] = field(default_factory=list)
    _words: dict[str, str] = field(default_factory=dict)
    _names: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._told = self.lexicon.coloured(self.story)

    def read(self, text: str, hits: list[Hit]) -> None:
        """Who is in this shot: whom the text names, or means by a name or a pronoun; where it does neither, who was there before."""
        seen: list[str] = []
        for hit in hits:
            if hit.category == "subject" and hit.concept in CHARACTERS:
                end = hit.position + len(hit.word)
                self._words[hit.concept] = hit.word
                self._name(text[end : end + 32], hit.concept)
                seen.append(hit.concept)
        for name, concept in self._names.items():
            if name in text:
                seen.append(concept)
        for kinds, pattern, unknown in _PRONOUNS:
            if pattern.search(text) and not set(kinds) & set(seen):
                meant = next((each for each in reversed(self._known) if each in kinds), "")
                if not meant and not self._known and not seen:
                    meant = unknown  # a story that begins with "she"
                seen += [meant] if meant else []
        if _BOTH.search(text):
            seen += self._known[-2:]
        new = list(dict.fromkeys(seen))
        self._known = [each for each in self._known if each not in new] + new
        self.present = (new or self.present)[:MOST_PRESENT]

    def _name(self, following: str, concept: str) -> None:
        found = _NAMED_ZH.match(following) or _NAMED_EN.match(following)
        if found and (len(self._names) < MOST_NAMES or found.group(1) in self._names):
            self._names[found.group(1)] = concept

    def describe(self, concept: str) -> str:
        """A character for a prompt, by the story's own word where it is in the prompt's language, with its colour."""
        word = self._words.get(concept, "")
        colour = self._colour(concept)
        shade = self.lexicon.say("colour", colour, self.language) if colour else ""
        clothes = CLOTHES.get(concept)
        if self.language == "zh":
            name = word if word and not word.isascii() else self.lexicon.say("subject", concept, "zh")
            if not colour or shade[0] in name:
                return name
            return f"穿{shade}{clothes[0]}的{name}" if clothes else f"{shade}的{name}"
        name = word if word.isascii() and word else self.lexicon.say("subject", concept, "en").split(" ", 1)[1]
        looks = "" if clothes or not shade or shade in name else shade + " "
        worn = f" in a {shade} {clothes[1]}" if clothes and shade else ""
        return with_article(looks + name) + worn

    def _colour(self, concept: str) -> str:
        if concept in self._told:
            return self._told[concept]
        choices = LOOKS.get(concept)
        if not choices:
            return ""
        digest = hashlib.sha256(f"{self.story}\0{concept}".encode()).digest()
        return choices[digest[0] % len(choices)]


def with_article(name: str) -> str:
    """An English noun with "a" or "an", a plural without."""
    if _ARTICLE_FREE.match(name):
        return name
    return ("an " if name[:1] in "aeiou" else "a ") + name
