"""What a viewer sees: the film is decoded and its frames are looked at."""

from __future__ import annotations

import dataclasses
import itertools
import threading
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from service.film.cache import Cache
from service.film.compose import compose
from service.film.errors import FilmError
from service.film.spec import (
    FilmReport,
    FilmShot,
    FilmSpec,
    Fit,
    Motion,
    Progress,
    Quality,
    Subtitles,
    Transition,
)
from tests.integration.film import material
from tests.integration.film.material import decode, difference, make, seen
from tests.support.soak import soaking


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> tuple[FilmSpec, FilmReport]:
    """Four shots with crossfades, subtitles and a title."""
    folder = tmp_path_factory.mktemp("plain")
    shots = material.shots(folder / "in", 4, text="清晨，小狐狸醒来了。", title="第=一;章")
    spec = material.spec(folder, shots, title='片名 {x} "%d"', subtitles=Subtitles.BOTH)
    return spec, make(spec)


def test_the_middle_of_every_shot_shows_its_own_image(plain: tuple[FilmSpec, FilmReport]) -> None:
    spec, report = plain
    frames = decode(report.film)
    for shot, timing in zip(spec.shots, report.shots, strict=True):
        middle = frames[round((timing.start + timing.end) / 2 * 15)][:120]
        distances = [difference(middle, seen(other.image)[:120]) for other in spec.shots if other.image]
        assert np.argmin(distances) == shot.order - 1
        assert distances[shot.order - 1] < sorted(distances)[1] / 2


def test_something_moves_in_every_frame_and_nothing_is_black_or_shown_twice(plain: tuple[FilmSpec, FilmReport]) -> None:
    frames = decode(plain[1].film)
    assert frames.mean(axis=(1, 2, 3)).min() > 40
    steps = [difference(one, two) for one, two in itertools.pairwise(frames[:, :120])]
    assert min(steps) > 0.02
    assert max(steps) < 30, "a jump where everything fades"


def test_in_the_middle_of_a_crossfade_both_images_are_seen_alike(plain: tuple[FilmSpec, FilmReport]) -> None:
    spec, report = plain
    frames = decode(report.film)
    for (one, two), timing in zip(itertools.pairwise(spec.shots), report.shots[1:], strict=False):
        assert one.image is not None
        assert two.image is not None
        joint = round(timing.start * 15)
        middle = (frames[joint - 1][:120].astype(float) + frames[joint][:120]) / 2
        mixed = (seen(one.image)[:120].astype(float) + seen(two.image)[:120]) / 2
        assert difference(middle, mixed) < difference(middle, seen(one.image)[:120]) / 2
        assert difference(middle, mixed) < difference(middle, seen(two.image)[:120]) / 2


def test_a_film_lasts_exactly_as_long_as_its_slots(plain: tuple[FilmSpec, FilmReport]) -> None:
    report = plain[1]
    assert len(decode(report.film)) == round(report.duration_s * 15)
    assert report.shots[-1].end == report.duration_s
    with av.open(str(report.film)) as container:
        times = sorted(packet.pts for packet in container.demux(video=0) if packet.pts is not None)
        assert len({two - one for one, two in itertools.pairwise(times)}) == 1, "frames are evenly spaced"
        sound = container.streams.audio[0]
        assert sound.duration is not None
        assert sound.time_base is not None
        assert abs(float(sound.duration * sound.time_base) - report.duration_s) < 1 / 15


def test_the_streams_are_what_players_expect(plain: tuple[FilmSpec, FilmReport]) -> None:
    spec, report = plain
    with av.open(str(report.film)) as container:
        video, sound = container.streams.video[0], container.streams.audio[0]
        context = video.codec_context
        assert (context.name, context.width, context.height, context.pix_fmt) == ("h264", 320, 180, "yuv420p")
        assert (context.color_range, context.colorspace, context.color_primaries, context.color_trc) == (1, 1, 1, 1)
        assert video.average_rate == 15
        assert (sound.codec_context.name, sound.sample_rate, sound.channels) == ("aac", 48_000, 2)
        assert [stream.codec_context.name for stream in container.streams.subtitles] == ["mov_text"]
        assert container.metadata["title"] == spec.title
        chapters = container.chapters()
    assert [chapter["metadata"]["title"] for chapter in chapters] == [shot.title for shot in spec.shots]
    starts = [float(chapter["start"] * chapter["time_base"]) for chapter in chapters]
    assert starts == pytest.approx([timing.start for timing in report.shots], abs=0.001)
    data = report.film.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat"), "a browser can start before it has everything"


def test_the_soft_subtitles_hold_the_text(plain: tuple[FilmSpec, FilmReport]) -> None:
    with av.open(str(plain[1].film)) as container:
        text = b"".join(bytes(packet) for packet in container.demux(container.streams.subtitles[0]))
    assert text.decode("utf-8", "ignore").count("小狐狸") == 4
    assert plain[1].subtitles_srt is not None
    assert "小狐狸" in plain[1].subtitles_srt.read_text(encoding="utf-8")


def test_the_cover_is_the_first_image_in_the_films_size_without_a_caption(plain: tuple[FilmSpec, FilmReport]) -> None:
    from PIL import Image

    spec, report = plain
    with Image.open(report.cover) as image:
        assert image.size == (320, 180)
        assert spec.shots[0].image is not None
        assert difference(np.asarray(image.convert("RGB")), seen(spec.shots[0].image)) < 15


def test_the_log_names_key_parameters_and_seconds_per_stage(plain: tuple[FilmSpec, FilmReport]) -> None:
    log = plain[1].log
    assert log["segments_made"] == 7
    assert log["encoder"] == "libx264"
    seconds = log["seconds"]
    assert isinstance(seconds, dict)
    assert {"plan", "picture", "sound", "join", "total"} <= set(seconds)


@pytest.mark.parametrize("text", soaking(["清晨的阳光洒在山谷里", "The morning sun"], keep=1))
def test_burned_subtitles_change_the_lower_band_while_they_are_spoken_and_nothing_else(
    tmp_path: Path, text: str
) -> None:
    shots = material.shots(tmp_path / "in", 1, 1.6, text=text)
    spec = material.spec(tmp_path, shots)
    report = make(spec)
    burned = decode(report.film)
    off = dataclasses.replace(spec, subtitles=Subtitles.OFF, output_dir=tmp_path / "off")
    clean = decode(make(off).film)
    timing = report.shots[0]
    middle = round((timing.speech_start + timing.speech_end) / 2 * 15)
    changed = np.abs(burned.astype(int) - clean).max(axis=3) > 90
    assert changed[middle, 120:].sum() > 150
    assert changed[middle, :100].sum() == 0
    assert changed[0].sum() == 0, "nobody speaks yet"


def test_words_that_the_font_cannot_write_are_named_in_the_warnings_unless_they_are_emoji(tmp_path: Path) -> None:
    texts = ["清晨来了。", "صباح الخير", "早安 สวัสดี", "小狐狸🦊醒来了👋🏽❤️", "नमस्ते"]
    shots = [FilmShot(number, text=text, title="a", minimum_s=0.3) for number, text in enumerate(texts, 1)]
    spec = material.spec(tmp_path, shots, width=160, height=90, threads=1)
    told = [warning for warning in make(spec).warnings if "字体没有的文字" in warning]
    assert [warning[:4] for warning in told] == ["镜头 2", "镜头 3", "镜头 5"]
    soft = dataclasses.replace(spec, subtitles=Subtitles.SOFT, output_dir=tmp_path / "soft")
    assert not [warning for warning in make(soft).warnings if "字体" in warning], "the player has fonts of its own"


@pytest.mark.parametrize(
    "kind", soaking(Transition, keep=set(Transition) - {Transition.SLIDE_RIGHT, Transition.WIPE_RIGHT})
)
def test_every_transition_leads_from_one_image_to_the_next(tmp_path: Path, kind: Transition) -> None:
    shots = material.shots(tmp_path / "in", 2, 1.0, transition=kind, transition_s=0.6)
    report = make(material.spec(tmp_path, shots, subtitles=Subtitles.OFF))
    frames = decode(report.film)
    joint = round(report.shots[1].start * 15)
    first, second = (seen(shot.image) for shot in shots if shot.image)
    half = 0 if kind is Transition.CUT else 5
    before, after = frames[joint - half - 1], frames[joint + half]
    assert difference(before, first) < difference(before, second) / 2
    assert difference(after, second) < difference(after, first) / 2
    if kind is Transition.FADE_BLACK:
        assert frames[joint - 1 : joint + 1].mean() < 60


@pytest.mark.parametrize("size", soaking([(180, 320), (240, 240), (322, 178)], keep=[(180, 320), (322, 178)]))
@pytest.mark.parametrize("fit", Fit)
def test_any_aspect_is_filled_without_bars(tmp_path: Path, size: tuple[int, int], fit: Fit) -> None:
    shots = material.shots(tmp_path / "in", 1, 0.6)
    report = make(
        material.spec(tmp_path, shots, width=size[0], height=size[1], fit=fit, subtitles=Subtitles.OFF, threads=1)
    )
    frames = decode(report.film)
    assert frames.shape[1:3] == (size[1], size[0])
    edges = np.concatenate([frames[4, :4].reshape(-1, 3), frames[4, -4:].reshape(-1, 3)])
    assert edges.mean() > 30, "a black bar"


def test_a_blurred_fill_shows_the_whole_image_and_a_crop_does_not(tmp_path: Path) -> None:
    """A white image with red left and right edges, in a film higher than wide."""
    image = Image.new("RGB", (480, 270), "white")
    image.paste((220, 0, 0), (0, 0, 60, 270))
    image.paste((220, 0, 0), (420, 0, 480, 270))
    image.save(tmp_path / "a.png")
    red = {}
    for fit in Fit:
        spec = material.spec(
            tmp_path, [FilmShot(1, image=tmp_path / "a.png", minimum_s=0.5)], width=180, height=320, fit=fit
        )
        middle = decode(make(dataclasses.replace(spec, output_dir=tmp_path / fit.value)).film)[3][160].astype(int)
        red[fit] = int(((middle[:, 0] - middle[:, 1]) > 80).sum())
    assert red[Fit.BLUR] > 15
    assert red[Fit.CROP] == 0


@pytest.mark.parametrize("fit", Fit)
@pytest.mark.parametrize("size", soaking([(400, 400), (480, 270)], keep=1), ids=["square", "of its shape"])
def test_an_image_without_motion_is_the_same_in_every_frame(tmp_path: Path, fit: Fit, size: tuple[int, int]) -> None:
    """Over the joints of its segments too; all of it that the fit shows, and as large as the frame holds it."""
    path = material.image(tmp_path / "a.png", 5, size)
    shots = [FilmShot(1, image=path, minimum_s=9.0, motion=Motion.NONE)]
    frames = decode(make(material.spec(tmp_path, shots, fit=fit)).film)
    assert len(frames) == 9 * 15
    assert max(difference(frames[0], frame) for frame in frames[1:]) < 0.5
    with Image.open(path) as image:
        if fit is Fit.BLUR and size[0] == size[1]:
            inner, shown = image.convert("RGB").resize((180, 180)), frames[60][:, 70:250]
        else:
            columns, rows = 320, round(320 * size[1] / size[0])
            inner = image.convert("RGB").resize((columns, rows))
            tops = range(rows - 180 + 1)
            shown = frames[60]
            top = min(tops, key=lambda top: difference(np.asarray(inner)[top : top + 180], shown))
            inner = inner.crop((0, top, 320, top + 180))
    assert difference(np.asarray(inner), shown) < 4


def test_one_shot_that_stands_still_leaves_the_others_as_they_are(tmp_path: Path) -> None:
    shots = material.shots(tmp_path / "in", 4, 2.0, transition=Transition.CUT)
    before = decode(make(material.spec(tmp_path, shots)).film)
    still = [dataclasses.replace(shot, motion=Motion.NONE) if shot.order == 3 else shot for shot in shots]
    report = make(material.spec(tmp_path, still))
    assert (report.log["segments_made"], report.log["segments_reused"]) == (1, 3)
    after = decode(report.film)
    start, end = (round(time * 15) for time in (report.shots[2].start, report.shots[2].end))
    assert difference(after[start], after[end - 1]) < 0.5 < difference(before[start], before[end - 1])
    assert np.array_equal(before[:start], after[:start])
    assert np.array_equal(before[end:], after[end:])
    assert make(material.spec(tmp_path, still)).log["segments_made"] == 0


def test_a_preview_is_small_and_ends_early(tmp_path: Path) -> None:
    shots = material.shots(tmp_path / "in", 3)
    report = make(material.spec(tmp_path, shots, width=960, height=540, quality=Quality.PREVIEW, first_seconds=2.0))
    frames = decode(report.film)
    assert frames.shape[0] == 2 * report.fps
    assert (report.width, report.height) == (640, 360) == (frames.shape[2], frames.shape[1])
    assert len(report.shots) == 2


def test_a_missing_image_becomes_a_placeholder_with_the_shots_title(tmp_path: Path) -> None:
    shots = [FilmShot(1, title="第一章", minimum_s=0.6), FilmShot(2, image=tmp_path / "gone.png", minimum_s=0.6)]
    report = make(material.spec(tmp_path, shots))
    frames = decode(report.film)
    assert frames.mean(axis=(1, 2, 3)).min() > 40, "not black"
    middle = frames[4].astype(int)
    untitled = dataclasses.replace(shots[0], title="")
    plain = decode(make(material.spec(tmp_path / "untitled", [untitled, shots[1]])).film)[4].astype(int)
    assert (np.abs(middle - plain)[60:120] > 60).sum() > 100, "letters in the middle"
    assert [warning for warning in report.warnings if "镜头 1" in warning]
    assert [warning for warning in report.warnings if "镜头 2" in warning]


def test_a_strict_film_wants_everything(tmp_path: Path) -> None:
    spec = material.spec(tmp_path, [FilmShot(1), FilmShot(2)], strict=True)
    with pytest.raises(FilmError) as caught:
        make(spec)
    assert caught.value.shot == 1


def test_progress_rises_from_nothing_to_done_by_stages_and_frames(tmp_path: Path) -> None:
    said: list[Progress] = []
    compose(material.spec(tmp_path, material.shots(tmp_path / "in", 2)), said.append, threading.Event())
    fractions = [progress.fraction for progress in said]
    assert fractions == sorted(fractions)
    assert (fractions[0], fractions[-1]) == (0.0, 1.0)
    assert len({progress.fraction for progress in said if progress.stage == "picture"}) > 5
    assert [stage for stage, _ in itertools.groupby(progress.stage for progress in said)] == [
        "plan",
        "picture",
        "sound",
        "join",
        "done",
    ]


film_shots = st.lists(
    st.tuples(
        st.sampled_from(Transition),
        st.floats(0, 1.5),
        st.sampled_from([0.0, 0.31, 0.777]),
        st.booleans(),
        st.text(max_size=20),
    ),
    min_size=1,
    max_size=30,
)


@settings(max_examples=3, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    film_shots,
    st.sampled_from([(64, 64), (130, 72), (96, 160)]),
    st.sampled_from([7, 15, 24]),
    st.sampled_from(Subtitles),
)
def test_any_film_holds_every_frame_and_as_much_sound(
    tmp_path: Path,
    shots: list[tuple[Transition, float, float, bool, str]],
    size: tuple[int, int],
    fps: int,
    subtitles: Subtitles,
) -> None:
    made = []
    for number, (kind, length, spoken, has_image, text) in enumerate(shots, 1):
        made.append(
            FilmShot(
                number,
                image=material.image(tmp_path / f"{number}.png", number, (100, 80)) if has_image else None,
                narration=material.speech(tmp_path / f"{spoken}.wav", spoken) if spoken else None,
                text=text,
                title=text,
                transition=kind,
                transition_s=length,
                minimum_s=0.3,
            )
        )
    report = make(
        material.spec(
            tmp_path, made, width=size[0], height=size[1], fps=fps, subtitles=subtitles, breath_s=0.2, threads=1
        )
    )
    assert len(decode(report.film)) == round(report.duration_s * fps)
    assert [timing.start for timing in report.shots[1:]] == [timing.end for timing in report.shots[:-1]]
    for shot, timing in zip(made, report.shots, strict=True):
        if shot.narration:
            assert timing.start <= timing.speech_start < timing.speech_end <= timing.end


def test_a_film_outlives_another_films_pruning(tmp_path: Path) -> None:
    film = material.spec(tmp_path, material.shots(tmp_path / "in", 4, 0.3), width=160, height=90)
    pruned: list[int] = []

    def prune(progress: Progress) -> None:
        if progress.stage == "picture":
            pruned.append(Cache(film.cache_dir).prune(0, 1e9))

    report = compose(film, prune, threading.Event())
    assert any(pruned)
    assert len(material.decode(report.film)) == round(report.duration_s * film.fps)
