"""What to paint: the prompt read by the lexicon, its gaps filled by the seed."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, replace

import numpy as np

from worker_node.providers.base import ImageRequest
from worker_node.providers.offline.lexicon import lexicon
from worker_node.providers.offline.painter.colour import HOURS, MOODS, NAMED, Palette, mix, overcast, rgb, toned

DEFAULT_PLACES = ("field", "mountain", "river", "village")
INDOOR = "room"
MOST_SUBJECTS = 6


@dataclass(frozen=True)
class Scene:
    """An image's plan. `view` is "", close, wide, above, low or silhouette; `tints` are the colours
    that the prompt gives to subjects; `rng` draws everything that is left open."""

    time: str
    place: str
    weather: str
    season: str
    mood: str
    style: str
    view: str
    subjects: tuple[str, ...]
    tints: dict[str, str]
    palette: Palette
    rng: np.random.Generator

    @property
    def dark(self) -> bool:
        """Whether lamps are lit and stars seen."""
        return self.time == "night"


def plan(request: ImageRequest) -> Scene:
    """Read the prompt; where it names a thing several times its last word counts, for that is where a storyboard sums up."""
    rng = np.random.default_rng(_seed(request))
    words = lexicon()
    hits = words.hits(request.prompt)

    def named(category: str) -> list[str]:
        return [hit.concept for hit in hits if hit.category == category]

    def last(category: str) -> str:
        return (named(category) or [""])[-1]

    moods = Counter(named("mood"))
    styles = words.concepts(request.style, "style") or named("style")
    subjects = list(dict.fromkeys(named("subject")))
    place = last("place") or ("sea" if {"whale", "boat", "lighthouse"} & set(subjects) else "")
    if not place:
        place = "space" if {"astronaut", "rocket"} & set(subjects) else str(rng.choice(DEFAULT_PLACES))
    time = last("time") or ("night" if {"moon", "star", "firefly"} & set(subjects) else "day")
    weather = last("weather")
    mood = moods.most_common(1)[0][0] if moods else "calm"
    return Scene(
        time=time,
        place=place,
        weather=weather,
        season=last("season"),
        mood=mood,
        style=styles[0] if styles else "",
        view=last("view"),
        subjects=tuple(subjects[:MOST_SUBJECTS]),
        tints={subject: NAMED[colour] for subject, colour in words.coloured(request.prompt).items()},
        palette=_light(rng, time, weather, mood, place),
        rng=rng,
    )


def _seed(request: ImageRequest) -> int:
    seed = "" if request.seed is None else str(request.seed)
    digest = hashlib.sha256("\0".join((request.prompt, request.style, seed)).encode())
    return int.from_bytes(digest.digest()[:8], "big")


def _light(rng: np.random.Generator, time: str, weather: str, mood: str, place: str) -> Palette:
    choices = HOURS[time]
    palette = choices[int(rng.integers(len(choices)))]
    hue, saturation, value = MOODS[mood]
    palette = toned(palette, hue=hue + float(rng.uniform(-0.015, 0.015)), saturation=saturation, value=value)
    gloom = 0.25 if time == "night" else 1.0  # a dark night gets little darker by its clouds, or nothing is seen
    if weather == "storm":
        palette = overcast(palette, 0.75, 0.38 * gloom)
    elif weather == "rain":
        palette = overcast(palette, 0.65, 0.2 * gloom)
    elif weather in ("cloudy", "fog", "snow"):
        palette = overcast(palette, 0.5, 0.06 * gloom)
    if time == "night" and (weather == "snow" or place == "snowfield"):
        palette = replace(palette, ambient=(palette.ambient * 1.35).astype(np.float32))  # snow gives light back
    if place == "space":
        deep = toned(
            HOURS["night"][int(rng.integers(2))], hue=float(rng.uniform(-0.05, 0.12)), saturation=1.1, value=0.7
        )
        palette = Palette(
            mix(deep.top, rgb("#000008"), 0.5),
            deep.top,
            deep.middle,
            (palette.ambient * 0 + 0.8),
            deep.cloud,
            deep.glow,
        )
    return palette
