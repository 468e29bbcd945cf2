"""The offline painter: what it is asked for can be seen in its images."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.integration.worker_node.pictures import Pixels, brightness, decoded, distance, paint, paint_bytes
from tests.support.soak import soaking, soaking_rows
from worker_node.providers.base import ImageRequest, QuietRun
from worker_node.providers.offline.lexicon import lexicon
from worker_node.providers.offline.painter import painter as painter_module
from worker_node.providers.offline.painter.canvas import Canvas
from worker_node.providers.offline.painter.figures import FIGURES
from worker_node.providers.offline.painter.ground import GROUNDS
from worker_node.providers.offline.painter.pen import Pen
from worker_node.providers.offline.painter.scene import INDOOR, plan
from worker_node.providers.offline.painter.weather import paint_weather
from worker_node.providers.offline.storyteller import LIGHTS

STYLES = ["", "水墨", "watercolor", "anime", "电影", "油画", "pixel art"]
# A person, an animal on its feet, in the air and in the water; what is high, what is wide, what floats, what is small.
PROMPTS = [
    "海边的灯塔，老人和猫，黄昏",
    "a girl and her dog in the forest in autumn",
    "夜晚的城市，机器人",
    "雪原上的北极熊",
    "a boy reads a book in a room at night",
    "沙漠里的骏马",
]


def mean_brightness(prompt: str, *, part: Callable[[Pixels], Pixels] = lambda pixels: pixels) -> float:
    return float(np.mean([brightness(part(paint(prompt, seed=seed))) for seed in range(3)]))


def ground_of(pixels: Pixels) -> Pixels:
    return pixels[-pixels.shape[0] // 4 :]


@pytest.mark.parametrize("style", soaking(STYLES, keep=["", "油画"]))
def test_the_same_request_gives_the_same_image(style: str) -> None:
    assert paint_bytes(PROMPTS[0], style, seed=7) == paint_bytes(PROMPTS[0], style, seed=7)
    assert paint_bytes(PROMPTS[1], style) == paint_bytes(PROMPTS[1], style)


def test_images_differ_by_prompt() -> None:
    made = [paint(prompt) for prompt in PROMPTS]
    for first, second in itertools.combinations(made, 2):
        assert distance(first, second) > 40
        assert np.abs(first - second).mean() > 12


def test_images_differ_by_style() -> None:
    made = [paint(PROMPTS[0], style, seed=1) for style in STYLES]
    for first, second in itertools.combinations(made, 2):
        assert np.abs(first - second).mean() > 3


def test_images_differ_by_seed_and_by_the_same_words_in_another_scene() -> None:
    made = [paint(PROMPTS[1], seed=seed) for seed in range(4)]
    for first, second in itertools.combinations(made, 2):
        assert distance(first, second) > 20
    assert distance(paint("猫在窗前"), paint("猫在窗前睡着了")) > 20


@pytest.mark.parametrize("place", soaking(["海边", "in a room", "in the city", "森林里", "a village", "沙漠"], keep=2))
def test_night_is_darker_than_dusk_and_dusk_than_day(place: str) -> None:
    night, dusk, day = (mean_brightness(f"{place}, {hour}") for hour in ("night", "dusk", "noon"))
    assert night < 0.8 * dusk < dusk < day


@pytest.mark.parametrize("style", STYLES)
def test_night_is_darker_than_day_in_every_style(style: str) -> None:
    assert brightness(paint("山间小屋，夜晚", style)) < 0.85 * brightness(paint("山间小屋，白天", style))


@pytest.mark.parametrize("night", ["雨夜", "雪夜", "夏夜", "冬夜"])
def test_a_night_named_with_its_weather_or_season_is_a_night(night: str) -> None:
    assert plan(ImageRequest(f"城市里的猫，{night}")).time == "night"


@pytest.mark.parametrize("place", soaking(["village", "forest", "mountains"], keep=1))
def test_snow_makes_the_ground_brighter(place: str) -> None:
    plain, snowy = (mean_brightness(f"{place}, noon{more}", part=ground_of) for more in ("", ", snow falling"))
    assert snowy > 1.15 * plain


def test_rain_takes_the_colours_away() -> None:
    def colourfulness(prompt: str) -> float:
        made = [paint(prompt, seed=seed) for seed in range(3)]
        return float(np.mean([(pixels.max(axis=2) - pixels.min(axis=2)).mean() for pixels in made]))

    assert colourfulness("a village by day, rain") < 0.75 * colourfulness("a village by day")


@pytest.mark.parametrize(("weather", "at_least"), [("rain", 0.03), ("storm", 0.03), ("snow", 0.02), ("fog", 0.3)])
def test_the_weather_can_be_seen(weather: str, at_least: float) -> None:
    canvas = Canvas(512, 512)
    canvas.pixels[:] = 0.25
    paint_weather(canvas, plan(ImageRequest(f"noon, field, {weather}")), 0.6)
    changed = (np.abs(canvas.pixels - 0.25).max(axis=2) > 0.04).mean()
    assert at_least < changed


def test_rain_falls_in_streaks_and_snow_in_flakes() -> None:
    def run_lengths(weather: str) -> tuple[float, float]:
        canvas = Canvas(512, 512)
        scene = plan(ImageRequest(f"noon, field, {weather}"))
        paint_weather(canvas, scene, 5.0)  # the mist at the horizon is out of the image
        bright = canvas.pixels.mean(axis=2) > 0.15
        down = np.logical_and(bright[1:], bright[:-1]).sum() / max(1, bright.sum())
        across = np.logical_and(bright[:, 1:], bright[:, :-1]).sum() / max(1, bright.sum())
        return float(down), float(across)

    rain, snow = run_lengths("rain"), run_lengths("snow")
    assert rain[0] > 1.5 * rain[1], "streaks are taller than wide"
    assert 0.8 < snow[0] / snow[1] < 1.25, "flakes are round"


def test_a_colour_in_the_prompt_is_on_the_image() -> None:
    def redness(prompt: str) -> float:
        pixels = paint(prompt, seed=3)
        red = (pixels[..., 0] > 110) & (pixels[..., 1] < 100) & (pixels[..., 2] < 100)
        return float(red.mean())

    assert redness("a girl in a red dress, snowfield, noon") > 5 * redness("a girl in a blue dress, snowfield, noon")


@pytest.mark.parametrize(
    ("places", "side"),
    soaking_rows([(("by the sea",), 128), (("by the sea", "in the forest", "in a room"), 320)], keep=1),
    ids=["small", "large"],
)
@pytest.mark.parametrize("name", sorted(FIGURES))
def test_every_figure_stands_in_the_middle_of_a_square_image(
    name: str, places: tuple[str, ...], side: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A film shows rows 0.22 to 0.78 of it."""
    boxes: list[tuple[float, float, float, float]] = []
    place = Pen.place

    def spy(pen: Pen, canvas: Canvas, x: float, y: float, *arguments: object, **more: object) -> None:
        left, right = pen.reach
        boxes.append(
            ((x - left) / canvas.width, (x + right) / canvas.width, (y - pen.height) / canvas.height, y / canvas.height)
        )
        place(pen, canvas, x, y, *arguments, **more)  # type: ignore[arg-type]

    said = lexicon().say("subject", name, "en")
    for where in places:
        scene = plan(ImageRequest(f"{said}, {where}, by day", seed=5))
        canvas = Canvas(side, side)
        monkeypatch.setattr(Pen, "place", spy)
        before = len(boxes)
        painter_module.compose(canvas, scene, QuietRun().report)
        if scene.place == "sea" or scene.place == INDOOR:
            assert len(boxes) == before + 1, "the figure and nothing else"
        left, right, top, foot = boxes[-1]
        assert top >= 0.2
        assert foot <= 0.8
        if right - left < 0.9:
            assert left >= 0
            assert right <= 1


def test_everything_the_lexicon_calls_a_subject_is_drawn() -> None:
    in_the_air = {"rainbow", "firefly"}
    assert set(lexicon().names("subject")) == set(FIGURES) | set(LIGHTS) | in_the_air


def test_every_place_of_the_lexicon_is_painted() -> None:
    assert set(lexicon().names("place")) == {*GROUNDS, INDOOR}


@pytest.mark.parametrize("place", sorted(GROUNDS))
@pytest.mark.parametrize(("width", "height"), soaking_rows([(640, 360), (360, 640)], keep=1))
def test_places_are_images_not_areas_of_one_colour(place: str, width: int, height: int) -> None:
    prompt = lexicon().say("place", place, "en")
    pixels = paint(f"{prompt}, by day", width=width, height=height)
    assert pixels.shape == (height, width, 3)
    assert pixels.std() > 18
    top, bottom = pixels[: height // 5].mean(axis=(0, 1)), pixels[-height // 5 :].mean(axis=(0, 1))
    assert np.abs(top - bottom).max() > 12, "sky and ground differ"


@pytest.mark.parametrize("style", soaking(STYLES, keep=["", "水墨"]))
@pytest.mark.parametrize(("width", "height"), [(64, 64), (65, 333), (801, 67)])
def test_odd_and_small_sizes(style: str, width: int, height: int) -> None:
    assert paint("雨中的城市，女孩，夜晚", style, width=width, height=height).shape == (height, width, 3)


def test_the_largest_size_is_painted_too() -> None:
    assert decoded(paint_bytes("海边", width=2048, height=2048)).shape == (2048, 2048, 3)


@pytest.mark.parametrize("prompt", ["", "，。！", "😀👩‍👧", "x" * 20_000, "一" * 20_000, "\u202e\u0301"])
def test_any_prompt_gives_an_image(prompt: str) -> None:
    assert paint(prompt).std() > 10


def test_progress_rises(tmp_path: Path) -> None:
    seen: list[int] = []
    request = ImageRequest("village", width=128, height=128)
    painter_module.OfflinePainter().paint(
        request, tmp_path / "a.png", QuietRun(lambda percent, _text: seen.append(percent))
    )
    assert seen == sorted(seen)
    assert len(set(seen)) >= 4
    assert 0 <= seen[0] < seen[-1] < 100


def test_a_forest_costs_little_more_than_a_meadow() -> None:
    """One routine once made a forest take a hundred times as long."""

    def seconds(prompt: str) -> float:
        costs = []
        for seed in range(2):
            started = time.process_time()
            paint(prompt, width=512, height=512, seed=seed)
            costs.append(time.process_time() - started)
        return min(costs)

    assert seconds("forest, by day") < 8 * seconds("meadow, by day")
