"""Layers of land: what every place is made of, from the horizon to the feet, each nearer one less hazy.

Heights are those of the composition (`Canvas.level`); lines are a row in pixels for every column.
"""

from __future__ import annotations

import numpy as np

from worker_node.providers.offline.painter import things
from worker_node.providers.offline.painter.canvas import Canvas, below, blurred, noise, ridge, smoothstep
from worker_node.providers.offline.painter.colour import Array, Colour, mix, rgb
from worker_node.providers.offline.painter.pen import Pen
from worker_node.providers.offline.painter.scene import Scene

GRASS = {"spring": "#86b562", "summer": "#5d9a4c", "autumn": "#c2933f", "winter": "#e6edf2", "": "#74a456"}
FOLIAGE = {"spring": "#5f9a58", "summer": "#3c7a48", "autumn": "#b5622f", "winter": "#9fb3ba", "": "#44794a"}


class Land:
    """Paints the land of one scene onto a canvas; `across` is where its light stands."""

    def __init__(self, canvas: Canvas, scene: Scene, across: float) -> None:
        self.canvas, self.scene, self.across = canvas, scene, across
        self.rng, self.palette = scene.rng, scene.palette
        snowy = scene.weather == "snow" or scene.season == "winter" or scene.place == "snowfield"
        self.season = "winter" if snowy else scene.season

    @property
    def grass(self) -> Colour:
        """The meadow's colour in this season."""
        return rgb(GRASS[self.season])

    @property
    def foliage(self) -> Colour:
        """The woods' colour in this season."""
        return rgb(FOLIAGE[self.season])

    def layer(
        self, line: Array, colour: Colour, depth: float, *, texture: float = 0.16, cells: float = 14, lift: float = 0.1
    ) -> None:
        """Fill below a skyline with a colour in the scene's light, lighter at its crest, its texture finer the nearer it is."""
        canvas = self.canvas
        top = max(0, int(line.min()) - 1)
        if top >= canvas.height:
            return
        rows = canvas.height - top
        mask = below(line, canvas.height, top)
        lit = self.palette.lit(colour, depth)
        grain = noise(self.rng, canvas.width, rows, cells=cells, octaves=4, stretch=2.2) - 0.5
        under = np.clip(
            (np.arange(top, canvas.height, dtype=np.float32)[:, None] - line[None, :])
            / (0.22 * canvas.squeeze * canvas.height),
            0,
            1,
        )
        shade = 1 + lift - (lift + 0.24 * (1 - depth)) * under + texture * (1 - 0.6 * depth) * grain * 2
        canvas.cover_below(top, mask, np.clip(lit * shade[..., None], 0, 1))
        rim = np.clip(mask - np.roll(mask, max(1, canvas.height // 300), axis=0), 0, 1)
        canvas.cover_below(top, rim, self.palette.glow, 0.16 * (1 - depth))

    def hills(self, base: float, rise: float, cells: float, *, sharp: bool = False, octaves: int = 6) -> Array:
        """A skyline about the height `base`, `rise` high, of so many swells; `sharp` makes peaks of them."""
        canvas = self.canvas
        high = rise * canvas.squeeze * canvas.height
        return ridge(
            self.rng, canvas.width, base=canvas.row(base), rise=high, cells=cells, sharp=sharp, octaves=octaves
        )

    def far_mountains(self, base: float, rise: float, count: int = 3) -> None:
        """Ranges in the haze, under snow where they are high."""
        tint = rgb("#5a6f92") if self.season != "autumn" else rgb("#7a6a7a")
        for number in range(count):
            share = number / max(1, count - 1)
            line = self.hills(base + 0.045 * number, rise * (1 - 0.3 * share), 2.2 + 1.2 * number, sharp=True)
            self.layer(line, mix(tint, self.foliage, 0.5 * share), 0.78 - 0.32 * share, cells=9)
            if number < 2 and (rise > 0.2 or self.season == "winter"):
                self._snow_caps(line, rise, 0.5 - 0.2 * share)

    def _snow_caps(self, line: Array, rise: float, depth: float) -> None:
        canvas = self.canvas
        top = max(0, int(line.min()) - 1)
        rows = canvas.height - top
        jag = noise(self.rng, canvas.width, rows, cells=40, octaves=3)
        ys = np.arange(top, canvas.height, dtype=np.float32)[:, None]
        reach = np.float32(line.min() + rise * canvas.squeeze * canvas.height * 0.3)
        mask = below(line, canvas.height, top) * smoothstep(0.0, 0.1, (reach - ys) / canvas.height + (jag - 0.5) * 0.24)
        canvas.cover_below(top, mask, self.palette.lit(rgb("#f2f6fb"), depth), 0.85)

    def pines(self, line: Array, count: int, size: float, depth: float) -> None:
        """So many of them along a skyline, `size` image heights tall."""
        for x in sorted(self.rng.uniform(0, self.canvas.width - 1, count)):
            tall = size * self.canvas.height * float(self.rng.uniform(0.65, 1.25))
            pen = Pen(tall)
            things.pine(pen, self.rng, self.season)
            self.set(pen, float(x), float(line[int(x)]) + tall * 0.06, depth)

    def set(self, pen: Pen, x: float, y: float, depth: float, *, shadow: bool = False) -> None:
        """Put what the pen has drawn onto a point of the ground (pixels)."""
        side = -1 if self.across < 0.5 else 1
        lamps = (1.0 if self.scene.dark else 0.45 if self.scene.time != "day" else 0.12) * (1 - depth)
        pen.place(self.canvas, x, y, self.palette, depth=depth, side=side, lamps=lamps, shadow=shadow, dark=0.0)

    def water(self, top: float, tint: str, depth: float = 0.12) -> None:
        """Still or moving water from a height down: the sky upside down, waves that grow towards us, the light's path."""
        canvas = self.canvas
        y0, width = int(canvas.row(top)), canvas.width
        rows = canvas.height - y0
        source = canvas.pixels[max(0, y0 - rows) : y0][::-1]
        mirror = blurred(np.ascontiguousarray(source), canvas.width / 160)
        if mirror.shape[0] < rows:
            mirror = np.concatenate([mirror, np.repeat(mirror[-1:], rows - mirror.shape[0], axis=0)])
        down = np.linspace(0, 1, rows, dtype=np.float32)[:, None]
        deep = self.palette.lit(rgb(tint), depth)
        colour = mirror + (deep - mirror) * (0.28 + 0.42 * down)[..., None]
        rough = {"storm": 2.4, "rain": 1.3}.get(self.scene.weather, 1.0)
        waves = self._perspective_waves(rows, width)
        colour += ((waves - 0.5) * (0.16 * rough) * (0.35 + down))[..., None]
        if rough > 2:
            colour += (smoothstep(0.66, 0.78, waves) * 0.5)[..., None] * self.palette.lit(rgb("#e8f0f4"))
        xs = np.arange(width, dtype=np.float32)[None, :] / width
        if self.scene.weather not in ("rain", "storm", "fog", "cloudy", "snow"):
            lane = np.exp(-(((xs - self.across) / (0.035 + 0.1 * down)) ** 2)) * smoothstep(0.52, 0.66, waves)
            colour += (lane * 0.75)[..., None] * self.palette.glow
        canvas.pixels[y0:] = np.clip(colour, 0, 1)

    def _perspective_waves(self, rows: int, width: int) -> Array:
        """Noise squeezed towards the horizon."""
        field = noise(self.rng, width, rows * 2, cells=60, octaves=3, stretch=5)
        down = np.linspace(0, 1, rows, dtype=np.float32)
        lines = np.clip((np.log1p(down * 14) / np.log1p(14)) * (rows * 2 - 1), 0, rows * 2 - 1).astype(int)
        return np.asarray(field[lines], np.float32)

    def shore(self, colour: Colour, *, height: float) -> None:
        """Near ground that rises from the water towards the side away from the light."""
        canvas = self.canvas
        xs = np.linspace(0, 1, canvas.width, dtype=np.float32)
        slope = smoothstep(0.15, 1.0, xs if self.across < 0.5 else 1 - xs)
        rise = np.float32(height * canvas.squeeze * canvas.height) * slope
        line = self.hills(0.93, 0.02, 7) - rise
        for lift, light in ((0.012, 0.25), (0.005, 0.5)):  # the last of the waves
            foam = below(line - np.float32(lift * canvas.height), canvas.height, top := int(line.min() * 0.97))
            canvas.cover_below(top, foam, self.palette.lit(rgb("#f2f7f8")), light)
        self.layer(line, colour, 0.0, texture=0.2, cells=40)

    def meadow(self, base: float, rise: float) -> None:
        """The near ground, grown over."""
        self.layer(self.hills(base, rise, 2.0, octaves=3), self.grass, 0.03, texture=0.2, cells=36)
        self.blades(base + 0.03)

    def blades(self, start: float) -> None:
        """Strokes of grass from a height down, and flowers in season, larger towards us."""
        canvas, rng = self.canvas, self.rng
        top = canvas.level(start)
        for near in np.sort(rng.random(520) ** 0.7):
            y = (top + (1.02 - top) * near) * canvas.height
            x = float(rng.uniform(0, canvas.width))
            tall = canvas.height * 0.03 * (0.25 + near)
            lean = float(rng.uniform(-0.5, 0.5)) * tall
            tone = self.palette.lit((self.grass * float(rng.uniform(0.6, 1.18))).astype(np.float32))
            canvas.polygon([(x - tall * 0.08, y), (x + lean, y - tall), (x + tall * 0.08, y)], tone, 0.7)
        if self.season in ("spring", "summer", ""):
            for near in rng.random(120) ** 0.7:
                y, x = (top + 0.02 + (1.0 - top) * near) * canvas.height, float(rng.uniform(0, canvas.width))
                size = canvas.height * 0.0045 * (0.4 + near)
                petal = rgb(("#f6e27a", "#f2f2ec", "#e88a9a", "#b59ae0")[int(rng.integers(4))])
                points = [(x - size, y), (x, y - size), (x + size, y), (x, y + size)]
                canvas.polygon(points, self.palette.lit(petal), 0.9)

    def pebbles(self, start: float, colour: Colour, count: int = 90) -> None:
        """Stones strewn from a height down, larger towards us, each with its lit side and its shade."""
        canvas, rng = self.canvas, self.rng
        top, side = canvas.level(start), -1 if self.across < 0.5 else 1
        for near in np.sort(rng.random(count) ** 0.8):
            x, y = float(rng.uniform(0, canvas.width)), (top + (1.0 - top) * near) * canvas.height
            wide = canvas.height * (0.002 + 0.011 * near) * float(rng.uniform(0.5, 1.3))
            around = [(float(np.cos(a)), float(np.sin(a))) for a in np.linspace(0, 2 * np.pi, 14)]
            tone = (colour * float(rng.uniform(0.7, 1.05))).astype(np.float32)
            for share, shift, light in ((1.12, 0.3, 0.45), (1.0, 0.0, 0.92), (0.6, -0.22, 1.12)):
                points = [
                    (x + wide * (share * a + (side * 0.2 if share < 1 else 0)), y + wide * (0.5 * share * b + shift))
                    for a, b in around
                ]
                canvas.polygon(points, self.palette.lit((tone * light).astype(np.float32)), 0.6)
