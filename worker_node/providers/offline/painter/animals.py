"""Animals from the side."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from worker_node.providers.offline.painter.pen import Pen


@dataclass(frozen=True)
class Build:
    """What tells one four-legged animal from another. Lengths in units of its height; `half` is half of the trunk's length, `leg` the
    belly's height, `back` the withers', `head` the skull's radius at `poll`, `muzzle` the face's length."""

    coat: str
    pale: str
    leg: float
    back: float
    half: float
    poll: tuple[float, float]
    head: float
    muzzle: float
    limb: float
    tail: str
    ear: float = 0.12
    sock: str = ""
    mane: str = ""
    horns: bool = False


BUILDS = {
    "dog": Build("#b9824f", "#e8cfa8", 0.34, 0.62, 0.36, (0.5, 0.8), 0.125, 0.2, 0.085, "up"),
    "fox": Build("#d9692b", "#f6ead8", 0.28, 0.54, 0.38, (0.5, 0.72), 0.125, 0.23, 0.07, "brush", ear=0.2, sock="#3a2620"),
    "wolf": Build("#7d828c", "#c9ccd2", 0.34, 0.66, 0.42, (0.56, 0.82), 0.13, 0.24, 0.085, "brush", ear=0.14),
    "horse": Build("#8a5634", "#a8744c", 0.42, 0.7, 0.4, (0.56, 0.93), 0.085, 0.25, 0.075, "long", ear=0.09, sock="#4a2f20",
                   mane="#3a241a"),
    "deer": Build("#b5763f", "#efdcc0", 0.38, 0.6, 0.31, (0.44, 0.78), 0.075, 0.17, 0.05, "stub", ear=0.1, horns=True),
}  # fmt: skip


def four_legged(pen: Pen, build: Build, rng: np.random.Generator) -> None:
    """Standing, looking to the right."""
    build = replace(build, coat=pen.own(rng, (build.coat,)))
    far = tinted(build.coat, 0.74)
    for x, colour in ((-build.half + 0.2, far), (build.half - 0.02, far)):
        _leg(pen, build, x, colour, hind=x < 0)
    _tail(pen, build)
    half, leg, back = build.half, build.leg, build.back
    middle = (leg + back) / 2
    trunk = [(-half, middle), (-half + 0.05, back - 0.03), (0.0, back - 0.045), (half - 0.12, back), (half + 0.03, middle + 0.04),
             (half - 0.06, leg - 0.01), (0.0, leg + 0.05), (-half + 0.16, leg + 0.06)]  # fmt: skip
    for x in (-half + 0.08, half - 0.12):
        _leg(pen, build, x, build.coat, hind=x < 0)
    pen.blob(trunk, build.coat)
    pen.blob(
        [(half - 0.1, leg + 0.03), (0.02, leg + 0.07), (-half + 0.2, leg + 0.08), (0.0, leg + 0.02)], build.pale, 0.8
    )
    _head(pen, build)


def _leg(pen: Pen, build: Build, x: float, colour: str, *, hind: bool) -> None:
    """A hind leg has a thigh and a hock that bends backwards."""
    leg, limb = build.leg, build.limb
    if hind:
        thigh = [(x - 0.1, build.back - 0.16), (x + 0.1, build.back - 0.14), (x + 0.1, leg), (x + 0.01, leg * 0.55),
                 (x - 0.06, leg * 0.62), (x - 0.1, leg + 0.05)]  # fmt: skip
        pen.blob(thigh, colour)
        line = [(x - 0.005, leg * 0.72), (x - 0.05, leg * 0.45), (x - 0.015, 0.03)]
    else:
        line = [(x, leg + 0.1), (x + 0.005, leg * 0.5), (x - 0.005, 0.03)]
    pen.stroke(line, limb * (1.0 if hind else 1.35), colour, limb * 0.72)
    if build.sock:
        pen.stroke([(line[-1][0], leg * 0.34), (line[-1][0], 0.03)], limb * 0.78, build.sock, limb * 0.74)
    pen.ellipse(line[-1][0] + limb * 0.25, 0.02, limb * 0.62, 0.024, build.sock or tinted(colour, 0.8))


def _tail(pen: Pen, build: Build) -> None:
    x, y = -build.half, build.back - 0.06
    if build.tail == "brush":
        pen.blob([(x + 0.06, y), (x - 0.16, y - 0.03), (x - 0.4, y - 0.2), (x - 0.5, y - 0.3), (x - 0.32, y - 0.32),
                  (x - 0.1, y - 0.2)], build.coat)  # fmt: skip
        pen.blob([(x - 0.36, y - 0.19), (x - 0.5, y - 0.3), (x - 0.37, y - 0.3)], build.pale)
    elif build.tail == "long":
        pen.blob(
            [
                (x + 0.03, y + 0.02),
                (x - 0.1, y - 0.04),
                (x - 0.15, y - 0.3),
                (x - 0.08, y - 0.42),
                (x - 0.03, y - 0.18),
            ],
            build.mane,
        )
    elif build.tail == "up":
        pen.stroke([(x + 0.03, y - 0.02), (x - 0.1, y + 0.06), (x - 0.1, y + 0.2)], 0.06, build.coat, 0.03)
    else:
        pen.ellipse(x, y - 0.02, 0.055, 0.04, build.pale, -30)


def _head(pen: Pen, build: Build) -> None:
    (x, y), head = build.poll, build.head
    half, middle = build.half, (build.leg + build.back) / 2
    for side in (-0.55, 0.1):
        ear = x + side * head
        pen.polygon(
            [
                (ear - head * 0.42, y + head * 0.3),
                (ear - head * 0.1, y + head * 0.55 + build.ear),
                (ear + head * 0.5, y + head * 0.6),
            ],
            build.coat if side > 0 else tinted(build.coat, 0.8),
        )
    pen.blob(
        [
            (half - 0.26, build.back - 0.02),
            (x - head * 0.95, y + head * 0.1),
            (x - head * 0.3, y + head * 0.85),
            (x + head * 0.5, y - head * 0.4),
            (half + 0.05, middle + 0.08),
            (half - 0.08, middle - 0.02),
        ],
        build.coat,
    )
    if build.mane:
        pen.blob(
            [
                (half - 0.24, build.back + 0.0),
                (x - head * 1.5, y + head * 0.2),
                (x - head * 0.4, y + head * 1.4),
                (x - head * 0.2, y + head * 0.4),
                (x - head * 1.2, y - head * 1.4),
            ],
            build.mane,
        )
    pen.ellipse(x, y, head, head * 0.92, build.coat)
    tip = (x + build.muzzle, y - build.muzzle * (0.8 if build.mane else 0.42))
    pen.stroke([(x + head * 0.25, y - head * 0.08), tip], head * 1.5, build.coat, head * 0.72)
    pen.stroke(
        [(x + head * 0.5, y - head * 0.75), (tip[0] - 0.02, tip[1] - head * 0.14)], head * 0.42, build.pale, head * 0.36
    )
    pen.ellipse(tip[0] + head * 0.3, tip[1] + head * 0.1, head * 0.2, head * 0.17, "#241a18")
    pen.ellipse(x + head * 0.5, y + head * 0.22, head * 0.14, head * 0.17, "#1c1614")
    if build.horns:
        for side in (-1, 1):
            beam = [(x - 0.01, y + head * 0.8), (x + side * 0.12 - 0.02, y + 0.2), (x + side * 0.12, y + 0.34)]
            pen.stroke(beam, 0.026, "#6b4a2c", 0.014)
            pen.stroke([(beam[1][0], y + 0.17), (beam[1][0] + 0.07, y + 0.28)], 0.02, "#6b4a2c", 0.01)


def tinted(code: str, share: float) -> str:
    """The colour, lighter or darker by a factor."""
    return "#" + "".join(f"{min(255, int(int(code[at : at + 2], 16) * share)):02x}" for at in (1, 3, 5))


def bear(pen: Pen, rng: np.random.Generator, own: str, pale: str) -> None:
    """On all fours, heavy in the shoulders, its head low."""
    coat = pen.own(rng, (own,))
    far = tinted(coat, 0.78)
    for x in (-0.3, 0.38):
        pen.stroke([(x, 0.4), (x, 0.06)], 0.2, far, 0.17)
    pen.blob([(-0.6, 0.42), (-0.56, 0.68), (-0.3, 0.84), (0.05, 0.84), (0.3, 0.96), (0.5, 0.84), (0.54, 0.5), (0.36, 0.28), (0.0, 0.3),
              (-0.4, 0.26)], coat)  # fmt: skip
    for x, foot in ((-0.44, -0.43), (0.26, 0.29)):
        pen.stroke([(x, 0.45), (foot, 0.07)], 0.24, coat, 0.19)
        pen.ellipse(foot + 0.05, 0.045, 0.12, 0.05, coat)
        for claw in (0.1, 0.14):
            pen.ellipse(foot + claw, 0.025, 0.014, 0.022, "#2a2220")
    for x, y in ((0.56, 0.92), (0.72, 0.93)):
        pen.ellipse(x, y, 0.055, 0.055, coat)
        pen.ellipse(x + 0.005, y, 0.03, 0.03, far)
    pen.ellipse(0.62, 0.78, 0.19, 0.17, coat)
    pen.stroke([(0.7, 0.75), (0.84, 0.71)], 0.19, coat, 0.13)
    pen.ellipse(0.83, 0.695, 0.085, 0.062, pale)
    pen.ellipse(0.89, 0.73, 0.034, 0.028, "#1f1817")
    pen.ellipse(0.73, 0.83, 0.02, 0.024, "#181312")


def cat(pen: Pen, rng: np.random.Generator) -> None:
    """Sitting."""
    coat = pen.own(rng, ("#d98b45", "#3a3a42", "#e9e3d8", "#8b8f98"))
    belly = tinted(coat, 1.45)
    pen.stroke([(-0.2, 0.06), (-0.45, 0.1), (-0.5, 0.34), (-0.4, 0.46)], 0.075, coat, 0.05)
    pen.blob([(-0.28, 0.02), (-0.3, 0.25), (-0.16, 0.55), (0.08, 0.64), (0.2, 0.45), (0.22, 0.02)], coat)
    pen.ellipse(0.08, 0.3, 0.1, 0.24, belly)
    for x in (0.03, 0.17):
        pen.stroke([(x, 0.36), (x, 0.05)], 0.1, coat, 0.085)
        pen.ellipse(x + 0.02, 0.035, 0.065, 0.04, belly)
    for side in (-1, 1):
        pen.polygon([(0.1 + side * 0.2, 0.72), (0.1 + side * 0.19, 1.02), (0.1 + side * 0.03, 0.88)], coat)
        pen.polygon([(0.1 + side * 0.17, 0.78), (0.1 + side * 0.165, 0.95), (0.1 + side * 0.07, 0.86)], "#e5a294")
    pen.ellipse(0.1, 0.74, 0.21, 0.18, coat)
    pen.ellipse(0.1, 0.67, 0.09, 0.06, belly)
    for side in (-1, 1):
        pen.ellipse(0.1 + side * 0.085, 0.765, 0.035, 0.045, "#f2d95c")
        pen.ellipse(0.1 + side * 0.085, 0.765, 0.013, 0.04, "#161214")
    pen.ellipse(0.1, 0.7, 0.022, 0.016, "#b5605a")


def rabbit(pen: Pen, rng: np.random.Generator) -> None:
    coat = pen.own(rng, ("#f1ede6", "#b89a7a", "#8f8f96"))
    pen.ellipse(-0.28, 0.16, 0.07, 0.07, "#ffffff")
    pen.blob([(-0.26, 0.04), (-0.28, 0.24), (-0.12, 0.42), (0.1, 0.4), (0.22, 0.22), (0.2, 0.03)], coat)
    pen.ellipse(-0.1, 0.1, 0.15, 0.1, coat)
    pen.ellipse(0.16, 0.05, 0.1, 0.05, coat)
    for x, lean in ((0.1, -0.1), (0.2, 0.02)):
        pen.blob(
            [(x - 0.04, 0.6), (x + lean - 0.06, 0.84), (x + lean, 1.0), (x + lean + 0.05, 0.84), (x + 0.05, 0.6)], coat
        )
        pen.blob(
            [(x - 0.02, 0.64), (x + lean - 0.03, 0.84), (x + lean, 0.95), (x + lean + 0.02, 0.84), (x + 0.02, 0.64)],
            "#e8b3a8",
        )
    pen.ellipse(0.18, 0.53, 0.15, 0.14, coat)
    pen.ellipse(0.23, 0.56, 0.022, 0.028, "#2a1a1a")
    pen.ellipse(0.325, 0.52, 0.018, 0.014, "#d08a86")


def bird(pen: Pen, rng: np.random.Generator) -> None:
    """A few on the wing; the first is near."""
    for number in range(int(rng.integers(3, 7))):
        x, y = (0.0, 0.5) if number == 0 else (float(rng.uniform(-0.95, 0.95)), float(rng.uniform(0.2, 1.1)))
        span = 0.34 if number == 0 else float(rng.uniform(0.1, 0.2))
        lift = float(rng.uniform(0.25, 0.5)) * span
        pen.blob([(x - span, y + lift), (x - span * 0.45, y + lift * 1.05), (x, y + 0.02 * span), (x + span * 0.45, y + lift * 1.05),
                  (x + span, y + lift), (x + span * 0.4, y + lift * 0.55), (x, y - 0.22 * span), (x - span * 0.4, y + lift * 0.55)],
                 "#f4f4f2" if number % 2 == 0 else "#dfe3e8")  # fmt: skip
        pen.blob(
            [(x - 0.1 * span, y - 0.3 * span), (x + 0.1 * span, y + 0.12 * span), (x + 0.35 * span, y + 0.1 * span)],
            "#cfd4da",
        )


def owl(pen: Pen, _rng: np.random.Generator) -> None:
    pen.stroke([(-0.6, 0.06), (0.0, 0.1), (0.6, 0.04)], 0.09, "#5a4030", 0.05)
    pen.blob([(-0.2, 0.12), (-0.28, 0.5), (-0.24, 0.85), (-0.27, 1.0), (-0.1, 0.92), (0.1, 0.92), (0.27, 1.0), (0.24, 0.85), (0.28, 0.5),
              (0.2, 0.12)], "#8a6a4a")  # fmt: skip
    pen.ellipse(0.0, 0.4, 0.16, 0.25, "#d9c3a0")
    for side in (-1, 1):
        pen.blob([(side * 0.27, 0.6), (side * 0.3, 0.36), (side * 0.16, 0.12), (side * 0.17, 0.45)], "#6b4f36")
        pen.ellipse(side * 0.11, 0.76, 0.1, 0.1, "#f0e2c6")
        pen.ellipse(side * 0.11, 0.76, 0.065, 0.065, "#f5c542")
        pen.ellipse(side * 0.11, 0.76, 0.035, 0.035, "#17120f")
    pen.polygon([(-0.03, 0.71), (0.03, 0.71), (0.0, 0.62)], "#d98b2b")


def fish(pen: Pen, rng: np.random.Generator) -> None:
    coat = pen.own(rng, ("#e0693a", "#e8a33c", "#4f8fb5", "#c95a6a"))
    for x, y, size in ((0.0, 0.5, 1.0), (-0.55, 0.3, 0.5), (0.5, 0.78, 0.42)):
        pen.blob(
            [
                (x - 0.24 * size, y),
                (x - 0.5 * size, y + 0.17 * size),
                (x - 0.44 * size, y),
                (x - 0.5 * size, y - 0.17 * size),
            ],
            coat,
        )
        pen.blob([(x - 0.3 * size, y), (x - 0.05 * size, y + 0.17 * size), (x + 0.25 * size, y + 0.08 * size), (x + 0.34 * size, y),
                  (x + 0.25 * size, y - 0.08 * size), (x - 0.05 * size, y - 0.15 * size)], coat)  # fmt: skip
        pen.blob(
            [(x - 0.1 * size, y + 0.13 * size), (x - 0.02 * size, y + 0.27 * size), (x + 0.1 * size, y + 0.12 * size)],
            coat,
        )
        pen.ellipse(x + 0.02 * size, y - 0.06 * size, 0.18 * size, 0.05 * size, "#f6e3c4")
        pen.ellipse(x + 0.22 * size, y + 0.03 * size, 0.025 * size, 0.025 * size, "#181414")


def whale(pen: Pen, _rng: np.random.Generator) -> None:
    pen.blob([(-0.55, 0.42), (-0.86, 0.86), (-0.72, 0.78), (-0.6, 0.94), (-0.5, 0.6), (-0.42, 0.44)], "#33506e")
    pen.blob(
        [(-0.62, 0.4), (-0.3, 0.5), (0.15, 0.62), (0.6, 0.52), (0.8, 0.28), (0.7, 0.08), (0.2, 0.0), (-0.3, 0.14)],
        "#3f6285",
    )
    pen.blob([(0.79, 0.24), (0.5, 0.2), (0.1, 0.14), (-0.2, 0.15), (0.2, 0.0), (0.66, 0.06)], "#c9d8e2")
    pen.blob([(0.2, 0.16), (0.06, -0.05), (-0.08, -0.08), (0.06, 0.14)], "#2e4a67")
    pen.ellipse(0.58, 0.26, 0.02, 0.02, "#0f1720")
    for lean in (-0.14, 0.0, 0.14):
        pen.stroke(
            [(0.32, 0.6), (0.32 + lean * 0.6, 0.84), (0.32 + lean * 1.8, 0.96), (0.32 + lean * 2.4, 0.86)],
            0.03,
            "#e6f2f8",
            0.015,
        )


def dragon(pen: Pen, rng: np.random.Generator) -> None:
    """A long one, winding through the air."""
    coat, belly = pen.own(rng, ("#3f8a5f", "#b5402f", "#3d6aa8")), "#e6d08a"
    spine = [(-0.95, 0.3), (-0.7, 0.62), (-0.42, 0.34), (-0.12, 0.42), (0.1, 0.72), (0.36, 0.6), (0.56, 0.72)]
    curve = np.array(spine)
    for number in range(len(spine) - 1):
        x, y = (curve[number] + curve[number + 1]) / 2
        pen.polygon([(x - 0.07, y + 0.02), (x - 0.05, y + 0.19), (x + 0.06, y + 0.03)], "#d9913a")
    pen.blob(
        [(0.02, 0.62), (-0.28, 1.2), (-0.1, 1.05), (0.0, 1.16), (0.08, 0.98), (0.24, 1.02), (0.2, 0.66)], belly, 0.9
    )
    pen.stroke(spine, 0.04, coat, 0.19)
    pen.stroke([(x, y - 0.035) for x, y in spine[2:]], 0.02, belly, 0.06)
    for x, y in ((-0.1, 0.38), (0.34, 0.58)):
        pen.stroke([(x, y), (x + 0.08, y - 0.16), (x + 0.18, y - 0.17)], 0.06, coat, 0.03)
    pen.blob([(0.5, 0.84), (0.66, 0.88), (0.92, 0.74), (0.94, 0.66), (0.7, 0.62), (0.54, 0.62)], coat)
    pen.stroke([(0.62, 0.84), (0.52, 1.0), (0.42, 1.06)], 0.04, "#e6d3a0", 0.015)
    pen.stroke([(0.9, 0.68), (1.0, 0.6), (1.06, 0.66)], 0.014, "#e6d3a0", 0.006)
    pen.ellipse(0.7, 0.77, 0.028, 0.024, "#ffe27a")
    pen.ellipse(0.708, 0.77, 0.01, 0.022, "#120c0a")


def butterfly(pen: Pen, rng: np.random.Generator) -> None:
    for number in range(3):
        wing = ("#e8a33c", "#d9657f", "#6a8fd0")[int(rng.integers(3))]
        x, y, size = (
            (0.0, 0.5, 0.42) if number == 0 else (float(rng.uniform(-0.9, 0.9)), float(rng.uniform(0.1, 1.1)), 0.2)
        )
        for side in (-1, 1):
            pen.blob([(x, y), (x + side * 0.9 * size, y + 0.9 * size), (x + side * size, y + 0.25 * size)], wing)
            pen.blob(
                [(x, y), (x + side * 0.7 * size, y - 0.15 * size), (x + side * 0.45 * size, y - 0.65 * size)], wing
            )
            pen.ellipse(x + side * 0.6 * size, y + 0.42 * size, 0.13 * size, 0.13 * size, "#fff2d8")
        pen.stroke([(x, y - 0.3 * size), (x, y + 0.35 * size)], 0.08 * size, "#2a1f1c", 0.05 * size)
