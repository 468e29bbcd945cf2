"""Places that people built: the city and the village."""

from __future__ import annotations

import numpy as np

from worker_node.providers.offline.painter import things
from worker_node.providers.offline.painter.canvas import blurred
from worker_node.providers.offline.painter.colour import mix, rgb
from worker_node.providers.offline.painter.land import Land
from worker_node.providers.offline.painter.pen import Pen

WALLS = ("#7d8796", "#9a8a80", "#6f7f8a", "#a3968a", "#86788a")
STREET = 0.845


def city(land: Land) -> None:
    """Three rows of tall houses, a street before them, wet in the rain."""
    canvas, rng = land.canvas, land.rng
    for row, depth in enumerate((0.78, 0.52, 0.24)):
        x = -float(rng.uniform(0, 0.05)) * canvas.width
        while x < canvas.width:
            wide = canvas.width * float(rng.uniform(0.05, 0.1)) * (1 + 0.45 * row)
            _building(land, x, canvas.row(float(rng.uniform(0.14, 0.44)) + 0.12 * row), wide, depth)
            x += wide * float(rng.uniform(0.9, 1.15))
    street = canvas.row(STREET)
    land.layer(np.full(canvas.width, street, np.float32), rgb("#8d8a88"), 0.05, texture=0.1, cells=60)
    wet = land.scene.weather in ("rain", "storm")
    if wet or land.scene.dark:
        y0 = int(street) + 2
        rows = min(canvas.height - y0, y0)
        mirror = blurred(np.ascontiguousarray(canvas.pixels[y0 - rows : y0][::-1]), canvas.width / 90)
        fade = np.linspace(0.55 if wet else 0.34, 0.1, rows, dtype=np.float32)[:, None, None]
        canvas.pixels[y0 : y0 + rows] += (mirror - canvas.pixels[y0 : y0 + rows]) * fade
    middle, paint = canvas.width * 0.5, land.palette.lit(rgb("#e8e2d0"))
    for share in (-0.05, 0.3, 0.7, 1.05):
        foot = canvas.width * share
        canvas.polygon(
            [(middle, street), (foot, canvas.height), (foot + canvas.width * 0.02, canvas.height)], paint, 0.22
        )
    kerb = land.palette.lit(rgb("#b5b0a8"))
    canvas.polygon([(0, street), (canvas.width, street), (canvas.width, street + 5), (0, street + 5)], kerb, 0.6)
    for x in (0.07, 0.93):
        pen = Pen(canvas.height * 0.24, flip=x > 0.5)
        things.street_lamp(pen)
        land.set(pen, x * canvas.width, canvas.row(STREET + 0.035), 0.04)


def _building(land: Land, x: float, top: float, wide: float, depth: float) -> None:
    canvas, rng = land.canvas, land.rng
    bottom = canvas.row(0.86)
    lit = land.palette.lit(rgb(WALLS[int(rng.integers(len(WALLS)))]), depth)
    canvas.polygon([(x, bottom), (x, top), (x + wide, top), (x + wide, bottom)], lit)
    lee = x + wide * (0.66 if land.across < 0.5 else 0.0)
    edge = lee + wide * 0.34
    canvas.polygon([(lee, bottom), (lee, top), (edge, top), (edge, bottom)], (lit * 0.84).astype(np.float32))
    if rng.random() < 0.4:
        middle = x + wide / 2
        canvas.polygon([(middle - wide * 0.03, top), (middle, top - wide * 0.5), (middle + wide * 0.03, top)], lit)
    columns, step = max(2, int(wide / (canvas.width * 0.014))), canvas.height * 0.021
    cell = wide / columns
    share = 0.46 if land.scene.dark else 0.22 if land.scene.time == "dusk" else 0.0
    blind = mix((lit * 0.78).astype(np.float32), land.palette.haze, depth * 0.5)
    for row in range(1, int((bottom - top) / step)):
        for column in range(columns):
            wx, wy = x + cell * (column + 0.25), top + step * (row - 0.4)
            shining = rng.random() < share
            lamp = mix(rgb("#ffd68a" if rng.random() < 0.8 else "#bfe3ff"), land.palette.haze, depth * 0.6)
            box = [(wx, wy), (wx + cell * 0.5, wy), (wx + cell * 0.5, wy + step * 0.5), (wx, wy + step * 0.5)]
            canvas.polygon(box, lamp if shining else blind, 0.9 if shining else 0.6)


def village(land: Land) -> None:
    """Houses among trees under mountains, and a path that leads there."""
    canvas, rng = land.canvas, land.rng
    land.far_mountains(0.56, 0.24, 3)
    for base, size, depth, count in ((0.69, 0.11, 0.3, 6), (0.78, 0.17, 0.14, 5)):
        line = land.hills(base, 0.04, 2.4, octaves=3)
        land.layer(line, land.grass, depth, cells=30)
        for number, share in enumerate(np.linspace(0.06, 0.94, count)):
            x = float(np.clip(share + rng.uniform(-0.05, 0.05), 0.03, 0.97)) * canvas.width
            pen = Pen(canvas.height * size * float(rng.uniform(0.85, 1.15)), flip=bool(rng.integers(2)))
            if (number + count) % 3 == 1:
                things.tree(pen, rng, land.season)
            else:
                things.house(pen, rng)
                if land.season == "winter":
                    things.snowy_roof(pen)
            land.set(pen, x, float(line[int(x)]) + canvas.height * 0.022, depth, shadow=True)
    land.meadow(0.87, 0.04)
    path = land.palette.lit(rgb("#d9c39a") if land.season != "winter" else rgb("#f4f6f8"))
    w = canvas.width
    left = [(0.36, 1.0, True), (0.43, 0.95, False), (0.455, 0.88, False), (0.49, 0.815, False)]
    right = [(0.51, 0.815, False), (0.5, 0.88, False), (0.54, 0.95, False), (0.63, 1.0, True)]
    rim = [(w * x, float(canvas.height) if bottom else canvas.row(y)) for x, y, bottom in left + right]
    canvas.polygon(rim, path, 0.8, blur=w * 0.004)
