"""Animals from the side."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from worker_node.providers.offline.painter.pen import Pen


@dataclass(frozen=True)
class Build:
    """What tells one four-legged animal from another. Lengths in units of its height."""

    coat: str
    belly: str
    leg: float = 0.38
    thick: float = 0.2
    length: float = 0.42
    neck: float = 0.2
    head: float = 0.12
    muzzle: float = 0.14
    ear: float = 0.12
    limb: float = 0.07
    tail: str = "thin"
    horns: bool = False
    mane: str = ""


BUILDS = {
    "dog": Build("#b9824f", "#e8cfa8", leg=0.36, thick=0.24, length=0.3, ear=0.12),
    "fox": Build("#d9692b", "#f6ead8", leg=0.28, thick=0.23, length=0.3, neck=0.14, head=0.12, muzzle=0.15, ear=0.17, tail="bushy"),
    "wolf": Build("#7d828c", "#c9ccd2", leg=0.36, thick=0.26, length=0.34, neck=0.16, ear=0.13, tail="bushy"),
    "horse": Build("#8a5634", "#9c6a45", leg=0.42, thick=0.24, length=0.34, neck=0.3, head=0.1, muzzle=0.17, ear=0.08,
                   tail="long", mane="#3a241a"),
    "deer": Build("#b5763f", "#efdcc0", leg=0.44, thick=0.2, length=0.28, neck=0.28, head=0.085, muzzle=0.12, ear=0.1, limb=0.045,
                  tail="stub", horns=True),
    "bear": Build("#6b4630", "#8a6144", leg=0.22, thick=0.42, length=0.4, neck=0.1, head=0.17, muzzle=0.1, ear=0.07, limb=0.15,
                  tail="stub"),
}  # fmt: skip


def four_legged(pen: Pen, build: Build) -> None:
    """Standing, looking to the right."""
    back, half = build.leg + build.thick, build.length
    middle = build.leg + build.thick / 2
    for x, shade in ((-half + 0.1, "far"), (half - 0.02, "far"), (-half + 0.02, "near"), (half - 0.1, "near")):
        colour = build.coat if shade == "near" else _darker(build.coat)
        pen.stroke(
            [(x, build.leg + 0.05), (x - 0.02, build.leg * 0.5), (x, 0.02)],
            build.limb * 1.25,
            colour,
            build.limb * 0.75,
        )
    if build.tail == "bushy":
        tail = [(-half, middle + 0.05), (-half - 0.2, middle - 0.02), (-half - 0.38, middle + 0.16), (-half - 0.3, middle - 0.14),
                (-half - 0.08, middle - 0.08)]  # fmt: skip
        pen.blob(tail, build.coat)
        pen.ellipse(-half - 0.34, middle + 0.06, 0.06, 0.045, build.belly, 60)
    elif build.tail == "long":
        pen.stroke(
            [(-half, back - 0.03), (-half - 0.12, back - 0.1), (-half - 0.13, build.leg * 0.7)], 0.07, build.mane, 0.03
        )
    elif build.tail == "thin":
        pen.stroke(
            [(-half, back - 0.05), (-half - 0.12, back + 0.04), (-half - 0.14, back + 0.16)], 0.05, build.coat, 0.025
        )
    else:
        pen.ellipse(-half - 0.02, back - 0.04, 0.05, 0.04, build.belly)
    pen.blob([(-half, middle), (-half + 0.06, back), (0.0, back - 0.02), (half - 0.05, back + 0.02), (half + 0.02, middle),
              (half - 0.1, build.leg - 0.03), (0.0, build.leg + 0.01), (-half + 0.08, build.leg - 0.02)], build.coat)  # fmt: skip
    head_x, head_y = half + build.neck * 0.55, back + build.neck * 0.8
    pen.stroke([(half - 0.06, middle + 0.02), (half + 0.04, back + 0.02), (head_x, head_y)], build.thick * 0.95, build.coat,
               build.head * 1.3)  # fmt: skip
    if build.mane:
        pen.stroke(
            [(half - 0.12, back + 0.02), (half - 0.02, back + 0.16), (head_x - 0.05, head_y + 0.08)],
            0.1,
            build.mane,
            0.06,
        )
    for ear_x in (head_x - build.head * 0.55, head_x + build.head * 0.1):
        top = head_y + build.head * 0.6 + build.ear
        pen.polygon(
            [(ear_x - 0.045, head_y + 0.05), (ear_x - 0.02, top), (ear_x + 0.055, head_y + build.head * 0.7)],
            build.coat,
        )
    pen.ellipse(head_x, head_y, build.head, build.head * 0.9, build.coat)
    pen.blob([(head_x, head_y + build.head * 0.5), (head_x + build.muzzle * 1.25, head_y - 0.02), (head_x + build.muzzle * 1.2,
              head_y - build.head * 0.55), (head_x - 0.01, head_y - build.head * 0.7)], build.coat)  # fmt: skip
    pen.ellipse(
        head_x + build.muzzle * 0.7, head_y - build.head * 0.45, build.muzzle * 0.5, build.head * 0.24, build.belly
    )
    pen.ellipse(head_x + build.muzzle * 1.25, head_y - build.head * 0.18, 0.025, 0.022, "#241a18")
    pen.ellipse(head_x + build.head * 0.35, head_y + build.head * 0.2, 0.018, 0.022, "#1c1614")
    if build.horns:
        for side in (-1, 1):
            root = (head_x + side * 0.02, head_y + build.head * 0.8)
            tip = (head_x + side * 0.16, head_y + 0.36)
            pen.stroke([root, (head_x + side * 0.13, head_y + 0.2), tip], 0.026, "#6b4a2c", 0.014)
            pen.stroke(
                [(head_x + side * 0.11, head_y + 0.17), (head_x + side * 0.02 + 0.03, head_y + 0.29)],
                0.02,
                "#6b4a2c",
                0.01,
            )


def _darker(code: str) -> str:
    return "#" + "".join(f"{int(int(code[at : at + 2], 16) * 0.72):02x}" for at in (1, 3, 5))


def cat(pen: Pen, rng: np.random.Generator) -> None:
    """Sitting."""
    coat, belly = (("#d98b45", "#f4e2c8"), ("#3a3a42", "#55555f"), ("#e9e3d8", "#ffffff"), ("#8b8f98", "#c9ccd2"))[
        int(rng.integers(4))
    ]
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
    coat = ("#f1ede6", "#b89a7a", "#8f8f96")[int(rng.integers(3))]
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
    coat = ("#e0693a", "#e8a33c", "#4f8fb5", "#c95a6a")[int(rng.integers(4))]
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
    coat, belly = (("#3f8a5f", "#d9c76a"), ("#b5402f", "#eac26a"), ("#3d6aa8", "#d6e2ea"))[int(rng.integers(3))]
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
