"""People, seen from behind or from afar, as image books like them."""

from __future__ import annotations

import numpy as np

from worker_node.providers.offline.painter.pen import Pen

SKIN = "#e9bf9b"
CLOTHES = ("#c8483f", "#d98a3a", "#3f6fa8", "#4c8a6a", "#8a5a9c", "#c9657f", "#e0b64a", "#47808c")
HAIR = ("#2b211d", "#3d2a1f", "#1f1a1c", "#5b3a22")


def _hair(rng: np.random.Generator) -> str:
    return HAIR[int(rng.integers(len(HAIR)))]


def _head(pen: Pen, y: float, radius: float, hair: str) -> None:
    pen.ellipse(0.0, y - radius * 0.75, radius * 0.34, radius * 0.6, SKIN)
    pen.ellipse(0.04 * radius, y - 0.04 * radius, radius * 0.94, radius * 0.94, SKIN)
    for side in (-1, 1):
        pen.ellipse(side * radius * 0.98, y - 0.06 * radius, radius * 0.17, radius * 0.24, SKIN)
    # From behind, turned a little: the hair leaves a crescent of the cheek.
    pen.ellipse(-0.14 * radius, y + 0.1 * radius, radius, radius, hair)


def _legs(pen: Pen, hip: float, spread: float, width: float, colour: str) -> None:
    for side in (-1, 1):
        pen.stroke([(side * spread * 0.6, hip), (side * spread, 0.03)], width, colour, width * 0.75)
        pen.blob([(side * spread - 0.03, 0.0), (side * spread - 0.025, 0.045), (side * spread + 0.05, 0.035), (side * spread + 0.06, 0.0)],
                 "#3a2c28")  # fmt: skip


def girl(pen: Pen, rng: np.random.Generator) -> None:
    dress, hair = pen.own(rng, CLOTHES), _hair(rng)
    _legs(pen, 0.3, 0.055, 0.06, SKIN)
    pen.blob(
        [(-0.21, 0.22), (-0.1, 0.5), (-0.1, 0.68), (0.0, 0.72), (0.1, 0.68), (0.1, 0.5), (0.21, 0.22), (0.0, 0.19)],
        dress,
    )
    pen.stroke([(-0.1, 0.66), (-0.2, 0.52), (-0.22, 0.4)], 0.055, dress, 0.04)
    pen.stroke([(0.1, 0.66), (0.21, 0.56), (0.28, 0.46)], 0.055, dress, 0.04)
    _head(pen, 0.85, 0.125, hair)
    for side in (-1, 1):
        pen.stroke([(side * 0.11, 0.85), (side * 0.18, 0.78), (side * 0.17, 0.64)], 0.06, hair, 0.02)
        pen.ellipse(side * 0.125, 0.845, 0.025, 0.025, "#f2d16b")


def boy(pen: Pen, rng: np.random.Generator) -> None:
    shirt, hair = pen.own(rng, CLOTHES), _hair(rng)
    _legs(pen, 0.36, 0.07, 0.075, "#3c4a63")
    pen.polygon([(-0.12, 0.24), (-0.12, 0.4), (0.12, 0.4), (0.12, 0.24)], "#3c4a63")
    pen.blob([(-0.13, 0.36), (-0.14, 0.62), (-0.07, 0.71), (0.07, 0.71), (0.14, 0.62), (0.13, 0.36)], shirt)
    pen.stroke([(-0.12, 0.65), (-0.2, 0.52), (-0.19, 0.4)], 0.06, shirt, 0.045)
    pen.stroke([(0.12, 0.65), (0.22, 0.58), (0.3, 0.66)], 0.06, shirt, 0.045)
    pen.blob([(-0.1, 0.42), (-0.105, 0.6), (0.03, 0.62), (0.04, 0.42)], "#8a6a3f")
    _head(pen, 0.84, 0.125, hair)


def woman(pen: Pen, rng: np.random.Generator) -> None:
    dress, hair = pen.own(rng, CLOTHES), _hair(rng)
    pen.blob([(-0.19, 0.0), (-0.13, 0.3), (-0.07, 0.55), (-0.1, 0.76), (0.0, 0.8), (0.1, 0.76), (0.07, 0.55), (0.13, 0.3), (0.19, 0.0),
              (0.0, -0.01)], dress)  # fmt: skip
    pen.stroke([(-0.09, 0.74), (-0.15, 0.58), (-0.1, 0.46)], 0.05, dress, 0.035)
    pen.stroke([(0.09, 0.74), (0.16, 0.6), (0.12, 0.47)], 0.05, dress, 0.035)
    _head(pen, 0.9, 0.085, hair)
    pen.blob([(-0.085, 0.93), (-0.1, 0.8), (-0.07, 0.66), (0.03, 0.64), (0.07, 0.78), (0.08, 0.92)], hair)


def man(pen: Pen, rng: np.random.Generator) -> None:
    coat, hair = pen.own(rng, ("#4b5a6e", "#6b4b3a", "#3f5c52", "#7a3f3a", "#55506b")), _hair(rng)
    _legs(pen, 0.46, 0.07, 0.085, "#2f3440")
    pen.blob([(-0.15, 0.3), (-0.12, 0.55), (-0.15, 0.76), (-0.06, 0.83), (0.06, 0.83), (0.15, 0.76), (0.12, 0.55), (0.16, 0.3),
              (0.0, 0.27)], coat)  # fmt: skip
    pen.stroke([(-0.13, 0.77), (-0.19, 0.6), (-0.17, 0.43)], 0.065, coat, 0.05)
    pen.stroke([(0.13, 0.77), (0.19, 0.6), (0.18, 0.43)], 0.065, coat, 0.05)
    pen.blob([(-0.09, 0.8), (0.0, 0.85), (0.09, 0.8), (0.12, 0.7), (0.05, 0.77), (-0.07, 0.77)], "#c9a15a")
    _head(pen, 0.92, 0.078, hair)


def elder(pen: Pen, rng: np.random.Generator) -> None:
    robe = pen.own(rng, ("#5a6f86", "#7a5f4a", "#5f6b52", "#6b5470"))
    pen.stroke([(0.27, 0.0), (0.265, 0.4), (0.25, 0.72)], 0.022, "#6b4a2c")
    pen.blob(
        [
            (-0.19, 0.0),
            (-0.17, 0.35),
            (-0.15, 0.65),
            (-0.05, 0.77),
            (0.09, 0.74),
            (0.15, 0.55),
            (0.17, 0.25),
            (0.18, 0.0),
        ],
        robe,
    )
    pen.stroke([(0.07, 0.68), (0.18, 0.58), (0.255, 0.55)], 0.06, robe, 0.05)
    pen.ellipse(0.25, 0.55, 0.025, 0.025, SKIN)
    _head(pen, 0.84, 0.085, "#eceae4")
    pen.blob([(0.0, 0.82), (0.09, 0.8), (0.1, 0.68), (0.05, 0.56), (0.01, 0.68)], "#f4f2ec")


def granny(pen: Pen, rng: np.random.Generator) -> None:
    """In a long skirt and a shawl, her hair in a bun."""
    robe = pen.own(rng, ("#7a5f7f", "#5f6f86", "#8a5f52", "#6b7056"))
    pen.stroke([(-0.26, 0.0), (-0.255, 0.35), (-0.24, 0.6)], 0.022, "#6b4a2c")
    pen.blob(
        [(-0.2, 0.0), (-0.15, 0.35), (-0.12, 0.62), (0.0, 0.72), (0.12, 0.62), (0.16, 0.35), (0.2, 0.0), (0.0, -0.01)],
        robe,
    )
    pen.blob([(-0.17, 0.44), (-0.13, 0.66), (0.0, 0.74), (0.13, 0.66), (0.17, 0.44), (0.0, 0.36)], "#d9c4a8")
    pen.stroke([(-0.12, 0.6), (-0.2, 0.52), (-0.245, 0.5)], 0.06, "#d9c4a8", 0.045)
    pen.ellipse(-0.245, 0.5, 0.024, 0.024, SKIN)
    _head(pen, 0.83, 0.092, "#e2e0dc")
    pen.ellipse(-0.01, 0.945, 0.05, 0.045, "#d3d0ca")


def astronaut(pen: Pen, _rng: np.random.Generator) -> None:
    pen.blob([(-0.2, 0.4), (-0.2, 0.72), (0.2, 0.72), (0.2, 0.4)], "#b9bec8")
    for side in (-1, 1):
        pen.stroke([(side * 0.08, 0.42), (side * 0.1, 0.06)], 0.14, "#e8ebf0", 0.12)
        pen.blob(
            [(side * 0.1 - 0.08, 0.0), (side * 0.1 - 0.07, 0.09), (side * 0.1 + 0.07, 0.09), (side * 0.1 + 0.08, 0.0)],
            "#9aa2b0",
        )
        pen.stroke([(side * 0.16, 0.66), (side * 0.27, 0.54), (side * 0.25, 0.4)], 0.11, "#f1f3f7", 0.09)
    pen.blob([(-0.17, 0.36), (-0.18, 0.66), (-0.08, 0.74), (0.08, 0.74), (0.18, 0.66), (0.17, 0.36)], "#f4f6fa")
    pen.polygon([(-0.07, 0.52), (0.07, 0.52), (0.07, 0.6), (-0.07, 0.6)], "#d8863c")
    pen.ellipse(0.0, 0.86, 0.15, 0.145, "#f6f8fc")
    pen.ellipse(0.02, 0.86, 0.11, 0.095, "#27334d")
    pen.ellipse(0.055, 0.89, 0.03, 0.022, "#9fc4ec", 20)


def robot(pen: Pen, rng: np.random.Generator) -> None:
    body, dark = pen.own(rng, ("#8fa6b5", "#c98f5a", "#7fa893", "#b06a62")), "#3b4650"
    for side in (-1, 1):
        pen.stroke([(side * 0.09, 0.34), (side * 0.1, 0.06)], 0.07, dark)
        pen.blob(
            [(side * 0.1 - 0.08, 0.0), (side * 0.1 - 0.07, 0.08), (side * 0.1 + 0.07, 0.08), (side * 0.1 + 0.08, 0.0)],
            body,
        )
        pen.stroke([(side * 0.2, 0.6), (side * 0.29, 0.48), (side * 0.27, 0.34)], 0.055, dark)
        pen.ellipse(side * 0.27, 0.32, 0.05, 0.05, body)
    pen.polygon([(-0.18, 0.32), (-0.2, 0.64), (0.2, 0.64), (0.18, 0.32)], body)
    pen.polygon([(-0.1, 0.42), (-0.1, 0.56), (0.1, 0.56), (0.1, 0.42)], dark)
    pen.ellipse(0.0, 0.49, 0.035, 0.035, "#ff9d5c")
    pen.stroke([(0.0, 0.64), (0.0, 0.7)], 0.06, dark)
    pen.blob([(-0.18, 0.7), (-0.19, 0.92), (0.0, 0.97), (0.19, 0.92), (0.18, 0.7)], body)
    pen.polygon([(-0.14, 0.76), (-0.14, 0.89), (0.14, 0.89), (0.14, 0.76)], "#202a33")
    pen.stroke([(0.0, 0.95), (0.02, 1.06)], 0.015, dark)
    pen.ellipse(0.02, 1.07, 0.025, 0.025, "#ff6b5c")
    for side in (-1, 1):
        pen.ellipse(side * 0.065, 0.825, 0.03, 0.035, "#8ff0ff")
        pen.light(side * 0.065, 0.825, 0.07, "#7fe8ff")
