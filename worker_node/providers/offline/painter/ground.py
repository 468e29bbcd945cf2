"""The land, and what stands where: every place is layers from the horizon to the feet, each nearer one less hazy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from worker_node.providers.offline.painter import things
from worker_node.providers.offline.painter.canvas import Canvas, below, blurred, noise, ridge, smoothstep
from worker_node.providers.offline.painter.colour import Array, Colour, mix, rgb
from worker_node.providers.offline.painter.pen import Pen
from worker_node.providers.offline.painter.scene import Scene

GRASS = {"spring": "#86b562", "summer": "#5d9a4c", "autumn": "#c2933f", "winter": "#e6edf2", "": "#74a456"}
FOLIAGE = {"spring": "#5f9a58", "summer": "#3c7a48", "autumn": "#b5622f", "winter": "#9fb3ba", "": "#44794a"}


@dataclass(frozen=True)
class Ground:
    """Where figures stand, in picture heights from the top: near feet, the foot of far things, the water's surface or None; `horizon`
    is where sky and land meet."""

    horizon: float
    near: float = 0.92
    far: float = 0.72
    water: float | None = None


GROUNDS = {
    "sea": Ground(0.56, 0.95, 0.66, 0.74),
    "river": Ground(0.5, 0.95, 0.66, 0.76),
    "mountain": Ground(0.58, 0.93, 0.74),
    "forest": Ground(0.62, 0.93, 0.8),
    "field": Ground(0.6, 0.93, 0.72),
    "city": Ground(0.72, 0.95, 0.82),
    "village": Ground(0.58, 0.94, 0.74),
    "desert": Ground(0.6, 0.93, 0.72),
    "snowfield": Ground(0.6, 0.93, 0.74),
    "space": Ground(0.8, 0.95, 0.84),
    "sky": Ground(0.78, 0.86, 0.76),
}


class Land:
    """Paints one scene's ground onto a canvas."""

    def __init__(self, canvas: Canvas, scene: Scene, across: float) -> None:
        self._canvas, self._scene, self._across = canvas, scene, across
        self._rng, self._palette = scene.rng, scene.palette
        self._ground = GROUNDS[scene.place]
        snowy = scene.weather == "snow" or scene.season == "winter" or scene.place == "snowfield"
        self._season = "winter" if snowy else scene.season

    def paint(self) -> None:
        """Everything below the sky."""
        places: dict[str, Callable[[], None]] = {
            "sea": self._sea,
            "river": self._river,
            "mountain": self._mountain,
            "forest": self._forest,
            "field": self._field,
            "city": self._city,
            "village": self._village,
            "desert": self._desert,
            "snowfield": self._snowfield,
            "space": self._moonscape,
            "sky": self._cloud_sea,
        }
        places[self._scene.place]()

    def _layer(
        self, line: Array, colour: Colour, depth: float, *, texture: float = 0.16, cells: float = 14, lift: float = 0.1
    ) -> None:
        """Fill below a skyline with a colour in the scene's light, lighter at its crest, its texture finer the nearer it is."""
        canvas = self._canvas
        top = max(0, int(line.min()) - 1)
        if top >= canvas.height:
            return
        rows = canvas.height - top
        mask = below(line, canvas.height, top)
        lit = self._palette.lit(colour, depth)
        grain = noise(self._rng, canvas.width, rows, cells=cells, octaves=4, stretch=2.2) - 0.5
        under = np.clip(
            (np.arange(top, canvas.height, dtype=np.float32)[:, None] - line[None, :]) / (0.22 * canvas.height), 0, 1
        )
        shade = 1 + lift - (lift + 0.24 * (1 - depth)) * under + texture * (1 - 0.6 * depth) * grain * 2
        canvas.cover_below(top, mask, np.clip(lit * shade[..., None], 0, 1))
        rim = np.clip(mask - np.roll(mask, max(1, canvas.height // 300), axis=0), 0, 1)
        canvas.cover_below(top, rim, self._palette.glow, 0.16 * (1 - depth))

    def _hills(self, base: float, rise: float, cells: float, *, sharp: bool = False, octaves: int = 6) -> Array:
        height = self._canvas.height
        return ridge(
            self._rng,
            self._canvas.width,
            base=base * height,
            rise=rise * height,
            cells=cells,
            sharp=sharp,
            octaves=octaves,
        )

    def _far_mountains(self, base: float, rise: float, count: int = 3) -> None:
        tint = rgb("#5a6f92") if self._season != "autumn" else rgb("#7a6a7a")
        for number in range(count):
            share = number / max(1, count - 1)
            line = self._hills(base + 0.045 * number, rise * (1 - 0.3 * share), 2.2 + 1.2 * number, sharp=True)
            self._layer(line, mix(tint, rgb(FOLIAGE[self._season]), 0.5 * share), 0.78 - 0.32 * share, cells=9)
            if number < 2 and (rise > 0.2 or self._season == "winter"):
                self._snow_caps(line, rise, 0.5 - 0.2 * share)

    def _snow_caps(self, line: Array, rise: float, depth: float) -> None:
        canvas = self._canvas
        top = max(0, int(line.min()) - 1)
        rows = canvas.height - top
        jag = noise(self._rng, canvas.width, rows, cells=40, octaves=3)
        ys = np.arange(top, canvas.height, dtype=np.float32)[:, None]
        reach = np.float32(line.min() + rise * canvas.height * 0.3)
        mask = below(line, canvas.height, top) * smoothstep(0.0, 0.1, (reach - ys) / canvas.height + (jag - 0.5) * 0.24)
        canvas.cover_below(top, mask, self._palette.lit(rgb("#f2f6fb"), depth), 0.85)

    def _pines(self, line: Array, count: int, size: float, depth: float) -> None:
        for x in sorted(self._rng.uniform(0, self._canvas.width - 1, count)):
            tall = size * self._canvas.height * float(self._rng.uniform(0.65, 1.25))
            pen = Pen(tall)
            things.pine(pen, self._rng, self._season)
            self._set(pen, float(x), float(line[int(x)]) + tall * 0.06, depth)

    def _set(self, pen: Pen, x: float, y: float, depth: float, *, shadow: bool = False, dark: float = 0.0) -> None:
        side = -1 if self._across < 0.5 else 1
        lamps = 1.0 if self._scene.dark else 0.45 if self._scene.time != "day" else 0.12
        pen.place(
            self._canvas,
            x,
            y,
            self._palette,
            depth=depth,
            side=side,
            lamps=lamps * (1 - depth),
            shadow=shadow,
            dark=dark,
        )

    def _water(self, top: float, bottom: float, tint: str, depth: float = 0.12) -> None:
        """Still or moving water between two heights: the sky upside down, waves that grow towards us, the light's path."""
        canvas = self._canvas
        y0, y1 = int(top * canvas.height), min(canvas.height, int(bottom * canvas.height))
        rows, width = y1 - y0, canvas.width
        source = canvas.pixels[max(0, y0 - rows) : y0][::-1]
        mirror = blurred(np.ascontiguousarray(source), canvas.width / 160)
        if mirror.shape[0] < rows:
            mirror = np.concatenate([mirror, np.repeat(mirror[-1:], rows - mirror.shape[0], axis=0)])
        down = np.linspace(0, 1, rows, dtype=np.float32)[:, None]
        deep = self._palette.lit(rgb(tint), depth)
        colour = mirror + (deep - mirror) * (0.28 + 0.42 * down)[..., None]
        rough = {"storm": 2.4, "rain": 1.3}.get(self._scene.weather, 1.0)
        waves = self._perspective_waves(rows, width)
        colour += ((waves - 0.5) * (0.16 * rough) * (0.35 + down))[..., None]
        if rough > 2:
            colour += (smoothstep(0.66, 0.78, waves) * 0.5)[..., None] * self._palette.lit(rgb("#e8f0f4"))
        xs = np.arange(width, dtype=np.float32)[None, :] / width
        if self._scene.weather not in ("rain", "storm", "fog", "cloudy", "snow"):
            lane = np.exp(-(((xs - self._across) / (0.035 + 0.1 * down)) ** 2)) * smoothstep(0.52, 0.66, waves)
            colour += (lane * 0.75)[..., None] * self._palette.glow
        canvas.pixels[y0:y1] = np.clip(colour, 0, 1)

    def _perspective_waves(self, rows: int, width: int) -> Array:
        """Noise squeezed towards the horizon."""
        field = noise(self._rng, width, rows * 2, cells=60, octaves=3, stretch=5)
        down = np.linspace(0, 1, rows, dtype=np.float32)
        lines = np.clip((np.log1p(down * 14) / np.log1p(14)) * (rows * 2 - 1), 0, rows * 2 - 1).astype(int)
        return np.asarray(field[lines], np.float32)

    def _shore(self, colour: str, *, side: float, height: float) -> None:
        """Near ground that rises from the water towards one side."""
        canvas = self._canvas
        xs = np.linspace(0, 1, canvas.width, dtype=np.float32)
        slope = smoothstep(0.15, 1.0, xs if side > 0 else 1 - xs)
        line = canvas.height * (0.93 - height * slope) + (self._hills(0.0, 0.02, 7) - 0)
        self._layer(np.asarray(line, np.float32), rgb(colour), 0.0, texture=0.2, cells=40)

    def _meadow(self, base: float, rise: float, *, blades: bool = True) -> None:
        self._layer(self._hills(base, rise, 2.0, octaves=3), rgb(GRASS[self._season]), 0.03, texture=0.2, cells=36)
        if blades:
            self._blades(base + 0.03)

    def _blades(self, start: float) -> None:
        """Strokes of grass, and flowers in season, larger towards us."""
        canvas, rng = self._canvas, self._rng
        colour = rgb(GRASS[self._season])
        for _ in range(420):
            near = float(rng.random()) ** 0.7
            y = (start + (1.02 - start) * near) * canvas.height
            x = float(rng.uniform(0, canvas.width))
            tall = canvas.height * 0.02 * (0.3 + near)
            lean = float(rng.uniform(-0.4, 0.4)) * tall
            tone = self._palette.lit((colour * float(rng.uniform(0.62, 1.2))).astype(np.float32))
            canvas.polygon([(x - tall * 0.09, y), (x + lean, y - tall), (x + tall * 0.09, y)], tone, 0.7)
        if self._season in ("spring", "summer", ""):
            for _ in range(110):
                near = float(rng.random()) ** 0.7
                y, x = (start + 0.02 + (1.0 - start) * near) * canvas.height, float(rng.uniform(0, canvas.width))
                size = canvas.height * 0.0035 * (0.4 + near)
                petal = rgb(("#f6e27a", "#f2f2ec", "#e88a9a", "#b59ae0")[int(rng.integers(4))])
                points = [(x - size, y), (x, y - size), (x + size, y), (x, y + size)]
                canvas.polygon(points, self._palette.lit(petal), 0.9)

    def _sea(self) -> None:
        ground = self._ground
        if self._rng.random() < 0.7:
            self._layer(self._hills(ground.horizon + 0.012, 0.09, 2.0, sharp=True), rgb("#5a7088"), 0.68)
        self._water(ground.horizon, 1.0, "#2f6f8f")
        sandy = self._rng.random() < 0.5
        beach = "#e0c898" if sandy else "#7a7468"
        self._shore(
            GRASS["winter"] if self._season == "winter" else beach, side=1 if self._across < 0.5 else -1, height=0.1
        )

    def _river(self) -> None:
        ground = self._ground
        self._far_mountains(ground.horizon, 0.2)
        bank = self._hills(ground.horizon + 0.1, 0.05, 3, octaves=4)
        self._layer(bank, rgb(FOLIAGE[self._season]), 0.32)
        self._pines(bank, 16, 0.07, 0.34)
        self._water(ground.horizon + 0.14, 1.0, "#3f7f8a")
        self._shore(GRASS[self._season], side=1 if self._across < 0.5 else -1, height=0.14)
        self._blades(0.93)

    def _mountain(self) -> None:
        self._far_mountains(self._ground.horizon - 0.04, 0.42, 3)
        middle = self._hills(0.72, 0.14, 3)
        self._layer(middle, rgb(FOLIAGE[self._season]), 0.3, cells=26)
        self._pines(middle, 26, 0.085, 0.28)
        self._meadow(0.86, 0.06)

    def _forest(self) -> None:
        canvas, rng = self._canvas, self._rng
        self._layer(self._hills(0.5, 0.12, 5), rgb(FOLIAGE[self._season]), 0.68)
        for layer, depth in enumerate((0.58, 0.42, 0.26, 0.1)):
            foot = 0.68 + 0.06 * layer
            line = self._hills(foot, 0.03, 4, octaves=3)
            self._layer(line, mix(rgb(FOLIAGE[self._season]), rgb(GRASS[self._season]), 0.25 * layer), depth, cells=24)
            gap = 0.2 + 0.06 * layer
            for _ in range(14 - 3 * layer):
                x = (
                    float(rng.choice([rng.uniform(-0.05, 0.5 - gap / 2), rng.uniform(0.5 + gap / 2, 1.05)]))
                    * canvas.width
                )
                y = float(line[min(max(int(x), 0), canvas.width - 1)]) + canvas.height * 0.015
                pen = Pen(
                    (0.26 + 0.12 * layer) * canvas.height * float(rng.uniform(0.8, 1.2)), flip=bool(rng.integers(2))
                )
                draw = things.pine if rng.random() < 0.45 else things.tree
                draw(pen, rng, self._season)
                self._set(pen, x, y, depth)
        self._meadow(0.9, 0.03)
        if not self._scene.dark and self._scene.weather not in ("rain", "storm"):
            self._shafts()

    def _shafts(self) -> None:
        """Light falling between the trees."""
        canvas, rng = self._canvas, self._rng
        for _ in range(5):
            x = float(rng.uniform(0.15, 0.85)) * canvas.width
            lean = (0.5 - self._across) * canvas.width * 0.55
            wide = float(rng.uniform(0.02, 0.06)) * canvas.width
            points = [
                (x, 0.0),
                (x + wide, 0.0),
                (x + lean + wide * 2.4, canvas.height * 0.95),
                (x + lean, canvas.height * 0.95),
            ]
            canvas.polygon(points, self._palette.glow, 0.13, blur=canvas.width * 0.016)

    def _field(self) -> None:
        self._far_mountains(self._ground.horizon - 0.01, 0.13, 2)
        for base, rise, depth in ((0.64, 0.06, 0.42), (0.7, 0.07, 0.26), (0.77, 0.06, 0.13)):
            line = self._hills(base, rise, 2.2, octaves=3)
            tone = mix(rgb(GRASS[self._season]), rgb("#d9b95a"), float(self._rng.uniform(0, 0.55)))
            self._layer(line, tone, depth, cells=30)
            for x in self._rng.uniform(0, self._canvas.width - 1, 4):
                pen = Pen(self._canvas.height * 0.075 * (1.2 - depth) * float(self._rng.uniform(0.7, 1.4)))
                things.tree(pen, self._rng, self._season)
                self._set(pen, float(x), float(line[int(x)]) + 3, depth)
        self._meadow(0.85, 0.05)

    def _city(self) -> None:
        canvas, rng = self._canvas, self._rng
        for layer, depth in enumerate((0.78, 0.52, 0.24)):
            x = -float(rng.uniform(0, 0.05)) * canvas.width
            while x < canvas.width:
                wide = canvas.width * float(rng.uniform(0.05, 0.1)) * (1 + 0.45 * layer)
                top = canvas.height * (float(rng.uniform(0.26, 0.5)) + 0.1 * layer)
                self._building(x, top, wide, depth)
                x += wide * float(rng.uniform(0.9, 1.15))
        line = np.full(canvas.width, canvas.height * 0.845, np.float32)
        self._layer(line, rgb("#8d8a88"), 0.05, texture=0.1, cells=60)
        wet = self._scene.weather in ("rain", "storm")
        if wet or self._scene.dark:
            y0 = int(canvas.height * 0.85)
            rows = canvas.height - y0
            mirror = blurred(np.ascontiguousarray(canvas.pixels[y0 - rows : y0][::-1]), canvas.width / 90)
            canvas.pixels[y0:] += (mirror - canvas.pixels[y0:]) * np.float32(0.5 if wet else 0.24)
        for share in (-0.05, 0.3, 0.7, 1.05):
            x = canvas.width * share
            canvas.polygon([(canvas.width * 0.5, canvas.height * 0.845), (x, canvas.height), (x + canvas.width * 0.02, canvas.height)],
                           self._palette.lit(rgb("#e8e2d0")), 0.22)  # fmt: skip

    def _building(self, x: float, top: float, wide: float, depth: float) -> None:
        canvas, rng = self._canvas, self._rng
        tones = ("#7d8796", "#9a8a80", "#6f7f8a", "#a3968a", "#86788a")
        wall = rgb(tones[int(rng.integers(len(tones)))])
        bottom = canvas.height * 0.86
        lit = self._palette.lit(wall, depth)
        canvas.polygon([(x, bottom), (x, top), (x + wide, top), (x + wide, bottom)], lit)
        lee = x + wide * (0.66 if self._across < 0.5 else 0.0)
        canvas.polygon(
            [(lee, bottom), (lee, top), (lee + wide * 0.34, top), (lee + wide * 0.34, bottom)],
            (lit * 0.84).astype(np.float32),
        )
        if rng.random() < 0.4:
            middle = x + wide / 2
            canvas.polygon([(middle - wide * 0.03, top), (middle, top - wide * 0.5), (middle + wide * 0.03, top)], lit)
        columns, step = max(2, int(wide / (canvas.width * 0.014))), canvas.height * 0.024
        share = 0.5 if self._scene.dark else 0.22 if self._scene.time == "dusk" else 0.0
        rows = int((bottom - top) / step)
        for row in range(1, rows):
            for column in range(columns):
                cell = wide / columns
                wx, wy = x + cell * (column + 0.25), top + step * (row - 0.4)
                shining = rng.random() < share
                tone = (
                    rgb("#ffd68a" if rng.random() < 0.8 else "#bfe3ff") if shining else (lit * 0.78).astype(np.float32)
                )
                box = [(wx, wy), (wx + cell * 0.5, wy), (wx + cell * 0.5, wy + step * 0.5), (wx, wy + step * 0.5)]
                canvas.polygon(box, mix(tone, self._palette.haze, depth * 0.5), 0.9 if shining else 0.6)

    def _village(self) -> None:
        canvas, rng = self._canvas, self._rng
        self._far_mountains(self._ground.horizon - 0.02, 0.24, 3)
        line = self._hills(0.74, 0.05, 2.4, octaves=3)
        self._layer(line, rgb(GRASS[self._season]), 0.2, cells=30)
        for number, x in enumerate(np.linspace(0.08, 0.92, 7)):
            place = float(np.clip(x + rng.uniform(-0.04, 0.04), 0.03, 0.97)) * canvas.width
            foot = float(line[int(place)]) + canvas.height * float(rng.uniform(0.02, 0.06))
            pen = Pen(canvas.height * float(rng.uniform(0.09, 0.14)), flip=bool(rng.integers(2)))
            draw = things.house if number % 3 else things.tree
            draw(pen, rng)
            self._set(pen, place, foot, 0.2, shadow=True)
        self._meadow(0.88, 0.04, blades=True)
        path = self._palette.lit(rgb("#d9c39a") if self._season != "winter" else rgb("#f4f6f8"))
        w, h = canvas.width, canvas.height
        canvas.polygon([(w * 0.38, h), (w * 0.47, h * 0.92), (w * 0.45, h * 0.86), (w * 0.49, h * 0.8), (w * 0.51, h * 0.8),
                        (w * 0.5, h * 0.86), (w * 0.56, h * 0.92), (w * 0.62, h)], path, 0.8, blur=w * 0.004)  # fmt: skip

    def _desert(self) -> None:
        for number, (base, rise, depth) in enumerate(
            ((0.62, 0.07, 0.58), (0.68, 0.1, 0.36), (0.77, 0.11, 0.16), (0.88, 0.1, 0.0))
        ):
            line = blurred(self._hills(base, rise, 1.8 + 0.4 * number, octaves=2)[None, :], self._canvas.width * 0.012)[
                0
            ]
            self._layer(line, mix(rgb("#d9a05a"), rgb("#e8bf80"), number / 3), depth, texture=0.07, cells=70, lift=0.2)
            self._lee(line, depth)

    def _lee(self, line: Array, depth: float) -> None:
        """The dune's side away from the light."""
        canvas = self._canvas
        top = max(0, int(line.min()) - 1)
        slope = np.gradient(line) * (1 if self._across < 0.5 else -1)
        away = smoothstep(
            0.02, 0.22, np.clip(blurred(slope[None, :].astype(np.float32), canvas.width * 0.01), 0, None)
        )[0]
        ys = np.arange(top, canvas.height, dtype=np.float32)[:, None]
        under = np.clip(1 - (ys - line[None, :]) / (0.09 * canvas.height), 0, 1)
        canvas.cover_below(
            top, below(line, canvas.height, top) * away[None, :] * under, self._palette.lit(rgb("#8a5a3f"), depth), 0.5
        )

    def _snowfield(self) -> None:
        self._far_mountains(self._ground.horizon - 0.02, 0.26, 2)
        for base, rise, depth, count in ((0.66, 0.05, 0.4, 22), (0.75, 0.06, 0.2, 12), (0.87, 0.05, 0.0, 0)):
            line = self._hills(base, rise, 2.2, octaves=3)
            self._layer(line, rgb("#eaf1f7"), depth, texture=0.06, cells=40, lift=0.06)
            self._pines(line, count, 0.09, depth)

    def _moonscape(self) -> None:
        for base, rise, depth in ((0.82, 0.07, 0.3), (0.9, 0.05, 0.05)):
            self._layer(self._hills(base, rise, 3), rgb("#8f8a96"), depth, texture=0.3, cells=20)
        rng, canvas = self._rng, self._canvas
        for _ in range(9):
            x, y = float(rng.uniform(0, 1)) * canvas.width, float(rng.uniform(0.91, 0.99)) * canvas.height
            wide = float(rng.uniform(0.02, 0.07)) * canvas.width
            steps = [(np.cos(a), np.sin(a)) for a in np.linspace(0, 2 * np.pi, 32)]
            canvas.polygon(
                [(x + wide * a, y + wide * 0.24 * b) for a, b in steps], self._palette.lit(rgb("#5f5a6a")), 0.7, blur=2
            )
            canvas.polygon([(x + wide * a, y + wide * 0.05 + wide * 0.22 * b) for a, b in steps if b > -0.2],
                           self._palette.lit(rgb("#b5b0bc")), 0.3, blur=2)  # fmt: skip

    def _cloud_sea(self) -> None:
        for base, rise, depth in ((0.66, 0.1, 0.55), (0.75, 0.13, 0.32), (0.88, 0.14, 0.05)):
            line = self._hills(base, rise, 5, octaves=4)
            self._layer(
                blurred(line[None, :], self._canvas.width * 0.006)[0],
                rgb("#f6f4f6"),
                depth,
                texture=0.16,
                cells=9,
                lift=0.22,
            )
