"""What a film may be asked for: sizes, rates, ranges, and the words of a refusal."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.fields import frame_size
from service.schemas import (
    FilmRequest,
    MusicUpload,
    NarrationRequest,
    NewProject,
    PageRequest,
    ProjectChanges,
    Request,
    parse,
)
from tests.unit.service.test_schemas import SETTINGS, refused


@pytest.mark.parametrize(
    ("given_size", "expected"),
    [
        ("1920x1080", "1920x1080"),
        (" 640 X 360 ", "640x360"),
        ("720P", "1280x720"),
        ("1080p", "1920x1080"),
        ("480p", "854x480"),
        ("16:9", "1280x720"),
        ("9:16", "720x1280"),
        ("1:1", "720x720"),
        ("64x4096", "64x4096"),
        ("", ""),
    ],
)
def test_a_resolution_becomes_width_and_height(given_size: str, expected: str) -> None:
    assert parse(FilmRequest, {"resolution": given_size}, SETTINGS).resolution == expected


@pytest.mark.parametrize(
    "size", ["62x64", "4098x64", "641x360", "640x361", "0x0", "-640x360", "640", "x", "7200000p", "99999999x2", "1e3x2"]
)
def test_an_impossible_resolution_is_refused(size: str) -> None:
    assert refused(FilmRequest, resolution=size).field == "resolution"


@given(st.integers(0, 10_000), st.integers(0, 10_000))
def test_a_frame_is_even_and_within_bounds_or_refused(width: int, height: int) -> None:
    possible = all(64 <= side <= 4096 and side % 2 == 0 for side in (width, height))
    if possible:
        assert frame_size(f"{width}x{height}") == (width, height)
    else:
        with pytest.raises(ValueError, match="宽和高"):
            frame_size(f"{width}x{height}")


@pytest.mark.parametrize("value", ["", "0", 0, None])
def test_an_empty_rate_or_bitrate_means_the_default(value: Any) -> None:
    wanted = parse(FilmRequest, {"fps": value, "bitrate": value}, SETTINGS)
    assert (wanted.fps, wanted.bitrate) == (None, None)


@pytest.mark.parametrize(
    "text",
    [
        "1_0",
        "１０",
        "١٠",
        " 10",
        "10 ",
        "10\n",
        "\t10",
        "+10",
        "1e1",
        "1E1",
        "0x10",
        "0b1",
        "10.",
        "1,0",
        "--1",
        "- 1",
        "nan",
        "inf",
    ],
)
@pytest.mark.parametrize(
    ("model", "field"),
    [
        (PageRequest, "page"), (PageRequest, "page_size"), (NewProject, "shot_count"), (ProjectChanges, "shot_count"), (FilmRequest, "fps"),
        (FilmRequest, "bitrate"), (FilmRequest, "first_seconds"), (FilmRequest, "music_level"), (FilmRequest, "intro"),
        (NarrationRequest, "sample_rate"), (NarrationRequest, "speed"),
    ],
)  # fmt: skip
def test_nothing_but_digits_is_a_number(model: type[Request], field: str, text: str) -> None:
    needed = {"story_text": "a"} if model is NewProject else {}
    refusal = refused(model, **needed, **{field: text})
    assert refusal.field == field
    assert "数字" in str(refusal) or "整数" in str(refusal)


def test_numbers_may_come_as_text() -> None:
    wanted = parse(FilmRequest, {"fps": "24", "bitrate": "4000", "intro": "1.5", "strict": "true"}, SETTINGS)
    assert (wanted.fps, wanted.bitrate, wanted.intro, wanted.strict) == (24, 4000, 1.5, True)


@pytest.mark.parametrize(
    ("field", "value", "limit"),
    [
        ("fps", "61", "60"),
        ("fps", "-1", "1"),
        ("bitrate", "99", "100"),
        ("intro", "31", "30"),
        ("outro", "nan", "数字"),
        ("outro", "inf", "数字"),
        ("first_seconds", "0", "0.5"),
        ("subtitles", "blue", "burned、soft、both、off"),
        ("mode", "best", "preview、final、high"),
        ("format", "avi", "mp4"),
        ("strict", "perhaps", "true 或 false"),
        ("transition", "explode", "crossfade"),
        ("shot_id", "../../etc/passwd", "编号"),
        ("shot_id", "s" * 65, "编号"),
        ("music", "m" * 256, "255"),
    ],
)
def test_a_film_option_out_of_range_names_what_is_allowed(field: str, value: str, limit: str) -> None:
    error = refused(FilmRequest, **{field: value})
    assert error.field == field
    assert limit in str(error)


@pytest.mark.parametrize("rate_control", ["cbr", "2pass"])
def test_a_rate_control_that_needs_a_bitrate_says_so(rate_control: str) -> None:
    error = refused(FilmRequest, rate_control=rate_control)
    assert error.field == "bitrate"
    assert rate_control in str(error)
    assert parse(FilmRequest, {"rate_control": rate_control, "bitrate": 4000}, SETTINGS).bitrate == 4000


OUT_OF_RANGE: dict[str, tuple[Any, str]] = {
    "shot_id": ("a/b", "编号"),
    "resolution": ("1281x720", "偶数"),
    "fps": (0.5, "整数"),
    "format": ("mkv", "mp4"),
    "rate_control": ("vbr", "crf、cbr、2pass"),
    "bitrate": (100_001, "100000"),
    "mode": ("draft", "preview、final、high"),
    "first_seconds": (3601, "3600"),
    "subtitles": ("on", "burned、soft、both、off"),
    "narration": ("some", "auto、none"),
    "music": ("m" * 256, "255"),
    "music_level": (0.1, "0"),
    "transition": ("star", "wipe_right"),
    "transition_seconds": (10.1, "10"),
    "fit": ("stretch", "crop、blur"),
    "motion": ("zoom", "auto、none"),
    "intro": (-0.1, "0"),
    "outro": (30.5, "30"),
    "encoder": ("x265", "videotoolbox"),
    "export": ("usb", "cloud、local"),
    "strict": (2, "true 或 false"),
    "seed": (2**53, "9007199254740991"),
    "steps": (201, "200"),
    "cfg_scale": (50.5, "50"),
    "negative_prompt": ("n" * 4001, "4000"),
    "model": ("m" * 201, "200"),
    "duration": (60.5, "60"),
}


@pytest.mark.parametrize("field", FilmRequest.model_fields)
def test_no_film_option_takes_what_is_out_of_its_range(field: str) -> None:
    value, limit = OUT_OF_RANGE[field]
    for given_value in (value, str(value)):
        error = refused(FilmRequest, **{field: given_value})
        assert error.field == field
        assert limit in str(error)


@pytest.mark.parametrize("field", FilmRequest.model_fields)
@pytest.mark.parametrize("value", [[1], {"a": 1}, "\x00", "x" * 4001], ids=["list", "object", "nul", "long"])
def test_no_film_option_takes_what_is_no_value_at_all(field: str, value: Any) -> None:
    error = refused(FilmRequest, **{field: value})
    assert error.field == field
    assert len(str(error)) < 200


@pytest.mark.parametrize("field", FilmRequest.model_fields)
@pytest.mark.parametrize("value", ["", None])
def test_an_empty_film_option_was_not_given(field: str, value: Any) -> None:
    assert parse(FilmRequest, {field: value}, SETTINGS) == FilmRequest()


def test_words_of_film_options_may_be_written_large() -> None:
    wanted = parse(
        FilmRequest, {"Transition": "Wipe_Left", "Mode": " FINAL ", "Rate_Control": "CRF", "music": "Auto"}, SETTINGS
    )
    assert (wanted.transition, wanted.mode, wanted.rate_control) == ("wipe_left", "final", "crf")
    assert wanted.music == "auto"
    assert parse(FilmRequest, {"music": "Auto-1"}, SETTINGS).music == "Auto-1"


def test_size_and_quality_are_other_words_for_resolution_and_mode() -> None:
    wanted = parse(FilmRequest, {"size": "1:1", "quality": "high"}, SETTINGS)
    assert (wanted.resolution, wanted.mode) == ("720x720", "high")


def test_tags_of_music_are_parted_by_whatever_parts_words() -> None:
    assert parse(MusicUpload, {"Tags": "平静、钢琴，calm;soft  calm"}, SETTINGS).words() == [
        "平静",
        "钢琴",
        "calm",
        "soft",
    ]


def test_a_film_request_survives_being_stored() -> None:
    wanted = parse(FilmRequest, {"resolution": "9:16", "fps": "25", "music": "auto", "first_seconds": 5}, SETTINGS)
    assert FilmRequest.model_validate(wanted.model_dump()) == wanted


@pytest.mark.parametrize(
    ("field", "value"), [("sample_rate", "-1"), ("speed", "9"), ("format", "exe"), ("voice", "v" * 65)]
)
def test_a_narration_option_out_of_range_is_refused(field: str, value: str) -> None:
    assert refused(NarrationRequest, **{field: value}).field == field
