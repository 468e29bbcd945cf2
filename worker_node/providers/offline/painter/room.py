"""Indoors: a wall with a window onto the sky, a floor, a lamp and the things of a house."""

from __future__ import annotations

import numpy as np

from worker_node.providers.offline.painter.canvas import Canvas, noise
from worker_node.providers.offline.painter.colour import Palette, mix, rgb
from worker_node.providers.offline.painter.scene import Scene
from worker_node.providers.offline.painter.sky import paint_sky

WALLS = ("#b98a63", "#8fa08a", "#a9859a", "#7f97ad", "#c4a36a")


def paint_room(canvas: Canvas, scene: Scene) -> Palette:
    """Paint the room; returns the light that things in it stand in."""
    rng, w, h = scene.rng, canvas.width, canvas.height
    across = paint_sky(canvas, scene, 0.7)
    outside = canvas.pixels.copy()
    night = scene.dark
    level = 0.5 if night else 0.72 if scene.time in ("dusk", "dawn") else 0.95
    warm = np.array([1.06, 0.92, 0.74] if night or scene.time != "day" else [1.0, 0.99, 0.95], np.float32) * np.float32(
        level
    )
    wall = rgb(WALLS[int(rng.integers(len(WALLS)))]) * warm
    canvas.pixels[:] = wall
    canvas.pixels *= (1 + 0.1 * (noise(rng, w, h, cells=30, octaves=4) - 0.5))[..., None]
    for column in range(0, 18):
        x = w * (column + 0.5) / 18
        canvas.polygon(
            [(x, 0), (x + w * 0.016, 0), (x + w * 0.016, h * 0.72), (x, h * 0.72)], (wall * 1.1).astype(np.float32), 0.3
        )
    _floor(canvas, (rgb("#8a5c3c") * warm).astype(np.float32), scene)
    left = w * (0.14 if across < 0.5 else 0.5)
    _window(canvas, outside, left, h * 0.14, w * 0.36, h * 0.4, warm)
    _shelf(canvas, scene, w * (0.66 if across < 0.5 else 0.12), h * 0.24, warm)
    if not night:
        beam = [(left, h * 0.54), (left + w * 0.36, h * 0.54), (left + w * 0.56, h), (left + w * 0.04, h)]
        canvas.polygon(beam, scene.palette.glow, 0.22, blur=w * 0.012)
    _lamp(canvas, w * (0.82 if across < 0.5 else 0.2), h * 0.66, h, strength=0.85 if night else 0.3)
    palette = scene.palette
    return Palette(palette.top, palette.middle, palette.horizon, warm, palette.cloud, rgb("#ffe2b0"))


def _floor(canvas: Canvas, colour: np.ndarray, scene: Scene) -> None:
    w, h = canvas.width, canvas.height
    canvas.polygon([(0, h * 0.72), (w, h * 0.72), (w, h), (0, h)], colour)
    for number in range(-6, 19):
        x = w * number / 12
        foot = w * 0.5 + (x - w * 0.5) * 2.1
        canvas.polygon(
            [(x, h * 0.72), (x + 1.5, h * 0.72), (foot + 3, h), (foot, h)], (colour * 0.72).astype(np.float32), 0.8
        )
    canvas.polygon([(0, h * 0.7), (w, h * 0.7), (w, h * 0.725), (0, h * 0.725)], mix(colour, rgb("#f2e6d0"), 0.35))
    rug = rgb(("#a8443c", "#3f6a8a", "#6a7f4a")[int(scene.rng.integers(3))]) * np.float32(0.9)
    steps = np.linspace(0, 2 * np.pi, 48)
    for share, tone in (
        (1.0, rug),
        (0.86, mix(rug, rgb("#f2dcae"), 0.6)),
        (0.8, rug),
        (0.45, mix(rug, rgb("#f2dcae"), 0.4)),
    ):
        ring = [(w * 0.5 + w * 0.3 * share * np.cos(a), h * 0.89 + h * 0.075 * share * np.sin(a)) for a in steps]
        canvas.polygon(ring, (tone * colour.max() * 1.5).clip(0, 1).astype(np.float32), 0.95)


def _window(
    canvas: Canvas, outside: np.ndarray, x: float, y: float, wide: float, tall: float, warm: np.ndarray
) -> None:
    frame = (rgb("#efe4cf") * warm).clip(0, 1).astype(np.float32)
    edge = wide * 0.035
    canvas.polygon(
        [
            (x - edge, y - edge),
            (x + wide + edge, y - edge),
            (x + wide + edge, y + tall + edge),
            (x - edge, y + tall + edge),
        ],
        frame,
    )
    x0, y0, x1, y1 = int(x), int(y), int(x + wide), int(y + tall)
    canvas.pixels[y0:y1, x0:x1] = outside[y0:y1, x0:x1]
    for bar in (x + wide * 0.5,):
        canvas.polygon(
            [(bar - edge / 3, y), (bar + edge / 3, y), (bar + edge / 3, y + tall), (bar - edge / 3, y + tall)], frame
        )
    middle = y + tall * 0.46
    canvas.polygon(
        [(x, middle - edge / 3), (x + wide, middle - edge / 3), (x + wide, middle + edge / 3), (x, middle + edge / 3)],
        frame,
    )
    canvas.polygon([(x - edge * 2, y + tall + edge), (x + wide + edge * 2, y + tall + edge), (x + wide + edge * 2, y + tall + edge * 2.2),
                    (x - edge * 2, y + tall + edge * 2.2)], (frame * 0.85).astype(np.float32))  # fmt: skip
    cloth = (rgb("#c9685a") * warm).clip(0, 1).astype(np.float32)
    for side in (-1, 1):
        rail = x - edge if side < 0 else x + wide + edge
        for fold in range(4):
            start = rail - side * wide * (0.06 * fold) + side * edge
            points = [(start, y - edge * 2), (start - side * wide * 0.06, y - edge * 2), (start - side * wide * 0.03, y + tall * 0.6),
                      (start + side * wide * 0.02, y + tall + edge * 3), (start + side * wide * 0.05, y + tall + edge * 3)]  # fmt: skip
            canvas.polygon(points, (cloth * (0.82 + 0.1 * fold)).clip(0, 1).astype(np.float32), 0.95)


def _shelf(canvas: Canvas, scene: Scene, x: float, y: float, warm: np.ndarray) -> None:
    rng, w, h = scene.rng, canvas.width, canvas.height
    wood = (rgb("#6b4630") * warm).astype(np.float32)
    for row in range(3):
        foot = y + h * 0.13 * row + h * 0.1
        place = x
        while place < x + w * 0.2:
            thick, tall = w * float(rng.uniform(0.009, 0.02)), h * float(rng.uniform(0.055, 0.09))
            codes = ("#b5523f", "#3f6f8a", "#c9a04f", "#5f7f5a", "#7a5a86", "#d9c7a4")
            tone = (rgb(codes[int(rng.integers(len(codes)))]) * warm).astype(np.float32)
            canvas.polygon(
                [(place, foot), (place, foot - tall), (place + thick * 0.9, foot - tall), (place + thick * 0.9, foot)],
                tone,
            )
            place += thick
        canvas.polygon(
            [
                (x - w * 0.01, foot),
                (x + w * 0.22, foot),
                (x + w * 0.22, foot + h * 0.012),
                (x - w * 0.01, foot + h * 0.012),
            ],
            wood,
        )


def _lamp(canvas: Canvas, x: float, y: float, h: float, *, strength: float) -> None:
    wood = rgb("#5a3d2a")
    canvas.polygon(
        [
            (x - h * 0.09, y + h * 0.1),
            (x + h * 0.09, y + h * 0.1),
            (x + h * 0.08, y + h * 0.125),
            (x - h * 0.08, y + h * 0.125),
        ],
        wood,
    )
    for side in (-1, 1):
        leg = x + side * h * 0.07
        canvas.polygon(
            [
                (leg - h * 0.008, y + h * 0.12),
                (leg + h * 0.008, y + h * 0.12),
                (leg + h * 0.006, y + h * 0.22),
                (leg - h * 0.006, y + h * 0.22),
            ],
            wood,
        )
    canvas.polygon(
        [(x - h * 0.008, y), (x + h * 0.008, y), (x + h * 0.02, y + h * 0.1), (x - h * 0.02, y + h * 0.1)],
        rgb("#b58a4a"),
    )
    canvas.polygon(
        [
            (x - h * 0.035, y - h * 0.075),
            (x + h * 0.035, y - h * 0.075),
            (x + h * 0.065, y + h * 0.01),
            (x - h * 0.065, y + h * 0.01),
        ],
        rgb("#ffdf9c"),
    )
    canvas.glow(x, y, h * 0.55, rgb("#ffc26a"), strength * 0.6)
    canvas.glow(x, y - h * 0.02, h * 0.16, rgb("#ffe2a0"), strength * 0.8)
