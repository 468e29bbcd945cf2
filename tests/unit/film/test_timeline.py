"""The timeline: whole frames that add up, transitions that never meet, speech within its slot."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.film.errors import InvalidSpec
from service.film.spec import FilmShot, FilmSpec, RateControl, Subtitles, Transition
from service.film.timeline import make_timeline


def _spec(shots: tuple[FilmShot, ...], **options: object) -> FilmSpec:
    return FilmSpec(shots=shots, output_dir=Path("out"), cache_dir=Path("cache"), **options)  # type: ignore[arg-type] # any field


shots_strategy = st.lists(
    st.builds(
        FilmShot,
        order=st.just(1),
        transition=st.sampled_from(Transition),
        transition_s=st.floats(0, 5),
        minimum_s=st.floats(0.1, 6),
    ),
    min_size=1,
    max_size=12,
)
seconds = st.one_of(st.just(0.0), st.floats(0.02, 8))


@given(shots_strategy, st.data(), st.sampled_from([1, 15, 24, 30, 60]), st.floats(0, 2), st.floats(0, 2))
def test_slots_touch_add_up_and_hold_their_speech_and_transitions(
    shots: list[FilmShot], data: st.DataObject, fps: int, breath: float, hold: float
) -> None:
    narrations = data.draw(st.lists(seconds, min_size=len(shots), max_size=len(shots)))
    spec = _spec(tuple(shots), breath_s=breath, intro_s=hold, outro_s=hold)
    timeline = make_timeline(spec, narrations, [0.0] * len(shots), fps)

    assert timeline.slots[0].start == 0
    assert sum(slot.length for slot in timeline.slots) == timeline.frames == timeline.slots[-1].end
    for before, after in zip(timeline.slots, timeline.slots[1:], strict=False):
        assert before.end == after.start
        assert before.after + after.before < before.length, "two transitions meet in one slot"
    assert timeline.slots[0].before == timeline.slots[0].after == 0
    for index, (slot, narration, shot) in enumerate(zip(timeline.slots, narrations, shots, strict=True)):
        begin, end = timeline.visible(index)
        assert begin <= slot.start <= slot.end <= end
        assert slot.before + slot.after <= round(shot.transition_s * fps)
        if narration:
            assert slot.speech is not None
            assert slot.start <= slot.speech
            assert slot.speech / fps + narration <= slot.end / fps + 1e-6
        else:
            assert slot.speech is None


@given(shots_strategy, st.floats(0.1, 20))
def test_a_preview_ends_on_time_and_never_later_than_the_film(shots: list[FilmShot], first_seconds: float) -> None:
    narrations = [2.0] * len(shots)
    whole = make_timeline(_spec(tuple(shots)), narrations, [0.0] * len(shots), 30)
    cut = make_timeline(_spec(tuple(shots), first_seconds=first_seconds), narrations, [0.0] * len(shots), 30)
    assert cut.frames == min(whole.frames, max(1, round(first_seconds * 30)))
    assert sum(slot.length for slot in cut.slots) == cut.frames
    for timing in cut.timings(shots[: len(cut.slots)]):
        assert timing.start <= timing.speech_start <= timing.speech_end <= cut.frames / 30


def test_a_shot_is_as_long_as_its_narration_and_a_breath_rounded_up_to_frames() -> None:
    timeline = make_timeline(_spec((FilmShot(1),), breath_s=0.6, outro_s=0), [3.01], [0.0], 30)
    assert timeline.frames == 109  # 3.61 s are 108.3 frames
    assert timeline.slots[0].speech == 9


def test_intro_and_outro_hold_the_first_and_the_last_image() -> None:
    shots = (FilmShot(1), FilmShot(2))
    plain = make_timeline(_spec(shots, outro_s=0), [3.0, 3.0], [0, 0], 30)
    held = make_timeline(_spec(shots, intro_s=1, outro_s=2), [3.0, 3.0], [0, 0], 30)
    assert held.slots[0].length == plain.slots[0].length + 30
    assert held.slots[1].length == plain.slots[1].length + 60
    assert held.slots[0].speech == 30 + (plain.slots[0].speech or 0)


def test_a_clip_without_narration_plays_for_its_own_length() -> None:
    timeline = make_timeline(_spec((FilmShot(1, minimum_s=2),), outro_s=0), [0.0], [1.5], 30)
    assert timeline.frames == 45


TEXT = "很久很久以前，有一只小狐狸住在山里。" * 5  # 80 characters are read in 9 s at the fastest


@pytest.mark.parametrize(
    ("narration", "clip", "least", "most"),
    [(0.0, 0.0, 13, 16), (0.0, 2.0, 13, 16), (1.0, 0.0, 9, 12), (25.0, 0.0, 25.6, 25.7), (0.0, 20.0, 20, 20)],
)
def test_a_shot_stays_until_its_subtitles_are_read(narration: float, clip: float, least: float, most: float) -> None:
    shots = (FilmShot(1, text=TEXT),)
    frames = make_timeline(_spec(shots, outro_s=0), [narration], [clip], 30).frames
    assert least <= frames / 30 <= most
    silent = make_timeline(_spec(shots, outro_s=0, subtitles=Subtitles.OFF), [narration], [clip], 30).frames
    assert silent / 30 == pytest.approx(max(narration + 0.6 if narration else clip or 2.0, 1.6), abs=0.5)


def test_no_text_holds_a_shot_for_longer_than_a_minute() -> None:
    timeline = make_timeline(_spec((FilmShot(1, text=TEXT * 100),), outro_s=0), [0.0], [0.0], 30)
    assert timeline.frames == 60 * 30


@pytest.mark.parametrize("kind", [Transition.CROSSFADE, Transition.SLIDE_LEFT])
def test_a_transition_is_centred_on_its_joint(kind: Transition) -> None:
    shots = (FilmShot(1), FilmShot(2, transition=kind, transition_s=0.5))
    slot = make_timeline(_spec(shots), [3.0, 3.0], [0, 0], 30).slots[1]
    assert (slot.before, slot.after) == (7, 8)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("width", 63),
        ("width", 641),
        ("height", 5000),
        ("fps", 0),
        ("fps", 61),
        ("breath_s", float("nan")),
        ("threads", -1),
    ],
)
def test_a_spec_out_of_its_limits_is_refused_in_words(field: str, value: float) -> None:
    with pytest.raises(InvalidSpec, match=r"[0-9n]"):
        _spec((FilmShot(1),), **{field: value})


def test_a_film_needs_a_shot_and_a_bit_rate_where_one_is_to_be_met() -> None:
    with pytest.raises(InvalidSpec):
        _spec(())
    with pytest.raises(InvalidSpec, match="bitrate"):
        _spec((FilmShot(1),), rate_control=RateControl.TWO_PASS)
