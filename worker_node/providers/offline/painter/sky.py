"""The sky: gradient, lights, clouds, rainbow."""

from __future__ import annotations

import math

import numpy as np

from worker_node.providers.offline.painter.canvas import Canvas, blurred, noise, smoothstep
from worker_node.providers.offline.painter.colour import Array, rgb
from worker_node.providers.offline.painter.scene import Scene

SUN_HEIGHT = {"day": 0.2, "dawn": 0.44, "dusk": 0.46, "night": 0.19}
COVERED = ("rain", "storm", "snow", "cloudy", "fog")


def paint_sky(canvas: Canvas, scene: Scene, horizon: float) -> float:
    """Fill the canvas with sky whose horizon is at `horizon` (0 to 1 from the top); returns where the light stands, 0 to 1 across."""
    rng, palette = scene.rng, scene.palette
    height, width = canvas.height, canvas.width
    down = np.clip(np.linspace(0, 1, height, dtype=np.float32) / np.float32(max(horizon, 0.2)), 0, 1)[:, None]
    upper = palette.top + (palette.middle - palette.top) * smoothstep(0.0, 0.62, down)
    sky = upper + (palette.horizon - upper) * smoothstep(0.45, 1.02, down)
    canvas.pixels[:] = sky[:, None, :]
    wash = noise(rng, width, height, cells=3, octaves=4, stretch=2.2) - 0.5
    canvas.pixels *= (1 + 0.13 * wash)[..., None]
    across = float(rng.choice([rng.uniform(0.16, 0.34), rng.uniform(0.66, 0.84)]))
    if scene.dark or scene.place == "space" or "star" in scene.subjects:
        _stars(canvas, scene, horizon)
    _lights(canvas, scene, across, horizon)
    if scene.place != "space":
        _clouds(canvas, scene, horizon, across)
    if "rainbow" in scene.subjects:
        _rainbow(canvas, horizon)
    np.clip(canvas.pixels, 0, 1, out=canvas.pixels)
    return across


def _stars(canvas: Canvas, scene: Scene, horizon: float) -> None:
    rng = scene.rng
    field = np.zeros((canvas.height, canvas.width), np.float32)
    reach = canvas.height if scene.place == "space" else int(canvas.height * horizon)
    count = int(canvas.width * reach / (1500 if scene.weather not in COVERED else 9000))
    xs, ys = rng.integers(0, canvas.width, count), (rng.random(count) ** 1.3 * reach).astype(int)
    field[ys, xs] = rng.random(count, np.float32) ** 3 + 0.25
    large = rng.random(count) < 0.035
    halo = np.zeros_like(field)
    halo[ys[large], xs[large]] = 1
    scale = max(canvas.width, canvas.height) / 1024
    light = blurred(field, 0.55 * max(1, scale)) * 2.6 * max(1, scale) ** 2 + blurred(halo, 2.2 * scale) * 26 * scale**2
    band = noise(rng, canvas.width, canvas.height, cells=5, octaves=5)
    ys2, xs2 = np.mgrid[0 : canvas.height, 0 : canvas.width].astype(np.float32)
    lane = np.exp(-(((ys2 / canvas.height - 0.12 - 0.36 * xs2 / canvas.width) / 0.13) ** 2))
    glow = 0.2 * smoothstep(0.35, 0.8, band) * lane
    if scene.place == "space":
        glow *= 2.2
        nebula = smoothstep(0.45, 0.78, noise(rng, canvas.width, canvas.height, cells=3, octaves=5))
        canvas.cover(nebula, rgb("#8a3f8f") if rng.random() < 0.5 else rgb("#2f7f8f"), 0.42)
    canvas.pixels += np.clip(light[..., None] * rgb("#fff6e0"), 0, 1) + glow[..., None] * rgb("#a9b6ff")
    np.clip(canvas.pixels, 0, 1, out=canvas.pixels)


def _lights(canvas: Canvas, scene: Scene, across: float, horizon: float) -> None:
    size = min(canvas.width, canvas.height)
    x, y = across * canvas.width, canvas.row(SUN_HEIGHT[scene.time] * (0.5 + (horizon - 0.5) / canvas.squeeze) / 0.6)
    palette = scene.palette
    if scene.place == "space":
        _planet(canvas, scene, x, size)
        return
    if scene.weather in COVERED and not ({"moon", "sun"} & set(scene.subjects)):
        canvas.glow(x, y, size * 0.6, palette.glow, 0.18)
        return
    if scene.dark:
        radius = size * (0.085 if "moon" in scene.subjects else 0.05)
        canvas.glow(x, y, radius * 9, rgb("#a9bdf0"), 0.34)
        canvas.glow(x, y, radius * 2.6, rgb("#e9ecff"), 0.42)
        _moon(canvas, scene, x, y, radius)
    else:
        strength = 0.75 if scene.time == "day" else 0.9
        radius = size * (0.075 if "sun" in scene.subjects or scene.time != "day" else 0.045)
        canvas.glow(x, y, radius * 11, palette.glow, 0.42 * strength)
        canvas.glow(x, y, radius * 3.2, palette.glow, 0.6 * strength)
        canvas.polygon(_circle(x, y, radius), (palette.glow * 0.5 + 0.5).astype(np.float32), 0.95, blur=radius * 0.06)


def _circle(x: float, y: float, radius: float) -> list[tuple[float, float]]:
    steps = [2 * math.pi * step / 64 for step in range(64)]
    return [(x + radius * math.cos(step), y + radius * math.sin(step)) for step in steps]


def _moon(canvas: Canvas, scene: Scene, x: float, y: float, radius: float) -> None:
    if scene.rng.random() < 0.6:
        canvas.polygon(_circle(x, y, radius), rgb("#fbf6e2"), 0.98)
        for dx, dy, r in ((-0.3, -0.2, 0.24), (0.25, 0.3, 0.18), (0.3, -0.32, 0.12), (-0.15, 0.38, 0.14)):
            canvas.polygon(
                _circle(x + dx * radius, y + dy * radius, r * radius), rgb("#d9d3bd"), 0.5, blur=radius * 0.05
            )
    else:
        angles = [math.radians(step) for step in range(-100, 101, 8)]
        outer = [(x + radius * math.cos(a), y + radius * math.sin(a)) for a in angles]
        inner = [
            (x - radius * 0.15 + radius * 0.72 * math.cos(a), y + radius * 0.93 * math.sin(a)) for a in reversed(angles)
        ]
        canvas.polygon(outer + inner, rgb("#fbf6e2"), 0.98)


def _planet(canvas: Canvas, scene: Scene, x: float, size: int) -> None:
    rng = scene.rng
    radius = size * float(rng.uniform(0.14, 0.22))
    y = canvas.row(float(rng.uniform(0.22, 0.36)))
    base = (rgb("#d99a5a"), rgb("#5f8fc0"), rgb("#b56a8f"), rgb("#7fae8a"))[int(rng.integers(4))]
    canvas.glow(x, y, radius * 2.2, base, 0.3)
    ys, xs = np.mgrid[0 : canvas.height, 0 : canvas.width].astype(np.float32)
    dx, dy = (xs - x) / radius, (ys - y) / radius
    inside = np.clip((1 - np.sqrt(dx * dx + dy * dy)) * radius, 0, 1)
    bands = noise(rng, canvas.width, canvas.height, cells=5, octaves=5, stretch=5)
    light = np.clip(
        0.16 + 1.15 * np.sqrt(np.clip(1 - dx**2 - dy**2, 0, 1)) * np.clip(0.55 - 0.6 * dx - 0.5 * dy, 0, 1), 0, 1.2
    )
    canvas.cover(inside, np.clip(base * (0.72 + 0.6 * bands)[..., None] * light[..., None], 0, 1))
    tilt = 0.28 * dx + dy
    ring = np.sqrt((dx / 1.75) ** 2 + (tilt / 0.42) ** 2)
    arc = np.exp(-(((ring - 1) / 0.07) ** 2)) * ((tilt > 0) | (inside < 0.5))
    canvas.cover(arc.astype(np.float32), np.clip(base * 0.6 + 0.35, 0, 1), 0.75)


def _clouds(canvas: Canvas, scene: Scene, horizon: float, across: float) -> None:
    rng, palette = scene.rng, scene.palette
    height, width = canvas.height, canvas.width
    thick = {"storm": 0.36, "rain": 0.4, "snow": 0.44, "cloudy": 0.42, "fog": 0.48, "clear": 0.66}.get(
        scene.weather, 0.54
    )
    rows = int(height * min(1.0, horizon + 0.04))
    field = noise(rng, width, rows, cells=4.5, octaves=6, stretch=2.0, fade=0.52)
    above = noise(rng, width, rows, cells=4.5, octaves=3, stretch=2.0)
    body = smoothstep(thick, thick + 0.2, field)
    fade = np.linspace(1.0, 0.25, rows, dtype=np.float32)[:, None]
    # Clouds are lit from where the light stands: compare each place with the one a little nearer to it.
    reach = max(2, width // 60)
    nearer = np.roll(np.roll(field, reach // 2, axis=0), reach if across < 0.5 else -reach, axis=1)
    lit = np.clip((field - nearer) * 5 + 0.5, 0, 1)[..., None]
    shade = palette.middle * 0.62 + palette.cloud * 0.26
    bright = palette.cloud * 0.85 + palette.glow * (0.05 if scene.dark else 0.2)
    colour = np.clip(shade + (bright - shade) * lit + (above - 0.5)[..., None] * 0.08, 0, 1)
    canvas.cover_below(0, body * fade, colour.astype(np.float32), 0.92 if scene.weather in COVERED else 0.8)


def _rainbow(canvas: Canvas, horizon: float) -> None:
    ys, xs = np.mgrid[0 : canvas.height, 0 : canvas.width].astype(np.float32)
    far: Array = np.hypot(xs - canvas.width * 0.5, (ys - canvas.height * horizon) * 1.02) / np.float32(canvas.width)
    for number, code in enumerate(("#e0563f", "#f0913f", "#f5d34f", "#6fbf5f", "#4f9fd8", "#5f6fcf", "#9a5fc0")):
        band = np.exp(-(((far - 0.47 + number * 0.013) / 0.0085) ** 2)).astype(np.float32) * (
            ys < canvas.height * horizon
        )
        canvas.cover(band.astype(np.float32), rgb(code), 0.36)
