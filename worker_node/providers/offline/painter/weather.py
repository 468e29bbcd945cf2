"""What is in the air before the image: rain, snow, fog, lightning, fireflies, falling leaves."""

from __future__ import annotations

import math

import cv2
import numpy as np

from worker_node.providers.offline.painter.canvas import SUBPIXEL, Canvas, blurred, noise, smoothstep
from worker_node.providers.offline.painter.colour import mix, rgb
from worker_node.providers.offline.painter.scene import Scene


def paint_weather(canvas: Canvas, scene: Scene, horizon: float) -> None:
    """Lay the air of the scene over everything that is painted so far."""
    if scene.weather == "storm":
        _lightning(canvas, scene, horizon)
    if scene.weather in ("fog", "rain", "storm", "snow") or scene.mood == "mysterious":
        _mist(canvas, scene, horizon, {"fog": 0.85, "snow": 0.3}.get(scene.weather, 0.34))
    if scene.weather in ("rain", "storm"):
        _rain(canvas, scene)
    elif scene.weather == "snow":
        _snow(canvas, scene)
    if "firefly" in scene.subjects:
        _fireflies(canvas, scene)
    if scene.season in ("autumn", "spring") and scene.weather not in ("rain", "storm", "snow"):
        _leaves(canvas, scene, "#d9772f" if scene.season == "autumn" else "#f4b6c6")


def _mist(canvas: Canvas, scene: Scene, horizon: float, strength: float) -> None:
    height, width = canvas.height, canvas.width
    drift = noise(scene.rng, width, height, cells=4, octaves=4, stretch=3.5)
    rows = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    band = np.exp(-(((rows - horizon - 0.12) / 0.24) ** 2)).astype(np.float32)
    colour = mix(scene.palette.haze, scene.palette.cloud, 0.35)
    canvas.cover(np.clip(band * (0.35 + 1.1 * smoothstep(0.3, 0.75, drift)), 0, 1), colour, strength)


def _rain(canvas: Canvas, scene: Scene) -> None:
    rng, width, height = scene.rng, canvas.width, canvas.height
    slant = 0.32 if scene.weather == "storm" else 0.14
    for count, length, light in ((700, 0.035, 70), (260, 0.075, 120)):
        mask = np.zeros((height, width), np.uint8)
        for x, y, share in rng.random((int(count), 3)):
            reach = length * height * (0.6 + 0.8 * share)
            start = (x * 1.3 * width, y * height)
            ends = [(start[0], start[1]), (start[0] - slant * reach, start[1] + reach)]
            fixed = [(round(a * (1 << SUBPIXEL)), round(b * (1 << SUBPIXEL))) for a, b in ends]
            cv2.line(mask, fixed[0], fixed[1], light, 1, cv2.LINE_AA, SUBPIXEL)
        canvas.cover(mask.astype(np.float32) / np.float32(255), mix(scene.palette.haze, rgb("#ffffff"), 0.55))


def _snow(canvas: Canvas, scene: Scene) -> None:
    rng, width, height = scene.rng, canvas.width, canvas.height
    scale = height / 1024
    for count, size, soft, light in ((900, 1.4, 0.7, 0.8), (220, 3.0, 1.4, 0.9), (40, 7.5, 4.0, 0.7)):
        mask = np.zeros((height, width), np.uint8)
        for x, y, share in rng.random((count, 3)):
            radius = max(0.6, size * scale * (0.5 + share))
            centre = (round(x * width * (1 << SUBPIXEL)), round(y * height * (1 << SUBPIXEL)))
            cv2.circle(mask, centre, round(radius * (1 << SUBPIXEL)), 255, -1, cv2.LINE_AA, SUBPIXEL)
        canvas.cover(blurred(mask.astype(np.float32) / np.float32(255), soft * scale + 0.3), rgb("#f8fbff"), light)


def _lightning(canvas: Canvas, scene: Scene, horizon: float) -> None:
    rng, width, height = scene.rng, canvas.width, canvas.height
    x, y = float(rng.uniform(0.2, 0.8)) * width, 0.0
    canvas.glow(x, height * 0.2, width * 0.6, rgb("#b9c4ff"), 0.35)
    while y < height * horizon:
        nx, ny = x + float(rng.normal(0, 0.03)) * width, y + float(rng.uniform(0.03, 0.07)) * height
        thick = max(1.0, width * 0.0028 * (1.2 - y / height))
        canvas.glow(nx, ny, width * 0.035, rgb("#cfd6ff"), 0.3)
        canvas.polygon([(x - thick, y), (x + thick, y), (nx + thick, ny), (nx - thick, ny)], rgb("#fbfbff"), 0.95)
        x, y = nx, ny


def _fireflies(canvas: Canvas, scene: Scene) -> None:
    for _ in range(46):
        x, y = float(scene.rng.random()) * canvas.width, float(scene.rng.uniform(0.4, 0.96)) * canvas.height
        size = canvas.height * float(scene.rng.uniform(0.006, 0.02))
        canvas.glow(x, y, size * 1.8, rgb("#d8f06a"), 0.5)
        canvas.glow(x, y, size * 0.4, rgb("#fbffd0"), 1.0)


def _leaves(canvas: Canvas, scene: Scene, code: str) -> None:
    rng = scene.rng
    for _ in range(54):
        x, y = float(rng.random()) * canvas.width, float(rng.random()) * canvas.height
        size, turn = canvas.height * float(rng.uniform(0.004, 0.011)), float(rng.uniform(0, math.pi))
        around = [(math.cos(a), 0.45 * math.sin(a)) for a in np.linspace(0, 2 * math.pi, 12)]
        points = [
            (x + size * (a * math.cos(turn) - b * math.sin(turn)), y + size * (a * math.sin(turn) + b * math.cos(turn)))
            for a, b in around
        ]
        tone = (rgb(code) * float(rng.uniform(0.8, 1.1))).clip(0, 1).astype(np.float32)
        canvas.polygon(points, scene.palette.lit(tone), 0.85)
