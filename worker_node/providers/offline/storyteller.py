"""The offline storyteller: a storyboard by rules. Narrations are the story itself (`shots`), prompts name what the words show."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field

from worker_node.providers.base import Report, Scene, StoryRequest
from worker_node.providers.offline.lexicon import Lexicon, lexicon
from worker_node.providers.offline.sentences import is_chinese, speakable
from worker_node.providers.offline.shots import divide

PEOPLE = ("girl", "boy", "elder", "woman", "man", "astronaut", "robot")
ANIMALS = ("cat", "dog", "fox", "wolf", "rabbit", "bear", "polar_bear", "horse", "deer", "owl", "whale", "dragon")
CHARACTERS = PEOPLE + ANIMALS
LIGHTS = ("moon", "star", "sun")
EXCERPT = {"zh": 48, "en": 160}
TITLE = {"zh": 12, "en": 40}
MOST_SUBJECTS = 3

MUSIC = {
    "joyful": {"zh": "轻快 欢乐 尤克里里", "en": "joyful light ukulele"},
    "sad": {"zh": "忧伤 缓慢 大提琴", "en": "sad slow cello"},
    "tense": {"zh": "紧张 鼓点 弦乐", "en": "tense drums strings"},
    "mysterious": {"zh": "神秘 空灵 钟琴", "en": "mysterious ethereal celesta"},
    "heroic": {"zh": "昂扬 史诗 管弦乐", "en": "heroic epic orchestra"},
    "warm": {"zh": "温馨 柔和 吉他", "en": "warm gentle guitar"},
    "calm": {"zh": "宁静 舒缓 钢琴", "en": "calm peaceful piano"},
}
VIEWS = {
    "zh": ("远景空镜", "特写", "俯瞰", "逆光剪影", "仰视"),
    "en": ("wide establishing view", "close-up", "view from above", "backlit silhouettes", "low angle"),
}
_CLAUSES = re.compile(r"[，。！？!?…；;：:、,\n「」『』“”\"（）()—]+|\.(?=\s|$)")
_LATIN_REST = re.compile(r"([^\W_㐀-鿿]+|.)$")  # the word that a cut went through, or the one character too many


@dataclass
class _Context:
    """What stays true until the story says otherwise: night remains night, and she remains the girl."""

    time: str = ""
    place: str = ""
    weather: str = ""
    season: str = ""
    character: str = ""
    mood: str = "calm"
    subjects: list[str] = field(default_factory=list)


class OfflineStoryteller:
    """Splits by punctuation and length, describes by `lexicon.json`; the same story gives the same storyboard."""

    def __init__(self) -> None:
        self._lexicon: Lexicon = lexicon()

    def tell(self, request: StoryRequest, report: Report) -> list[Scene]:
        """Exactly `request.shots` scenes, in the story's main language."""
        report(10, "正在划分镜头")
        language = "zh" if is_chinese(request.story) else "en"
        narrations = divide(request.story.strip(), request.shots)
        context = _Context()
        scenes: list[Scene] = []
        told, silent = "", 0
        for number, narration in enumerate(narrations, 1):
            if narration:
                told, silent = narration, 0
                self._read(narration, context)
            else:
                silent += 1
            view = VIEWS[language][(silent - 1) % len(VIEWS[language])] if silent else ""
            prompt = self._prompt(told, context, view, request.style, language)
            title = self._title(told, number, language)
            scenes.append(Scene(title, prompt, narration, MUSIC[context.mood][language]))
            if number % 5 == 0:
                report(10 + 85 * number // len(narrations), f"正在撰写分镜 {number}/{len(narrations)}")
        return scenes

    def _read(self, text: str, context: _Context) -> None:
        hits = self._lexicon.hits(text)
        found: dict[str, list[str]] = {}
        for hit in hits:
            found.setdefault(hit.category, []).append(hit.concept)
        if found.get("place"):
            if context.place and found["place"][-1] != context.place:
                context.weather = ""  # the weather of another place is not known
            context.place = found["place"][-1]
        context.time = found["time"][-1] if found.get("time") else context.time
        context.season = found["season"][-1] if found.get("season") else context.season
        if found.get("weather"):
            context.weather = found["weather"][-1]
        context.mood = Counter(found["mood"]).most_common(1)[0][0] if found.get("mood") else context.mood
        subjects = list(dict.fromkeys(found.get("subject", [])))
        new_characters = [subject for subject in subjects if subject in CHARACTERS]
        if new_characters:
            context.character = new_characters[0]
        elif context.character:
            subjects.insert(0, context.character)
        context.subjects = subjects or context.subjects

    def _prompt(self, text: str, context: _Context, view: str, style: str, language: str) -> str:
        say = self._lexicon.say
        characters = [subject for subject in context.subjects if subject in CHARACTERS]
        things = [s for s in context.subjects if s not in CHARACTERS and s not in LIGHTS]
        lights = [s for s in context.subjects if s in LIGHTS]
        # What is named first fills the picture: people and animals before things, the lights of the sky last.
        shown = (characters[:2] + things)[:MOST_SUBJECTS] + lights[:1]
        parts = [say("subject", subject, language) for subject in shown]
        for category, concept in (
            ("place", context.place),
            ("season", context.season),
            ("time", context.time),
            ("weather", context.weather),
        ):
            if concept:
                parts.append(say(category, concept, language))
        mood = say("mood", context.mood, language)
        parts.append(f"{mood}的氛围" if language == "zh" else f"{mood} mood")
        if view:
            parts.append(view)
        if style.strip():
            parts.append(f"{style.strip()}风格" if language == "zh" else f"{style.strip()} style")
        comma, colon = ("，", "：") if language == "zh" else (", ", ": ")
        return self._excerpt(text, language) + colon + comma.join(parts)

    def _excerpt(self, text: str, language: str) -> str:
        flat = " ".join(text.split())
        if len(flat) <= EXCERPT[language]:
            return flat.rstrip("。.，,：:")
        short = flat[: EXCERPT[language]]
        return short if language == "zh" else short.rsplit(" ", 1)[0]

    def _title(self, text: str, number: int, language: str) -> str:
        """The clause that names most, cut to a title's length."""
        clauses = [clause.strip() for clause in _CLAUSES.split(text) if clause and speakable(clause)]
        if not clauses:
            return f"第 {number} 幕" if language == "zh" else f"Scene {number}"
        longest = TITLE[language]

        def worth(clause: str) -> tuple[int, bool, int]:
            return min(3, len(self._lexicon.hits(clause))), len(clause) <= longest, -clauses.index(clause)

        best = max(clauses, key=worth)
        if len(best) <= longest:
            return best
        return _LATIN_REST.sub("", best[: longest + 1]).strip() or best[:longest]
