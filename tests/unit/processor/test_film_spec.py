"""Every option of a request, and every setting of the film, reaches the spec."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from config.settings import FilmSettings, Settings
from models.project import Project
from models.shot import Shot
from processor.handlers.film_spec import build, transition_of
from service.film.spec import Encoder, FilmSpec, Fit, Motion, Quality, RateControl, Subtitles, Transition
from service.schemas import FilmRequest, parse

SETTINGS = Settings(
    data_dir=Path("/data"),
    film=FilmSettings(
        resolution="640x360",
        fps=24,
        subtitles="soft",
        concurrent=3,
        threads=5,
        timeout_s=90,
        cache_gib=0.5,
        cache_days=2.0,
        font="/fonts/a.otf",
    ),
)
SHOTS = [
    Shot(id="one", order=1, title="第一幕", narration="旁白一。", transition="wipe_left"),
    Shot(id="two", order=2, title="第二幕", description="旁白二。", transition=""),
]
FILES = {name: Path("/in") / name for name in ("image:one", "clip:one", "image:two", "audio:two", "music")}


def spec(settings: Settings = SETTINGS, files: dict[str, Path] = FILES, **options: Any) -> FilmSpec:
    request = parse(FilmRequest, options, settings)
    project = Project(id="p", title="片名")
    return build(settings=settings, request=request, project=project, shots=SHOTS, files=files, output_dir=Path("/out"))


def test_what_the_request_leaves_open_is_the_settings() -> None:
    made = spec()
    assert (made.width, made.height, made.fps, made.subtitles) == (640, 360, 24, Subtitles.SOFT)
    assert (made.threads, made.timeout_s) == (5, 90.0)
    assert (made.cache_bytes, made.cache_age_s) == (1 << 29, 2 * 86_400)
    assert made.cache_dir == Path("/data/cache/film")
    assert made.font == Path("/fonts/a.otf")
    assert (spec(Settings()).font, spec(Settings()).timeout_s) == (None, None)


def test_every_setting_of_the_film_is_for_the_spec_or_for_whoever_stores_it() -> None:
    """The others: what an upload may be, and where films are exported to."""
    elsewhere = {"max_music", "max_upload", "local_export"}
    here = {
        "resolution",
        "fps",
        "subtitles",
        "concurrent",
        "threads",
        "timeout_s",
        "max_duration_s",
        "cache_gib",
        "cache_days",
        "font",
    }
    assert set(FilmSettings.model_fields) == here | elsewhere


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"resolution": "9:16"}, {"width": 720, "height": 1280}),
        ({"resolution": "1:1"}, {"width": 720, "height": 720}),
        ({"resolution": "1000x562"}, {"width": 1000, "height": 562}),
        ({"fps": 60}, {"fps": 60}),
        ({"mode": "preview"}, {"quality": Quality.PREVIEW}),
        ({"mode": "high"}, {"quality": Quality.HIGH}),
        ({"bitrate": 4000}, {"rate_control": RateControl.CBR, "bitrate_kbps": 4000}),
        ({"bitrate": 4000, "rate_control": "2pass"}, {"rate_control": RateControl.TWO_PASS, "bitrate_kbps": 4000}),
        ({"bitrate": 4000, "rate_control": "crf"}, {"rate_control": RateControl.CRF, "bitrate_kbps": None}),
        ({}, {"rate_control": RateControl.CRF, "bitrate_kbps": None}),
        ({"encoder": "nvenc"}, {"encoder": Encoder.NVENC}),
        ({"subtitles": "both"}, {"subtitles": Subtitles.BOTH}),
        ({"subtitles": "off"}, {"subtitles": Subtitles.OFF}),
        ({"fit": "blur"}, {"fit": Fit.BLUR}),
        ({"intro": 2.5, "outro": 3}, {"intro_s": 2.5, "outro_s": 3.0}),
        ({"first_seconds": 7}, {"first_seconds": 7.0}),
        ({"strict": True}, {"strict": True}),
    ],
    ids=str,
)
def test_an_option_reaches_the_spec(options: dict[str, Any], expected: dict[str, Any]) -> None:
    made = spec(**options)
    assert {name: getattr(made, name) for name in expected} == expected


def test_a_shots_own_transition_counts_unless_the_request_names_one() -> None:
    assert [shot.transition for shot in spec().shots] == [Transition.WIPE_LEFT, Transition.CROSSFADE]
    made = spec(transition="fade", transition_seconds=1.5)
    assert [(shot.transition, shot.transition_s) for shot in made.shots] == [(Transition.FADE_BLACK, 1.5)] * 2


@pytest.mark.parametrize(("asked", "size"), [("", (360, 640)), ("16:9", (1280, 720))])
def test_a_projects_aspect_is_the_films_unless_the_request_has_a_size(asked: str, size: tuple[int, int]) -> None:
    made = build(
        settings=SETTINGS,
        request=parse(FilmRequest, {"resolution": asked}, SETTINGS),
        project=Project(id="p", title="", aspect="9:16"),
        shots=SHOTS,
        files={},
        output_dir=Path("/out"),
    )
    assert (made.width, made.height) == size


@pytest.mark.parametrize(
    ("film", "own", "meant"),
    [("", None, "auto"), ("", "none", "none"), ("none", None, "none"), ("none", "", "none"), ("none", "auto", "auto")],
)
def test_a_shots_own_motion_counts_before_the_films(film: str, own: str | None, meant: str) -> None:
    request, shot = parse(FilmRequest, {"motion": film}, SETTINGS), Shot(id="s", order=1, motion=own)
    made = build(
        settings=SETTINGS,
        request=request,
        project=Project(id="p", title=""),
        shots=[shot],
        files={},
        output_dir=Path("/out"),
    )
    assert made.shots[0].motion is Motion(meant)


def test_music_has_the_level_that_was_asked_for() -> None:
    music = spec(music="auto", music_level=-20).music
    assert music is not None
    assert (music.path, music.level_db) == (Path("/in/music"), -20.0)
    assert spec(files={}).music is None


def test_shots_have_their_files_texts_and_numbers() -> None:
    one, two = spec().shots
    assert (one.order, one.image, one.clip, one.narration) == (1, Path("/in/image:one"), Path("/in/clip:one"), None)
    assert (two.order, two.image, two.clip, two.narration) == (2, Path("/in/image:two"), None, Path("/in/audio:two"))
    assert (one.text, two.text, one.title) == ("旁白一。", "旁白二。", "第一幕")
    assert one.seed != two.seed


def test_a_film_without_a_voice_can_still_be_read() -> None:
    assert [shot.text for shot in spec(narration="none").shots] == ["旁白一。", "旁白二。"]
    assert spec(narration="none", subtitles="off").subtitles is Subtitles.OFF


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("CrossFade", Transition.CROSSFADE),
        (" fade ", Transition.FADE_BLACK),
        ("淡入淡出", Transition.FADE_BLACK),
        ("硬切", Transition.CUT),
        ("none", Transition.CUT),
        ("slide_left", Transition.SLIDE_LEFT),
        ("右滑", Transition.SLIDE_RIGHT),
        ("擦除", Transition.WIPE_LEFT),
    ],
)
def test_what_clients_write_into_a_shots_transition_is_understood(text: str, meant: Transition) -> None:
    assert transition_of(text) is meant


@pytest.mark.parametrize("text", ["", "spiral", "💥", "x" * 64])
def test_an_unknown_transition_is_a_crossfade(text: str) -> None:
    assert transition_of(text) is Transition.CROSSFADE
