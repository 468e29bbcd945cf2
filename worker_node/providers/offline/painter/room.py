"""Indoors: a wall with a window onto the sky, a floor, a lamp and the things of a house."""

from __future__ import annotations

import numpy as np

from worker_node.providers.offline.painter.canvas import Canvas, noise
from worker_node.providers.offline.painter.colour import Array, Colour, Palette, mix, rgb
from worker_node.providers.offline.painter.scene import Scene
from worker_node.providers.offline.painter.sky import paint_sky

WALLS = ("#b98a63", "#8fa08a", "#a9859a", "#7f97ad", "#c4a36a")
RUGS = ("#a8443c", "#3f6a8a", "#6a7f4a")
BOOKS = ("#b5523f", "#3f6f8a", "#c9a04f", "#5f7f5a", "#7a5a86", "#d9c7a4")
FLOOR = 0.74


def paint_room(canvas: Canvas, scene: Scene) -> Palette:
    """Paint the room; returns the light that things in it stand in."""
    w, h, row = canvas.width, canvas.height, canvas.row
    across = paint_sky(canvas, scene, canvas.level(0.7))
    outside = canvas.pixels.copy()
    night = scene.dark
    level = 0.56 if night else 0.78 if scene.time in ("dusk", "dawn") else 0.95
    tint = [1.06, 0.92, 0.74] if night or scene.time != "day" else [1.0, 0.99, 0.95]
    warm = np.array(tint, np.float32) * np.float32(level)
    _wall(canvas, rgb(WALLS[int(scene.rng.integers(len(WALLS)))]) * warm, scene)
    _floor(canvas, (rgb("#8a5c3c") * warm).astype(np.float32), scene)
    left = w * (0.14 if across < 0.5 else 0.5)
    _window(canvas, outside, (left, row(0.15), w * 0.36, row(0.56) - row(0.15)), warm)
    _shelf(canvas, scene, w * (0.66 if across < 0.5 else 0.12), warm)
    if not night:
        sill = row(0.56)
        beam = [(left, sill), (left + w * 0.36, sill), (left + w * 0.56, h), (left + w * 0.04, h)]
        canvas.polygon(beam, scene.palette.glow, 0.22, blur=w * 0.012)
    _lamp(canvas, w * (0.86 if across < 0.5 else 0.14), 0.85 if night else 0.3)
    palette = scene.palette
    return Palette(palette.top, palette.middle, palette.horizon, warm, palette.cloud, rgb("#ffe2b0"))


def _box(canvas: Canvas, x0: float, y0: float, x1: float, y1: float, colour: Array, opacity: float = 1.0) -> None:
    canvas.polygon([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], np.clip(colour, 0, 1).astype(np.float32), opacity)


def _wall(canvas: Canvas, wall: Array, scene: Scene) -> None:
    """Striped paper, a panel below it, a beam under the ceiling."""
    w, foot = canvas.width, canvas.row(FLOOR)
    canvas.pixels[:] = wall
    canvas.pixels *= (1 + 0.1 * (noise(scene.rng, w, canvas.height, cells=30, octaves=4) - 0.5))[..., None]
    for column in range(18):
        x = w * (column + 0.5) / 18
        _box(canvas, x, 0, x + w * 0.016, foot, wall * 1.1, 0.3)
    ceiling = canvas.row(0.015)
    _box(canvas, 0, 0, w, ceiling, wall * 0.8)
    _box(canvas, 0, ceiling, w, ceiling + canvas.height * 0.016, wall * 0.55)


def _floor(canvas: Canvas, colour: Colour, scene: Scene) -> None:
    w, h, top = canvas.width, canvas.height, canvas.row(FLOOR)
    _box(canvas, 0, top, w, h, colour)
    for number in range(-8, 21):
        x = w * number / 12
        foot = w * 0.5 + (x - w * 0.5) * 2.1
        canvas.polygon([(x, top), (x + 1.5, top), (foot + 3, h), (foot, h)], (colour * 0.72).astype(np.float32), 0.8)
    _box(canvas, 0, top - h * 0.016, w, top + h * 0.004, mix(colour, rgb("#f2e6d0"), 0.35))
    rug = rgb(RUGS[int(scene.rng.integers(len(RUGS)))]) * np.float32(0.9)
    pale = rgb("#f2dcae")
    middle, tall = (canvas.row(0.98), h * 0.07)
    for share, tone in ((1.0, rug), (0.86, mix(rug, pale, 0.6)), (0.8, rug), (0.45, mix(rug, pale, 0.4))):
        around = np.linspace(0, 2 * np.pi, 48)
        ring = [(w * (0.5 + 0.34 * share * np.cos(a)), middle + tall * share * np.sin(a)) for a in around]
        canvas.polygon(ring, (tone * colour.max() * 1.5).clip(0, 1).astype(np.float32), 0.95)


def _window(canvas: Canvas, outside: Array, place: tuple[float, float, float, float], warm: Array) -> None:
    """`place` is left, top, width and height in pixels."""
    x, y, wide, tall = place
    frame, edge = rgb("#efe4cf") * warm, wide * 0.035
    _box(canvas, x - edge, y - edge, x + wide + edge, y + tall + edge, frame)
    shown = (slice(int(y), int(y + tall)), slice(int(x), int(x + wide)))
    canvas.pixels[shown] = outside[shown]
    bar, sill = x + wide * 0.5, y + tall * 0.46
    _box(canvas, bar - edge / 3, y, bar + edge / 3, y + tall, frame)
    _box(canvas, x, sill - edge / 3, x + wide, sill + edge / 3, frame)
    _box(canvas, x - edge * 2, y + tall + edge, x + wide + edge * 2, y + tall + edge * 2.2, frame * 0.85)
    cloth = rgb("#c9685a") * warm
    for side in (-1, 1):
        rail = x - edge if side < 0 else x + wide + edge
        for fold in range(4):
            start = rail - side * wide * (0.06 * fold) + side * edge
            points = [
                (start, y - edge * 2),
                (start - side * wide * 0.06, y - edge * 2),
                (start - side * wide * 0.03, y + tall * 0.6),
                (start + side * wide * 0.02, y + tall + edge * 3),
                (start + side * wide * 0.05, y + tall + edge * 3),
            ]
            canvas.polygon(points, (cloth * (0.82 + 0.1 * fold)).clip(0, 1).astype(np.float32), 0.95)
    _box(canvas, x - edge * 4, y - edge * 2.6, x + wide + edge * 4, y - edge * 1.8, rgb("#6b4630") * warm)


def _shelf(canvas: Canvas, scene: Scene, x: float, warm: Array) -> None:
    rng, w, h = scene.rng, canvas.width, canvas.height * canvas.squeeze
    wood = rgb("#6b4630") * warm
    for number in range(3):
        foot = canvas.row(0.29 + 0.14 * number)
        place = x
        while place < x + w * 0.2:
            thick, tall = w * float(rng.uniform(0.009, 0.02)), h * float(rng.uniform(0.065, 0.11))
            tone = rgb(BOOKS[int(rng.integers(len(BOOKS)))]) * warm
            if rng.random() < 0.9:
                _box(canvas, place, foot - tall, place + thick * 0.9, foot, tone)
                _box(canvas, place, foot - tall * 0.8, place + thick * 0.9, foot - tall * 0.72, tone * 1.3)
            place += thick
        _box(canvas, x - w * 0.01, foot, x + w * 0.22, foot + h * 0.016, wood)
        _box(canvas, x - w * 0.01, foot + h * 0.016, x + w * 0.22, foot + h * 0.024, wood * 0.6)


def _lamp(canvas: Canvas, x: float, strength: float) -> None:
    """A lamp on a small table."""
    h, y = canvas.height * 0.9, canvas.row(0.66)
    wood = rgb("#5a3d2a")
    for side in (-1, 1):
        leg = x + side * h * 0.07
        _box(canvas, leg - h * 0.008, y + h * 0.11, leg + h * 0.008, y + h * 0.2, wood * 0.8)
    _box(canvas, x - h * 0.095, y + h * 0.095, x + h * 0.095, y + h * 0.118, wood)
    stand = [(x - h * 0.008, y), (x + h * 0.008, y), (x + h * 0.022, y + h * 0.097), (x - h * 0.022, y + h * 0.097)]
    canvas.polygon(stand, rgb("#b58a4a"))
    shade = [(-0.035, -0.075), (0.035, -0.075), (0.065, 0.01), (-0.065, 0.01)]
    canvas.polygon([(x + h * dx, y + h * dy) for dx, dy in shade], rgb("#ffdf9c"))
    canvas.glow(x, y, h * 0.55, rgb("#ffc26a"), strength * 0.6)
    canvas.glow(x, y - h * 0.02, h * 0.16, rgb("#ffe2a0"), strength * 0.8)
