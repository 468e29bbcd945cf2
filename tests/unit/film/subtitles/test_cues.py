"""Cues: at most two lines that fit, at the words' pace, never too fast to read, and nothing of the text lost."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from service.film.subtitles.cues import Cue, make_cues
from service.film.subtitles.line_breaks import columns
from service.film.subtitles.text_metrics import clean, reading_s

WIDTH = 42
chinese = st.text(st.sampled_from("清晨的阳光洒在山谷里小狐狸醒来了，。！？、“”"), max_size=200)
english = st.lists(
    st.sampled_from(["The", "little", "fox", "woke", "early,", "on.", "don't", "3.14", "(well)"]), max_size=60
)
mixed = st.lists(st.one_of(chinese, english.map(" ".join), st.text(max_size=30)), max_size=5).map(" ".join)


def _bare(text: str) -> str:
    return "".join(text.split())


@given(st.one_of(chinese, english.map(" ".join), mixed), st.integers(8, 50), st.floats(0.5, 300))
def test_cues_are_the_text_in_order_in_two_lines_that_fit_and_touch(text: str, width: int, seconds: float) -> None:
    cues = make_cues(text, 1.0, 1.0 + seconds, line_width=width)
    assert _bare("".join("".join(cue.lines) for cue in cues)) == _bare(clean(text))
    for cue in cues:
        assert 1 <= len(cue.lines) <= 2
        assert all(0 < columns(line) <= width for line in cue.lines)
        assert cue.start < cue.end
    assert all(one.end == two.start for one, two in itertools.pairwise(cues))
    if cues:
        assert (cues[0].start, cues[-1].end) == (1.0, 1.0 + seconds)


@example("、、 、！ 、、、、、、、、、、。了 、、、、、、、", 1.0, [(0.0, 1.0)])
@given(
    st.one_of(chinese, mixed),
    st.floats(1.0, 3.0),
    st.lists(st.tuples(st.floats(0, 60), st.floats(0.1, 1.0)), max_size=20),
)
def test_no_cue_passes_faster_than_it_can_be_read_where_the_time_is_there(
    text: str, ease: float, gaps: list[tuple[float, float]]
) -> None:
    needed = reading_s(text)
    pauses = [(start, start + length) for start, length in sorted(gaps)]
    for cue in make_cues(text, 0.0, ease * needed + 0.01, line_width=WIDTH, pauses=pauses):
        assert cue.end - cue.start >= sum(reading_s(_bare(line)) for line in cue.lines) - 1e-6


def test_two_lines_part_where_a_clause_ends() -> None:
    (cue,) = make_cues("一个下雨的夜里，风把灯吹灭了，海上的小船迷失了方向。", 0, 5.8, line_width=WIDTH)
    assert cue.lines == ("一个下雨的夜里，风把灯吹灭了，", "海上的小船迷失了方向。")


@pytest.mark.parametrize("text", ["风把所有的灯都慢慢地吹灭了" * 5, "我们的孩子们看着远方的灯塔" * 5])
def test_no_line_starts_with_a_particle_or_a_closing_mark(text: str) -> None:
    for cue in make_cues(text, 0, 30, line_width=20):
        assert all(line[0] not in "的了着们，。" for line in cue.lines)


def test_english_words_numbers_and_names_stay_whole() -> None:
    text = "Dr. Smith's well-known MacBook costs 1,299.50 dollars, says user@example.com at 10:30, doesn't he?"
    lines = [line for cue in make_cues(text, 0, 8, line_width=20) for line in cue.lines]
    for word in ("Smith's", "well-known", "1,299.50", "user@example.com", "10:30,", "doesn't"):
        assert any(word in line.split() for line in lines), word


def test_a_cue_starts_where_the_voice_does_after_a_pause() -> None:
    text = "第一句话说完了停一停。第二句话从这里才开始说。"
    free = make_cues(text, 0, 6, line_width=24)
    held = make_cues(text, 0, 6, line_width=24, pauses=[(2.9, 3.4)])
    assert len(free) == len(held) == 2
    assert free[1].start != 3.4
    assert held[1].start == 3.4


TWO = "第一句话说完了停一停。第二句话从这里才开始说。"


def test_cues_begin_and_end_with_the_voice() -> None:
    cues = make_cues(TWO, 1.0, 12.0, line_width=24, pauses=[(1.0, 4.0), (10.0, 12.0)])
    assert (cues[0].start, cues[-1].end) == (4.0, 10.0)
    assert make_cues(TWO, 1.0, 12.0, line_width=24, pauses=[(1.0, 12.0)])[0].start == 1.0


@pytest.mark.parametrize("line_width", [24, 60])
def test_nothing_is_shown_in_a_long_pause(line_width: int) -> None:
    one, two = make_cues(TWO, 0.0, 9.0, line_width=line_width, pauses=[(2.8, 5.8)])
    assert (one.start, one.end, two.start, two.end) == (0.0, 2.8, 5.8, 9.0)
    assert "".join(two.lines) == "第二句话从这里才开始说。"


def test_a_pause_after_a_word_parts_the_text_there_and_pauses_beyond_the_words_are_left() -> None:
    parts = make_cues("我们一起去，看海", 0.0, 8.0, line_width=WIDTH, pauses=[(1.6, 6.9)])
    assert ["".join(cue.lines) for cue in parts] == ["我们一起去，", "看海"]
    assert make_cues("字", 0.0, 9.0, line_width=WIDTH, pauses=[(2.0, 4.0), (5.0, 8.0)]) == [Cue(0.0, 9.0, ("字",))]


def test_words_that_take_longer_to_read_than_to_say_stay_in_the_silence_or_come_early() -> None:
    needed = reading_s(TWO)
    for pauses in ([(needed / 2, 20.0)], [(0.0, 20 - needed / 2)]):
        cues = make_cues(TWO, 0.0, 20.0, line_width=24, pauses=pauses)
        assert cues[-1].end - cues[0].start == pytest.approx(needed)


@given(
    st.one_of(chinese, english.map(" ".join), mixed),
    st.floats(0.5, 60),
    st.lists(st.tuples(st.floats(0.01, 10), st.floats(0.1, 5.0)), max_size=12),
)
def test_no_words_are_lost_and_no_cues_overlap_whatever_the_pauses_are(
    text: str, seconds: float, gaps: list[tuple[float, float]]
) -> None:
    pauses, at = [], -1.0
    for apart, length in gaps:
        pauses.append((at + apart, at + apart + length))
        at += apart + length
    cues = make_cues(text, 0.0, seconds, line_width=WIDTH, pauses=pauses)
    assert _bare("".join("".join(cue.lines) for cue in cues)) == _bare(clean(text))
    assert all(cue.start < cue.end for cue in cues)
    assert all(one.end <= two.start for one, two in itertools.pairwise(cues))
    assert not cues or (cues[0].start >= 0.0 and cues[-1].end <= seconds + 1e-9)


@pytest.mark.parametrize("text", ["", "   ", "😀🎉", "\x00\x1b", "\u202e\u200b"])
def test_what_cannot_be_shown_gives_no_cue(text: str) -> None:
    assert make_cues(text, 0, 5, line_width=WIDTH) == []
    assert make_cues("字", 5, 5, line_width=WIDTH) == []


@pytest.mark.parametrize("unit", ["。", "a", "我", " a", "(", "e\u0301", '"', "了"])
def test_ten_thousand_of_anything_are_cut_into_cues(unit: str) -> None:
    cues = make_cues(unit * 10_000, 0, 3000, line_width=WIDTH)
    assert len(cues) > 100
    assert all(columns(line) <= WIDTH for cue in cues for line in cue.lines)


def test_signs_and_composed_letters_are_kept_and_emoji_are_not() -> None:
    assert clean("五星★好评☆ ♪音乐♫ 🎬☀️✨") == "五星★好评☆ ♪音乐♫"
    assert clean("cafe\u0301 nai\u0308ve") == "café naïve"
