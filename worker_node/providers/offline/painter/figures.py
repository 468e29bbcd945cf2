"""Which figure draws which concept of the lexicon, how tall it is and where it belongs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from worker_node.providers.offline.painter import animals, people, things
from worker_node.providers.offline.painter.pen import Pen

Draw = Callable[[Pen, np.random.Generator], None]


@dataclass(frozen=True)
class Figure:
    """`height` is in image heights; `zone` is ground (near), far (middle distance), water, sky or held (by a person)."""

    draw: Draw
    height: float
    zone: str = "ground"


def _animal(name: str) -> Draw:
    return lambda pen, rng: animals.four_legged(pen, animals.BUILDS[name], rng)


PEOPLE = ("girl", "boy", "woman", "man", "granny", "elder", "astronaut", "robot")

FIGURES = {
    "girl": Figure(people.girl, 0.25),
    "boy": Figure(people.boy, 0.25),
    "woman": Figure(people.woman, 0.31),
    "man": Figure(people.man, 0.32),
    "granny": Figure(people.granny, 0.28),
    "elder": Figure(people.elder, 0.3),
    "astronaut": Figure(people.astronaut, 0.32),
    "robot": Figure(people.robot, 0.3),
    "cat": Figure(animals.cat, 0.16),
    "dog": Figure(_animal("dog"), 0.18),
    "fox": Figure(_animal("fox"), 0.19),
    "wolf": Figure(_animal("wolf"), 0.22),
    "horse": Figure(_animal("horse"), 0.28),
    "deer": Figure(_animal("deer"), 0.25),
    "bear": Figure(lambda pen, rng: animals.bear(pen, rng, "#6b4630", "#a37a55"), 0.24),
    "polar_bear": Figure(lambda pen, rng: animals.bear(pen, rng, "#f2efe6", "#fbfaf6"), 0.24),
    "rabbit": Figure(animals.rabbit, 0.14),
    "owl": Figure(animals.owl, 0.17, "sky"),
    "bird": Figure(animals.bird, 0.2, "sky"),
    "fish": Figure(animals.fish, 0.16, "water"),
    "whale": Figure(animals.whale, 0.24, "water"),
    "dragon": Figure(animals.dragon, 0.42, "sky"),
    "butterfly": Figure(animals.butterfly, 0.14, "sky"),
    "tree": Figure(things.tree, 0.52),
    "flower": Figure(things.flower, 0.11),
    "house": Figure(things.house, 0.26, "far"),
    "castle": Figure(things.castle, 0.34, "far"),
    "pagoda": Figure(things.pagoda, 0.36, "far"),
    "lighthouse": Figure(things.lighthouse, 0.44, "far"),
    "bridge": Figure(things.bridge, 0.2, "water"),
    "boat": Figure(things.boat, 0.22, "water"),
    "train": Figure(things.train, 0.17, "far"),
    "car": Figure(things.car, 0.13),
    "rocket": Figure(things.rocket, 0.4, "sky"),
    "balloon": Figure(things.balloon, 0.3, "sky"),
    "kite": Figure(things.kite, 0.2, "sky"),
    "lantern": Figure(things.lantern, 0.3, "sky"),
    "fire": Figure(things.fire, 0.14),
    "umbrella": Figure(things.umbrella, 0.24, "held"),
    "book": Figure(things.book, 0.12),
}
