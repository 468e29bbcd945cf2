"""Things: what is built, what grows, what flies without wings of its own."""

from __future__ import annotations

import numpy as np

from worker_node.providers.offline.painter.pen import Pen

LEAVES = {"spring": "#8fbf6a", "summer": "#4f8f4a", "autumn": "#cf7f35", "winter": "#dfe8ec", "": "#5f9a52"}


def tree(pen: Pen, rng: np.random.Generator, season: str = "") -> None:
    """An old tree with a round crown; bare boughs under snow in winter."""
    pen.blob([(-0.09, 0.0), (-0.045, 0.2), (-0.05, 0.5), (0.05, 0.5), (0.05, 0.2), (0.1, 0.0)], "#5c4230")
    for x in (-0.26, -0.1, 0.14, 0.28):
        pen.stroke([(0.0, 0.38), (x * 0.6, 0.56), (x, 0.72)], 0.045, "#5c4230", 0.015)
    leaf = LEAVES[season]
    count = 70
    for number in range(count):
        angle, far = float(rng.uniform(0, 2 * np.pi)), float(np.sqrt(rng.random())) * 0.34
        x, y = far * float(np.cos(angle)) * 1.15, 0.74 + far * float(np.sin(angle)) * 0.72
        shade = 0.72 + 0.4 * number / count
        colour = "#" + "".join(f"{min(255, int(int(leaf[at : at + 2], 16) * shade)):02x}" for at in (1, 3, 5))
        size = float(rng.uniform(0.045, 0.085)) * (0.55 if season == "winter" else 1.0)
        pen.ellipse(x, y, size * 1.2, size * 0.85, colour, float(rng.uniform(-30, 30)))


def pine(pen: Pen, _rng: np.random.Generator, season: str = "") -> None:
    pen.polygon([(-0.03, 0.0), (-0.03, 0.15), (0.03, 0.15), (0.03, 0.0)], "#4a3728")
    for level in range(4):
        y, half = 0.1 + 0.2 * level, 0.27 - 0.055 * level
        pen.blob(
            [(-half, y), (-half * 0.4, y + 0.17), (0.0, y + 0.33), (half * 0.4, y + 0.17), (half, y), (0.0, y + 0.045)],
            "#2f5a46",
        )
        if season == "winter":
            pen.blob([(-half * 0.62, y + 0.1), (0.0, y + 0.33), (half * 0.5, y + 0.13), (0.0, y + 0.19)], "#eef4f8")


def flower(pen: Pen, rng: np.random.Generator) -> None:
    """A clump of them."""
    petals = ("#e8657f", "#f2b84b", "#b58ad0", "#f4f0e6", "#e87a4a")
    for _ in range(22):
        x, height = float(rng.uniform(-1.0, 1.0)), float(rng.uniform(0.35, 1.0))
        petal, lean = petals[int(rng.integers(len(petals)))], float(rng.uniform(-0.08, 0.08))
        pen.stroke([(x, 0.0), (x + lean, height * 0.5), (x + lean * 2, height)], 0.025, "#4f7a42", 0.018)
        pen.ellipse(x + lean + 0.05, height * 0.45, 0.07, 0.025, "#5f9450", 35)
        for angle in range(0, 360, 60):
            dx, dy = float(np.cos(np.radians(angle))), float(np.sin(np.radians(angle)))
            pen.ellipse(x + lean * 2 + dx * 0.05, height + dy * 0.05, 0.052, 0.038, petal, angle)
        pen.ellipse(x + lean * 2, height, 0.03, 0.03, "#f6d860")


def house(pen: Pen, rng: np.random.Generator) -> None:
    wall, roof = (("#efe0c4", "#a8503c"), ("#e6d3bd", "#5d6f80"), ("#f2ead8", "#8a5a3a"))[int(rng.integers(3))]
    pen.polygon([(0.2, 0.6), (0.2, 0.98), (0.31, 0.98), (0.31, 0.6)], "#8a6a58")
    pen.polygon([(-0.42, 0.0), (-0.42, 0.48), (0.42, 0.48), (0.42, 0.0)], wall)
    pen.polygon([(-0.54, 0.44), (-0.36, 0.86), (0.36, 0.86), (0.54, 0.44)], roof)
    pen.polygon([(-0.07, 0.0), (-0.07, 0.29), (0.0, 0.33), (0.07, 0.29), (0.07, 0.0)], "#6b4630")
    for x in (-0.26, 0.26):
        pen.polygon([(x - 0.08, 0.17), (x - 0.08, 0.35), (x + 0.08, 0.35), (x + 0.08, 0.17)], "#ffdf9a")
        pen.stroke([(x, 0.17), (x, 0.35)], 0.015, "#6b4630")
        pen.light(x, 0.26, 0.15)
    for x, y in ((0.26, 1.06), (0.31, 1.17), (0.25, 1.28)):
        pen.ellipse(x, y, 0.05 + (y - 1.0) * 0.12, 0.04 + (y - 1.0) * 0.08, "#e8e8ea")


def snowy_roof(pen: Pen) -> None:
    """Snow on the roof of a `house`."""
    pen.blob(
        [
            (-0.55, 0.47),
            (-0.37, 0.89),
            (0.37, 0.89),
            (0.55, 0.47),
            (0.3, 0.56),
            (0.1, 0.52),
            (-0.15, 0.6),
            (-0.35, 0.53),
        ],
        "#eef4f9",
    )


def street_lamp(pen: Pen) -> None:
    """Its arm to the right."""
    pen.stroke([(0.0, 0.0), (0.0, 0.9)], 0.035, "#3d434b", 0.02)
    pen.stroke([(0.0, 0.88), (0.06, 0.97), (0.18, 0.95)], 0.022, "#3d434b", 0.016)
    pen.polygon([(0.12, 0.95), (0.24, 0.95), (0.22, 0.9), (0.14, 0.9)], "#ffe3a0")
    pen.light(0.18, 0.91, 0.12)


def castle(pen: Pen, _rng: np.random.Generator) -> None:
    stone, shade, roof = "#b9b3ae", "#9a948f", "#4f6488"
    for x, width, height in (
        (-0.5, 0.1, 0.62),
        (0.5, 0.1, 0.58),
        (-0.22, 0.1, 0.82),
        (0.24, 0.11, 0.74),
        (0.02, 0.1, 0.98),
    ):
        pen.polygon([(x - width, 0.0), (x - width, height), (x + width, height), (x + width, 0.0)], stone)
        pen.polygon([(x + width * 0.3, 0.0), (x + width * 0.3, height), (x + width, height), (x + width, 0.0)], shade)
        pen.polygon([(x - width * 1.3, height), (x, height + width * 2.6), (x + width * 1.3, height)], roof)
        pen.polygon(
            [
                (x - 0.02, height - 0.14),
                (x - 0.02, height - 0.06),
                (x + 0.02, height - 0.06),
                (x + 0.02, height - 0.14),
            ],
            "#ffd98a",
        )
        pen.light(x, height - 0.1, 0.07)
    pen.polygon([(-0.62, 0.0), (-0.62, 0.34), (0.62, 0.34), (0.62, 0.0)], stone)
    for number in range(11):
        x = -0.6 + number * 0.12
        pen.polygon([(x - 0.035, 0.33), (x - 0.035, 0.4), (x + 0.035, 0.4), (x + 0.035, 0.33)], stone)
    pen.blob([(-0.1, 0.0), (-0.1, 0.16), (0.0, 0.25), (0.1, 0.16), (0.1, 0.0)], "#4a3a33")


def pagoda(pen: Pen, _rng: np.random.Generator) -> None:
    for level in range(5):
        y, half = level * 0.17, 0.3 - level * 0.042
        pen.polygon([(-half * 0.72, y), (-half * 0.72, y + 0.12), (half * 0.72, y + 0.12), (half * 0.72, y)], "#c9a27a")
        pen.polygon([(-0.03, y + 0.01), (-0.03, y + 0.09), (0.03, y + 0.09), (0.03, y + 0.01)], "#ffd98a")
        pen.blob([(-half * 1.3, y + 0.15), (-half, y + 0.115), (0.0, y + 0.125), (half, y + 0.115), (half * 1.3, y + 0.15),
                  (half * 0.62, y + 0.185), (0.0, y + 0.2), (-half * 0.62, y + 0.185)], "#8a3f35")  # fmt: skip
        pen.light(0.0, y + 0.05, 0.07)
    pen.stroke([(0.0, 0.86), (0.0, 1.04)], 0.03, "#d9b45a", 0.008)


def lighthouse(pen: Pen, _rng: np.random.Generator) -> None:
    pen.blob([(-0.5, -0.04), (-0.34, 0.06), (-0.1, 0.1), (0.14, 0.09), (0.36, 0.04), (0.5, -0.04)], "#5f5a58")
    pen.polygon([(-0.13, 0.07), (-0.085, 0.76), (0.085, 0.76), (0.13, 0.07)], "#f2eee6")
    for y in (0.16, 0.4, 0.62):
        low, high = 0.13 - (y - 0.07) * 0.065, 0.13 - (y + 0.03) * 0.065
        pen.polygon([(-low, y), (-high, y + 0.1), (high, y + 0.1), (low, y)], "#c2453a")
    pen.polygon([(-0.13, 0.75), (-0.13, 0.785), (0.13, 0.785), (0.13, 0.75)], "#3b4148")
    pen.polygon([(-0.07, 0.785), (-0.07, 0.9), (0.07, 0.9), (0.07, 0.785)], "#ffe9a8")
    pen.blob([(-0.1, 0.9), (-0.05, 0.97), (0.0, 1.03), (0.05, 0.97), (0.1, 0.9)], "#8a3530")
    pen.light(0.0, 0.84, 0.32, "#ffe49a")


def bridge(pen: Pen, _rng: np.random.Generator) -> None:
    pen.blob([(-1.0, 0.05), (-0.5, 0.42), (0.0, 0.56), (0.5, 0.42), (1.0, 0.05), (0.86, 0.0), (0.5, 0.22), (0.34, 0.02), (0.2, 0.26),
              (0.0, 0.34), (-0.2, 0.26), (-0.34, 0.02), (-0.5, 0.22), (-0.86, 0.0)], "#a39a90")  # fmt: skip
    pen.stroke([(-0.98, 0.14), (-0.5, 0.52), (0.0, 0.66), (0.5, 0.52), (0.98, 0.14)], 0.03, "#8a8178")
    for x in (-0.7, -0.45, -0.2, 0.0, 0.2, 0.45, 0.7):
        y = 0.54 - 0.5 * x * x
        pen.stroke([(x, y - 0.03), (x, y + 0.12)], 0.035, "#8a8178")


def boat(pen: Pen, rng: np.random.Generator) -> None:
    sail = pen.own(rng, ("#f6efe0", "#e8d3b0", "#d97a5a"))
    pen.light(0.46, 0.3, 0.12)
    pen.stroke([(0.02, 0.14), (0.02, 1.0)], 0.025, "#5a4030", 0.015)
    pen.blob([(0.06, 0.26), (0.06, 0.96), (0.24, 0.62), (0.46, 0.28)], sail)
    pen.blob([(-0.02, 0.28), (-0.02, 0.84), (-0.18, 0.54), (-0.32, 0.29)], "#efe6d4")
    pen.blob(
        [(-0.46, 0.22), (-0.2, 0.17), (0.2, 0.17), (0.52, 0.24), (0.36, 0.02), (0.0, -0.02), (-0.34, 0.02)], "#7a4f34"
    )
    pen.stroke([(-0.45, 0.2), (0.0, 0.155), (0.5, 0.22)], 0.03, "#c99a62")


def train(pen: Pen, _rng: np.random.Generator) -> None:
    pen.stroke([(-1.05, 0.02), (1.05, 0.02)], 0.03, "#5a5048")
    for x in (-0.8, -0.2):
        pen.polygon([(x - 0.27, 0.1), (x - 0.27, 0.56), (x + 0.27, 0.56), (x + 0.27, 0.1)], "#8f3f38")
        for shift in (-0.16, 0.0, 0.16):
            pen.polygon(
                [
                    (x + shift - 0.05, 0.32),
                    (x + shift - 0.05, 0.48),
                    (x + shift + 0.05, 0.48),
                    (x + shift + 0.05, 0.32),
                ],
                "#ffe0a0",
            )
            pen.light(x + shift, 0.4, 0.08)
    pen.polygon([(0.14, 0.1), (0.14, 0.72), (0.4, 0.72), (0.4, 0.1)], "#3a4a5a")
    pen.blob([(0.38, 0.12), (0.38, 0.5), (0.84, 0.5), (0.92, 0.32), (0.84, 0.12)], "#46596b")
    pen.polygon([(0.68, 0.5), (0.65, 0.74), (0.81, 0.74), (0.78, 0.5)], "#2f3b46")
    pen.light(0.93, 0.33, 0.12)
    for x in (-0.96, -0.64, -0.36, -0.04, 0.24, 0.5, 0.74):
        pen.ellipse(x, 0.08, 0.075, 0.075, "#2a2a2e")
        pen.ellipse(x, 0.08, 0.03, 0.03, "#9a9a9e")
    for x, y, size in ((0.7, 0.88, 0.08), (0.56, 1.02, 0.12), (0.34, 1.14, 0.16), (0.04, 1.22, 0.2)):
        pen.ellipse(x, y, size, size * 0.7, "#f0eeec")


def car(pen: Pen, rng: np.random.Generator) -> None:
    paint = pen.own(rng, ("#c8483f", "#3f7f9c", "#e0b64a", "#5f8a5a"))
    pen.blob([(-0.42, 0.42), (-0.26, 0.76), (0.2, 0.78), (0.42, 0.44)], paint)
    pen.blob([(-0.32, 0.44), (-0.22, 0.68), (-0.04, 0.7), (-0.04, 0.44)], "#cfe4ee")
    pen.blob([(0.02, 0.44), (0.02, 0.7), (0.18, 0.7), (0.34, 0.44)], "#cfe4ee")
    pen.blob([(-0.76, 0.14), (-0.74, 0.42), (-0.3, 0.48), (0.4, 0.48), (0.76, 0.38), (0.8, 0.14)], paint)
    for x in (-0.45, 0.46):
        pen.ellipse(x, 0.14, 0.15, 0.15, "#26262a")
        pen.ellipse(x, 0.14, 0.07, 0.07, "#b9bcc2")
    pen.light(0.78, 0.3, 0.16)


def rocket(pen: Pen, _rng: np.random.Generator) -> None:
    pen.blob([(-0.08, 0.16), (-0.12, -0.02), (0.0, -0.14), (0.12, -0.02), (0.08, 0.16)], "#ff9d3c")
    pen.blob([(-0.04, 0.15), (-0.06, 0.03), (0.0, -0.04), (0.06, 0.03), (0.04, 0.15)], "#fff0b0")
    for side in (-1, 1):
        pen.blob([(side * 0.12, 0.4), (side * 0.3, 0.2), (side * 0.28, 0.06), (side * 0.1, 0.18)], "#c2453a")
    pen.blob(
        [(-0.12, 0.16), (-0.17, 0.5), (-0.1, 0.84), (0.0, 1.04), (0.1, 0.84), (0.17, 0.5), (0.12, 0.16)], "#eef0f4"
    )
    pen.blob([(-0.115, 0.8), (0.0, 1.05), (0.115, 0.8), (0.0, 0.77)], "#c2453a")
    pen.ellipse(0.0, 0.6, 0.075, 0.075, "#4a5a6e")
    pen.ellipse(0.0, 0.6, 0.055, 0.055, "#9fd3ec")
    pen.light(0.0, 0.02, 0.3, "#ffb45a")


def balloon(pen: Pen, rng: np.random.Generator) -> None:
    first, second = pen.own(rng, ("#d9534a", "#3f7f9c", "#8a5a9c")), "#f6e3c4"
    for x in (-0.1, 0.1):
        pen.stroke([(x * 2, 0.42), (x, 0.16)], 0.01, "#5a4030")
    pen.blob(
        [(-0.16, 0.32), (-0.36, 0.62), (-0.3, 0.92), (0.0, 1.06), (0.3, 0.92), (0.36, 0.62), (0.16, 0.32), (0.0, 0.28)],
        first,
    )
    pen.blob([(-0.05, 0.29), (-0.15, 0.65), (-0.1, 0.98), (0.0, 1.06), (0.1, 0.98), (0.15, 0.65), (0.05, 0.29)], second)
    pen.blob([(-0.12, 0.17), (-0.1, 0.02), (0.1, 0.02), (0.12, 0.17)], "#8a6238")


def kite(pen: Pen, rng: np.random.Generator) -> None:
    colour = pen.own(rng, ("#d9534a", "#e8a33c", "#4f8fb5"))
    pen.stroke([(0.0, 0.4), (-0.3, 0.1), (-0.5, -0.1)], 0.008, "#efe8da")
    pen.polygon([(0.0, 1.0), (-0.26, 0.72), (0.0, 0.3), (0.26, 0.72)], colour)
    pen.polygon([(0.0, 1.0), (0.0, 0.3), (0.26, 0.72)], "#f6e3c4")
    pen.stroke([(0.0, 0.3), (0.1, 0.16), (-0.04, 0.04), (0.08, -0.1)], 0.03, colour, 0.012)


def lantern(pen: Pen, rng: np.random.Generator) -> None:
    """Some of them, floating."""
    for number in range(6):
        x, y = (0.0, 0.5) if number == 0 else (float(rng.uniform(-1.0, 1.0)), float(rng.uniform(0.0, 1.2)))
        size = 0.3 if number == 0 else float(rng.uniform(0.1, 0.2))
        pen.blob([(x - 0.34 * size, y - 0.4 * size), (x - 0.5 * size, y), (x - 0.34 * size, y + 0.4 * size), (x + 0.34 * size,
                  y + 0.4 * size), (x + 0.5 * size, y), (x + 0.34 * size, y - 0.4 * size)], "#e8613a")  # fmt: skip
        pen.ellipse(x, y - 0.05 * size, 0.26 * size, 0.3 * size, "#ffcf7a")
        pen.polygon([(x - 0.26 * size, y + 0.38 * size), (x - 0.26 * size, y + 0.5 * size), (x + 0.26 * size, y + 0.5 * size),
                     (x + 0.26 * size, y + 0.38 * size)], "#8a3a26")  # fmt: skip
        pen.stroke([(x, y - 0.45 * size), (x, y - 0.8 * size)], 0.05 * size, "#d9a04a")
        pen.light(x, y, size * 0.8, "#ffae52")


def fire(pen: Pen, rng: np.random.Generator) -> None:
    for lean in (-0.34, 0.34):
        pen.stroke([(-lean, 0.02), (lean, 0.14)], 0.1, "#5a3d2a")
    for number in range(7):
        x, top = float(rng.uniform(-0.22, 0.22)), float(rng.uniform(0.5, 1.0))
        colour = ("#e8532a", "#f58a2f", "#ffc04a")[number % 3]
        lean = float(rng.uniform(-0.1, 0.1))
        pen.blob(
            [(x - 0.15, 0.1), (x - 0.12, top * 0.45), (x + lean, top), (x + 0.12, top * 0.4), (x + 0.14, 0.1)],
            colour,
            0.9,
        )
    pen.blob([(-0.13, 0.08), (-0.08, 0.3), (0.0, 0.48), (0.09, 0.26), (0.12, 0.08)], "#fff0b0")
    pen.light(0.0, 0.35, 0.95, "#ff9a45")


def umbrella(pen: Pen, rng: np.random.Generator) -> None:
    colour = pen.own(rng, ("#c8483f", "#d9a04a", "#4f7f9c"))
    pen.stroke([(0.0, 0.0), (0.0, 0.9)], 0.025, "#5a4030")
    pen.blob(
        [(-0.56, 0.6), (-0.36, 0.86), (0.0, 1.0), (0.36, 0.86), (0.56, 0.6), (0.28, 0.66), (0.0, 0.62), (-0.28, 0.66)],
        colour,
    )


def book(pen: Pen, _rng: np.random.Generator) -> None:
    pen.blob([(-0.7, 0.04), (-0.66, 0.3), (0.0, 0.2), (0.66, 0.3), (0.7, 0.04), (0.0, -0.06)], "#7a3f3a")
    for side in (-1, 1):
        pen.blob(
            [(0.0, 0.0), (side * 0.3, 0.1), (side * 0.64, 0.08), (side * 0.6, 0.36), (side * 0.3, 0.38), (0.0, 0.26)],
            "#f6eedb",
        )
        for line in range(4):
            y = 0.13 + 0.05 * line
            pen.stroke([(side * 0.1, y + 0.01), (side * 0.5, y + 0.05)], 0.012, "#b5a68c")
    pen.light(0.0, 0.3, 0.4, "#ffe0a0")
