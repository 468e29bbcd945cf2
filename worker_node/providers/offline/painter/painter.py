"""The offline painter: plan, sky, land, figures, air, finish."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from worker_node.providers.base import ImageRequest, JobRun, Report
from worker_node.providers.offline.painter.canvas import Canvas
from worker_node.providers.offline.painter.colour import Array, Palette
from worker_node.providers.offline.painter.figures import FIGURES, PEOPLE, Figure
from worker_node.providers.offline.painter.finish import finish
from worker_node.providers.offline.painter.ground import GROUNDS, Ground
from worker_node.providers.offline.painter.land import Land
from worker_node.providers.offline.painter.pen import Pen
from worker_node.providers.offline.painter.room import paint_room
from worker_node.providers.offline.painter.scene import INDOOR, Scene, plan
from worker_node.providers.offline.painter.sky import paint_sky
from worker_node.providers.offline.painter.weather import paint_weather
from worker_node.providers.settings import ProviderSettings

MOST_PIXELS = 1_100_000  # painted; larger images are scaled up and get their paper and grain from the enlarged noise
LEAST_SIDE = 256  # painted; smaller images are scaled down
SIZES = {"close": 1.7, "low": 1.35, "wide": 0.72, "above": 0.68}
PLACES_ACROSS = (0.36, 0.64, 0.22, 0.8, 0.5, 0.1)
ROOM = Ground(lambda _land: None, 0.7, 0.93, 0.8)
NIGHT_LIFT, MOONLIT = 1.35, 0.16
BUILT_UP = {"city": {"house"}}  # what a place is full of anyway


class OfflinePainter:
    """The same request gives the same image, on any machine with the same libraries."""

    def __init__(self, _settings: ProviderSettings | None = None) -> None:
        cv2.setNumThreads(1)

    def paint(self, request: ImageRequest, target: Path, run: JobRun) -> None:
        """Write the PNG."""
        scene = plan(request)
        factor = min(1.0, (MOST_PIXELS / (request.width * request.height)) ** 0.5)
        factor = max(factor, LEAST_SIDE / min(request.width, request.height)) if factor == 1.0 else factor
        canvas = Canvas(max(16, round(request.width * factor)), max(16, round(request.height * factor)))
        compose(canvas, scene, run.report)
        run.report(80, "正在润色画面")
        pixels = finish(canvas.pixels, scene.style, scene.rng)
        image = Image.fromarray((scaled(pixels, request.width, request.height) * 255 + 0.5).astype(np.uint8))
        run.report(95, "正在保存图片")
        image.save(target, format="PNG", compress_level=2)


def scaled(pixels: Array, width: int, height: int) -> Array:
    """At the size that was asked for."""
    if pixels.shape[:2] == (height, width):
        return pixels
    way = cv2.INTER_AREA if pixels.shape[0] > height else cv2.INTER_LANCZOS4
    return np.asarray(np.clip(cv2.resize(pixels, (width, height), interpolation=way), 0, 1), np.float32)


def compose(canvas: Canvas, scene: Scene, report: Report) -> None:
    """Paint everything but the finish."""
    report(10, "正在绘制天空与光线")
    if scene.place == INDOOR:
        palette, ground, across = paint_room(canvas, scene), ROOM, 0.3
    else:
        palette, ground = scene.palette, GROUNDS[scene.place]
        across = paint_sky(canvas, scene, canvas.level(ground.horizon))
        report(30, "正在绘制景物")
        ground.paint(Land(canvas, scene, across))
    report(55, "正在绘制角色")
    _figures(canvas, scene, palette, ground, across)
    if scene.place != INDOOR:
        paint_weather(canvas, scene, canvas.level(ground.horizon))
    np.clip(canvas.pixels, 0, 1, out=canvas.pixels)


def _figures(canvas: Canvas, scene: Scene, palette: Palette, ground: Ground, across: float) -> None:
    places = list(PLACES_ACROSS)
    if scene.rng.random() < 0.5:
        places = [1 - place for place in places]
    left_out = BUILT_UP.get(scene.place, set())
    chosen = [name for name in scene.subjects if name in FIGURES and name not in left_out]
    where = dict(zip(chosen, places, strict=False))
    people = [name for name in chosen if name in PEOPLE]
    order = {"far": 0, "sky": 1, "water": 2, "ground": 3, "held": 4}
    if scene.dark:  # whom it is about must be seen in a dark night too
        palette = replace(palette, ambient=(palette.ambient * NIGHT_LIFT).astype(np.float32))
    # From far to near, so that nearer ones stand before the others; big things on the ground behind small ones.
    for name in sorted(where, key=lambda each: (order[FIGURES[each].zone], -FIGURES[each].height)):
        figure = FIGURES[name]
        if figure.zone == "held" and people:
            where[name] = where[people[0]] + 0.01
        _place(canvas, scene, palette, ground, across, figure, scene.tints.get(name, ""), where[name], bool(people))


def _place(
    canvas: Canvas,
    scene: Scene,
    palette: Palette,
    ground: Ground,
    across: float,
    figure: Figure,
    tint: str,
    place: float,
    people: bool,
) -> None:
    rng = scene.rng
    zone = figure.zone
    if zone == "water" and ground.water is None:
        zone = "sky" if scene.place in ("space", "sky") else "ground"
    scale = SIZES.get(scene.view, 1.0) * (1.15 if scene.place == INDOOR else 1.0) * float(rng.uniform(0.94, 1.1))
    size = figure.height * scale * min(1.0, 1.25 * canvas.width / canvas.height)
    x, jitter = place + float(rng.uniform(-0.02, 0.02)), float(rng.uniform(0, 1))
    top = canvas.band + 0.015
    depth = 0.0
    if zone == "far":
        y, depth = canvas.level(ground.far) + 0.02, 0.12
    elif zone == "water":
        y = canvas.level((ground.water or ground.near) + 0.07 * jitter - 0.02)
    elif zone == "sky":
        y = max(canvas.level(0.3 + 0.12 * jitter) + size / 2, top + size)
    elif zone == "held" and people:
        y = canvas.level(ground.near) - 0.14
    else:
        zone, y = "ground", canvas.level(ground.near + 0.04 * jitter - 0.015)
    # Whole in the middle of the image, which is what a film shows of it; what flies may come down for that.
    most = 1 - 2 * top if zone == "sky" else y - top
    hand = int(rng.integers(2**32))

    def drawn(height: float) -> Pen:
        pen = Pen(height * canvas.height, flip=x > 0.5, tint=tint)
        figure.draw(pen, np.random.default_rng(hand))
        return pen

    pen = drawn(min(size, most))
    if pen.height > most * canvas.height:  # wings and strings reach further than a figure's height
        pen = drawn(min(size, most) * most * canvas.height / pen.height)
    y = max(y, top + pen.height / canvas.height) if zone == "sky" else y
    left, right = pen.reach
    margin = 0.02 * canvas.width
    if left + right + 2 * margin < canvas.width:
        x = min(max(x * canvas.width, left + margin), canvas.width - right - margin) / canvas.width
    lamps = 1.0 if scene.dark or scene.place == INDOOR else 0.6 if scene.time != "day" else 0.3
    dark = 0.9 if scene.view == "silhouette" else 0.0
    if scene.dark and zone == "ground":  # moonlit air behind it, or what is grey is lost in a grey night
        middle = y * canvas.height - pen.height / 2
        canvas.glow(x * canvas.width, middle, max(pen.height, left + right) * 0.9, scene.palette.glow, MOONLIT)
    pen.place(
        canvas, x * canvas.width, y * canvas.height, palette,
        depth=depth, side=-1 if across < 0.5 else 1, lamps=lamps, shadow=zone == "ground", dark=dark,
    )  # fmt: skip
