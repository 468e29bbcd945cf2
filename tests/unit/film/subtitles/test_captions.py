"""Drawn captions: the glyphs of their text in every script, no boxes, inside the frame."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.film.errors import InvalidSpec
from service.film.spec import CaptionStyle, Position
from service.film.subtitles.captions import Captions, Drawn
from service.film.subtitles.cues import make_cues

NO_GLYPH = "\U0010ffff"


@pytest.fixture(params=["raqm", "no raqm"], autouse=True)
def _with_and_without_the_library_of_the_system(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pillow lays text out by Raqm only where libfribidi is installed."""
    if request.param == "no raqm":
        monkeypatch.setattr("PIL.ImageFont.core.HAVE_RAQM", False)


@pytest.mark.parametrize(
    "text", ["清晨的阳光", "The morning sun", "混合 mixed 文字 3.14", "おはよう", "안녕하세요", "é ü ñ Ω Ж"]
)
def test_every_script_is_drawn(text: str) -> None:
    drawn = Captions(1280, 720).draw((text,))
    bright = (drawn.rgba[..., 0] > 200) & (drawn.rgba[..., 3] > 200)
    dark = (drawn.rgba[..., 0] < 60) & (drawn.rgba[..., 3] > 200)
    assert bright.sum() > 100
    assert dark.sum() > 100, "an outline keeps it readable on anything"
    assert drawn.rgba[0, :, 3].max() == drawn.rgba[-1, :, 3].max() == 0, "cut off"


def test_different_characters_have_different_glyphs() -> None:
    """In boxes all characters look alike."""
    captions = Captions(1280, 720)
    characters = "清晨阳光山谷小狐狸醒来abcXYZ"
    assert len({captions.draw((char,)).rgba.tobytes() for char in characters}) == len(characters)


@pytest.mark.parametrize("char", [NO_GLYPH, "\ue000", "\ud800", "\u0378", "\x07", "😀", "\u202e"])
def test_what_the_font_has_no_glyph_for_is_left_out_and_not_a_box(char: str) -> None:
    captions = Captions(1280, 720)
    with_it, without = captions.draw((f"清晨{char}阳光",)), captions.draw(("清晨阳光",))
    assert np.array_equal(with_it.rgba, without.rgba)
    assert captions.draw((char,)).rgba.max() == 0


@pytest.mark.parametrize("text", ["مرحبا", "שלום", "สวัสดี", "नमस्ते", "清晨 ค 阳光"])
def test_a_script_that_the_font_lacks_is_told(text: str) -> None:
    captions = Captions(1280, 720)
    assert captions.lacks(("清晨", text))
    assert not captions.lacks(("清晨，the sun 3.14", "おはよう 안녕 Ω Ж ★ ♪"))


def test_chinese_gets_simplified_forms_and_a_full_stop_at_the_left() -> None:
    """Without its language this font hangs the full stop in the middle of its square, as is done in Taiwan."""
    drawn = Captions(1280, 720).draw(("山。",)).rgba[..., 3]
    stop = drawn[:, drawn.shape[1] // 2 :]
    rows, columns = np.nonzero(stop > 128)
    assert columns.mean() < stop.shape[1] * 0.4
    assert rows.mean() > stop.shape[0] * 0.55


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from([(64, 64), (1280, 720), (720, 1280), (480, 480), (1920, 200)]),
    st.lists(st.text("清晨阳光 abcWM，。", min_size=1, max_size=60), min_size=1, max_size=2),
)
def test_any_lines_lie_inside_any_frame_on_even_places(size: tuple[int, int], lines: list[str]) -> None:
    planes = Captions(*size).draw(lines).planes()
    height, width = planes.y.shape
    assert planes.x % 2 == planes.top % 2 == height % 2 == width % 2 == 0
    assert planes.x + width <= size[0]
    assert planes.top + height <= size[1]
    assert planes.u.shape == planes.v.shape == planes.alpha_uv.shape == (height // 2, width // 2)


@pytest.mark.parametrize("size", [(1280, 720), (720, 1280), (720, 720), (320, 180)])
@pytest.mark.parametrize(
    "text", ["清晨的阳光洒在山谷里，小狐狸醒来了。" * 3, "The little fox woke up early in the morning. " * 3]
)
def test_a_cues_lines_are_drawn_in_full_size_below_the_middle(size: tuple[int, int], text: str) -> None:
    captions = Captions(*size)
    single = captions.draw(("清",)).rgba.shape[0]
    for cue in make_cues(text, 0, 20, line_width=captions.line_width):
        drawn = captions.draw(cue.lines)
        assert drawn.rgba.shape[0] >= single * len(cue.lines) * 0.75, "shrunk"
        assert drawn.y > size[1] / 2
        assert drawn.y + drawn.rgba.shape[0] < size[1] * 0.97
        assert abs(drawn.x + drawn.rgba.shape[1] / 2 - size[0] / 2) <= 2


RED, BLUE = (230, 20, 20), (0, 64, 255)


def styled(**style: object) -> Captions:
    return Captions(1280, 720, style=CaptionStyle(**style))  # type: ignore[arg-type]  # any of its fields


def inked(drawn: Drawn, colour: tuple[int, int, int]) -> np.ndarray:
    """Where the caption is of this colour."""
    near = np.abs(drawn.rgba[..., :3].astype(int) - colour).max(axis=-1) < 12
    return np.asarray(near & (drawn.rgba[..., 3] > 200))


def test_size_colour_outline_and_place_are_those_that_were_chosen() -> None:
    plain, large, small = (styled(size=size).draw(("清晨",)).rgba.shape for size in (1, 2, 0.5))
    assert [large[0] / plain[0], plain[0] / small[0]] == pytest.approx([2, 2], rel=0.1)
    assert styled(size=0.5).line_width == 42 == Captions(1280, 720).line_width
    red = styled(colour="#E61414").draw(("清晨",))
    assert inked(red, RED).sum() > 300
    y, u, v = (plane.astype(float) for plane in red.planes()[2:5])
    middle = red.planes().alpha_uv > 250
    assert v[middle].max() == pytest.approx(128 + 224 / 255 * (230 - 64.66) / 1.5748, abs=2), "BT.709"
    assert u[middle].min() < 110 < 128 < v.max()
    assert y.max() == pytest.approx(16 + 64.66 * 219 / 255, abs=2)
    bare, thick = styled(outline=0).draw(("清晨",)), styled(outline=3).draw(("清晨",))
    assert inked(bare, (12, 12, 12)).sum() == 0 < inked(thick, (12, 12, 12)).sum()
    places = [styled(position=place).draw(("清晨",)).y for place in (Position.TOP, Position.MIDDLE, Position.BOTTOM)]
    assert places[0] == 42
    assert places[0] < 300 < places[1] < 360 < places[2]


@pytest.mark.parametrize(
    "wrong", [{"size": 2.1}, {"size": 0.4}, {"outline": -1}, {"colour": "red"}, {"colour": "#12345"}]
)
def test_a_look_that_cannot_be_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(InvalidSpec):
        styled(**wrong)


def test_what_is_heard_is_in_the_colour_and_the_rest_in_a_quieter_one() -> None:
    style = CaptionStyle(colour="#0040FF", karaoke=True)
    captions, lines = Captions(1280, 720, style=style), ("清晨的阳光", "morning sun")
    assert captions.draw(lines).rgba.shape == captions.draw(lines, 0).rgba.shape
    heard = [inked(captions.draw(lines, count), BLUE) for count in (0, 2, 5, 12, 16)]
    quiet = [inked(captions.draw(lines, count), style.quiet_rgb) for count in (0, 2, 5, 12, 16)]
    assert heard[0].sum() == 0 == quiet[-1].sum()
    assert all(a.sum() < b.sum() for a, b in pairwise(heard))
    assert all((before & ~after).sum() == 0 for before, after in pairwise(heard)), "none is unheard"
    rows = np.nonzero(heard[2].any(axis=1))[0]
    assert rows.max() < heard[0].shape[0] / 2 + 6, "the first line alone"
    columns = np.nonzero(heard[1].any(axis=0))[0]
    assert columns.max() < heard[0].shape[1] / 2
