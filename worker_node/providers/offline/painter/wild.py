"""Places that nobody built: water, mountains, woods, fields, sand, snow, clouds, the moon."""

from __future__ import annotations

import numpy as np

from worker_node.providers.offline.painter import things
from worker_node.providers.offline.painter.canvas import below, blurred, smoothstep
from worker_node.providers.offline.painter.colour import Array, mix, rgb
from worker_node.providers.offline.painter.land import Land
from worker_node.providers.offline.painter.pen import Pen


def sea(land: Land) -> None:
    """Open water, perhaps an island far off, a beach or rocks before us."""
    if land.rng.random() < 0.7:
        land.layer(land.hills(0.572, 0.09, 2.0, sharp=True), rgb("#5a7088"), 0.68)
    land.water(0.56, "#2f6f8f")
    beach = rgb("#e0c898" if land.rng.random() < 0.7 else "#7a7468")
    land.shore(land.grass if land.season == "winter" else beach, height=0.1)
    land.pebbles(0.97, rgb("#8f887e"))


def river(land: Land) -> None:
    """A lake or a wide river between wooded banks."""
    land.far_mountains(0.5, 0.2)
    bank = land.hills(0.6, 0.05, 3, octaves=4)
    land.layer(bank, land.foliage, 0.32)
    land.pines(bank, 16, 0.06, 0.34)
    land.water(0.64, "#3f7f8a")
    land.shore(land.grass, height=0.14)
    land.blades(0.93)


def mountain(land: Land) -> None:
    """High ranges over wooded slopes."""
    land.far_mountains(0.54, 0.46, 3)
    middle = land.hills(0.72, 0.14, 3)
    land.layer(middle, land.foliage, 0.3, cells=26)
    land.pines(middle, 26, 0.075, 0.28)
    land.meadow(0.86, 0.06)


def forest(land: Land) -> None:
    """Rows of trees to both sides of a glade."""
    canvas, rng = land.canvas, land.rng
    land.layer(land.hills(0.5, 0.12, 5), land.foliage, 0.68)
    for row, depth in enumerate((0.58, 0.42, 0.26, 0.1)):
        line = land.hills(0.68 + 0.06 * row, 0.03, 4, octaves=3)
        land.layer(line, mix(land.foliage, land.grass, 0.25 * row), depth, cells=24)
        gap = 0.2 + 0.08 * row
        for number in range(14 - 3 * row):
            left, right = rng.uniform(-0.05, 0.5 - gap / 2), rng.uniform(0.5 + gap / 2, 1.05)
            x = float(left if number % 2 else right) * canvas.width
            y = float(line[min(max(int(x), 0), canvas.width - 1)]) + canvas.height * 0.015
            tall = (0.24 + 0.1 * row) * canvas.height * float(rng.uniform(0.8, 1.2))
            pen = Pen(tall, flip=bool(rng.integers(2)))
            draw = things.pine if rng.random() < 0.45 else things.tree
            draw(pen, rng, land.season)
            land.set(pen, x, y, depth)
    land.meadow(0.9, 0.03)
    if not land.scene.dark and land.scene.weather not in ("rain", "storm"):
        _shafts(land)


def _shafts(land: Land) -> None:
    """Light falling between the trees."""
    canvas, rng = land.canvas, land.rng
    foot = canvas.row(0.95)
    for _ in range(5):
        x = float(rng.uniform(0.15, 0.85)) * canvas.width
        lean = (0.5 - land.across) * canvas.width * 0.55
        wide = float(rng.uniform(0.02, 0.06)) * canvas.width
        points = [(x, 0.0), (x + wide, 0.0), (x + lean + wide * 2.4, foot), (x + lean, foot)]
        canvas.polygon(points, land.palette.glow, 0.13, blur=canvas.width * 0.016)


def field(land: Land) -> None:
    """Rolling fields with single trees."""
    land.far_mountains(0.59, 0.13, 2)
    for base, rise, depth in ((0.64, 0.06, 0.42), (0.7, 0.07, 0.26), (0.77, 0.06, 0.13)):
        line = land.hills(base, rise, 2.2, octaves=3)
        land.layer(line, mix(land.grass, rgb("#d9b95a"), float(land.rng.uniform(0, 0.55))), depth, cells=30)
        for x in land.rng.uniform(0, land.canvas.width - 1, 4):
            pen = Pen(land.canvas.height * 0.075 * (1.2 - depth) * float(land.rng.uniform(0.7, 1.4)))
            things.tree(pen, land.rng, land.season)
            land.set(pen, float(x), float(line[int(x)]) + 3, depth)
    land.meadow(0.85, 0.05)


def desert(land: Land) -> None:
    """Dunes with a lit side and a shaded one."""
    dunes = ((0.62, 0.07, 0.58), (0.68, 0.1, 0.36), (0.77, 0.11, 0.16), (0.88, 0.1, 0.0))
    for number, (base, rise, depth) in enumerate(dunes):
        line = blurred(land.hills(base, rise, 1.8 + 0.4 * number, octaves=2)[None, :], land.canvas.width * 0.012)[0]
        land.layer(line, mix(rgb("#d9a05a"), rgb("#e8bf80"), number / 3), depth, texture=0.07, cells=70, lift=0.2)
        _lee(land, line, depth)
    land.pebbles(0.98, rgb("#a8794a"), 40)


def _lee(land: Land, line: Array, depth: float) -> None:
    """The dune's side away from the light."""
    canvas = land.canvas
    top = max(0, int(line.min()) - 1)
    slope = np.gradient(line) * (1 if land.across < 0.5 else -1)
    steep = np.clip(blurred(slope[None, :].astype(np.float32), canvas.width * 0.01), 0, None)
    ys = np.arange(top, canvas.height, dtype=np.float32)[:, None]
    under = np.clip(1 - (ys - line[None, :]) / (0.09 * canvas.height), 0, 1)
    mask = below(line, canvas.height, top) * smoothstep(0.02, 0.22, steep) * under
    canvas.cover_below(top, mask, land.palette.lit(rgb("#8a5a3f"), depth), 0.5)


def snowfield(land: Land) -> None:
    """Snow to the horizon, with pines."""
    land.far_mountains(0.58, 0.26, 2)
    for base, rise, depth, count in ((0.66, 0.05, 0.4, 22), (0.75, 0.06, 0.2, 12), (0.87, 0.05, 0.0, 0)):
        line = land.hills(base, rise, 2.2, octaves=3)
        land.layer(line, rgb("#eaf1f7"), depth, texture=0.06, cells=40, lift=0.06)
        land.pines(line, count, 0.08, depth)


def moonscape(land: Land) -> None:
    """Grey hills and craters."""
    for base, rise, depth in ((0.82, 0.07, 0.3), (0.88, 0.05, 0.05)):
        land.layer(land.hills(base, rise, 3), rgb("#8f8a96"), depth, texture=0.3, cells=20)
    rng, canvas = land.rng, land.canvas
    dark, pale = land.palette.lit(rgb("#5f5a6a")), land.palette.lit(rgb("#b5b0bc"))
    around = [(float(np.cos(a)), float(np.sin(a))) for a in np.linspace(0, 2 * np.pi, 32)]
    top = canvas.level(0.9)
    for near in np.sort(rng.random(11)):
        x, y = float(rng.uniform(0, 1)) * canvas.width, (top + (0.98 - top) * near) * canvas.height
        wide = (0.02 + 0.06 * near) * canvas.width
        canvas.polygon([(x + wide * a, y + wide * 0.24 * b) for a, b in around], dark, 0.7, blur=2)
        rim = [(x + wide * a, y + wide * 0.05 + wide * 0.22 * b) for a, b in around if b > -0.2]
        canvas.polygon(rim, pale, 0.3, blur=2)


def cloud_sea(land: Land) -> None:
    """Clouds seen from above."""
    for base, rise, depth in ((0.66, 0.1, 0.55), (0.75, 0.13, 0.32), (0.88, 0.14, 0.05)):
        line = blurred(land.hills(base, rise, 5, octaves=4)[None, :], land.canvas.width * 0.006)[0]
        land.layer(line, rgb("#f6f4f6"), depth, texture=0.16, cells=9, lift=0.22)
