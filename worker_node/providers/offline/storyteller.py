"""The offline storyteller: a storyboard by rules. Narrations are the story itself (`shots`), prompts name what the words show."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field

from worker_node.providers.base import JobRun, Scene, Storyboard, StoryRequest
from worker_node.providers.offline.cast import CHARACTERS, Cast, shown
from worker_node.providers.offline.lexicon import Lexicon, lexicon
from worker_node.providers.offline.markup import plain
from worker_node.providers.offline.sentences import is_chinese, shortened
from worker_node.providers.offline.shots import divide
from worker_node.providers.offline.titles import title, title_candidates
from worker_node.providers.settings import ProviderSettings

LIGHTS = ("moon", "star", "sun")
EXCERPT = {"zh": 48, "en": 160}
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
BY_WATER = {"boat", "lighthouse", "whale"}
SUNLIT = re.compile(
    r"(?<!没有)(?<!不见)(?:阳光|太阳|艳阳|烈日|日出|日落|落日|朝阳|夕阳|晨光|晨曦|朝霞|晚霞|余晖)|"
    r"(?i:(?<!no )\b(?:sun|sunrise|sunset|sunlight|sunshine|sunny|sunlit|daylight|first light)\b)"
)  # no rain falls where this is said, whatever the weather was
NEXT_DAY = re.compile(r"第二天|次日|隔天|翌日|(?i:next (?:day|morning))")


@dataclass
class _Context:
    """What stays true until the story says otherwise: night remains night, and she remains the girl in the red dress."""

    cast: Cast
    time: str = ""
    place: str = ""
    weather: str = ""
    season: str = ""
    mood: str = "calm"
    things: list[str] = field(default_factory=list)


class OfflineStoryteller:
    """Splits by punctuation and length, describes by `lexicon.json`; the same story gives the same storyboard.

    Prompts are in the story's main language unless `prompts` names one ("zh", "en").
    """

    def __init__(self, _settings: ProviderSettings | None = None, *, prompts: str = "") -> None:
        self._lexicon: Lexicon = lexicon()
        self._prompts = prompts

    def tell(self, request: StoryRequest, run: JobRun) -> Storyboard:
        """Exactly `request.shots` scenes, in the story's main language."""
        run.report(10, "正在划分镜头")
        story = plain(request.story).strip() or request.story.strip()
        language = "zh" if is_chinese(story) else "en"
        narrations = divide(story, request.shots)
        pictured = self._prompts or language
        context = _Context(Cast(self._lexicon, story, pictured))
        scenes: list[Scene] = []
        titles: set[str] = set()
        told, excerpt, silent = "", "", 0
        candidates: list[str] = []
        for number, narration in enumerate(narrations, 1):
            if narration:
                told, excerpt, silent = narration, self._excerpt(narration, language), 0
                self._read(narration, context)
                candidates = title_candidates(told, language, self._lexicon)
            else:
                silent += 1
            view = VIEWS[pictured][(silent - 1) % len(VIEWS[pictured])] if silent else ""
            prompt = self._prompt(excerpt if pictured == language else "", context, view, request.style, pictured)
            name = title(candidates, number, language, titles)
            titles.add(name)
            scenes.append(Scene(name, prompt, narration, MUSIC[context.mood][language]))
            if number % 5 == 0:
                run.report(10 + 85 * number // len(narrations), f"正在撰写分镜 {number}/{len(narrations)}")
        return Storyboard(scenes)

    def _read(self, text: str, context: _Context) -> None:
        hits = shown(text, self._lexicon.hits(text))
        found: dict[str, list[str]] = {}
        for hit in hits:
            found.setdefault(hit.category, []).append(hit.concept)
        subjects = list(dict.fromkeys(found.get("subject", [])))
        self._read_setting(text, found, bool(BY_WATER & set(subjects)), context)
        context.mood = Counter(found["mood"]).most_common(1)[0][0] if found.get("mood") else context.mood
        context.cast.read(text, hits)
        things = [subject for subject in subjects if subject not in CHARACTERS]
        context.things = things if subjects else context.things

    def _read_setting(self, text: str, found: dict[str, list[str]], by_water: bool, context: _Context) -> None:
        before = (context.place, context.time, context.season)
        if found.get("place"):
            context.place = "sea" if by_water and "sea" in found["place"] else found["place"][-1]
        # 清晨的阳光 is dawn: sunlight alone says only that it is no night.
        times = [time for time in found.get("time", []) if time != "day"] or found.get("time", [])
        context.time = times[-1] if times else "dawn" if NEXT_DAY.search(text) else context.time
        context.season = found["season"][-1] if found.get("season") else context.season
        moved = context.place != before[0] and before[0]
        new_day = context.time != before[1] and context.time in ("dawn", "day")
        if moved or new_day or SUNLIT.search(text) or context.season != before[2]:
            context.weather = ""  # the weather elsewhere, or of another day, is not known
        if found.get("weather"):
            context.weather = found["weather"][-1]

    def _prompt(self, excerpt: str, context: _Context, view: str, style: str, language: str) -> str:
        say = self._lexicon.say
        cast = context.cast
        things = [thing for thing in context.things if thing not in LIGHTS]
        lights = [thing for thing in context.things if thing in LIGHTS]
        # What is named first fills the image: people and animals before things, the lights of the sky last.
        parts = [cast.describe(each) for each in cast.present]
        parts += [
            say("subject", thing, language) for thing in things[: max(1, MOST_SUBJECTS - len(parts))] + lights[:1]
        ]
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
        return excerpt + colon * bool(excerpt) + comma.join(parts)

    def _excerpt(self, text: str, language: str) -> str:
        flat = " ".join(text.split())
        if len(flat) <= EXCERPT[language]:
            return flat.rstrip("。.，,：:")
        return shortened(flat, EXCERPT[language])
