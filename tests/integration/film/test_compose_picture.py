"""What a viewer sees: the film is decoded and its frames are looked at."""

from __future__ import annotations

import dataclasses
import itertools
import re
import threading
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.errors import FilmError
from service.film import encoders
from service.film.cache import Cache
from service.film.compose import compose
from service.film.encoders import HARDWARE, choose_encoding
from service.film.levels import LEVELS, level_for
from service.film.spec import (
    Encoder,
    FilmReport,
    FilmShot,
    FilmSpec,
    Fit,
    Progress,
    Quality,
    RateControl,
    Subtitles,
    Transition,
)
from tests.integration.film import material
from tests.integration.film.material import decode, difference, seen


def make(spec: FilmSpec) -> FilmReport:
    return compose(spec, lambda _progress: None, threading.Event())


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> tuple[FilmSpec, FilmReport]:
    """Four shots with crossfades, subtitles and a title."""
    folder = tmp_path_factory.mktemp("plain")
    shots = material.shots(folder / "in", 4, text="清晨，小狐狸醒来了。", title="第=一;章")
    spec = material.spec(folder, shots, title='片名 {x} "%d"', subtitles=Subtitles.BOTH)
    return spec, make(spec)


def test_the_middle_of_every_shot_shows_its_own_picture(plain: tuple[FilmSpec, FilmReport]) -> None:
    spec, report = plain
    frames = decode(report.film)
    for shot, timing in zip(spec.shots, report.shots, strict=True):
        middle = frames[round((timing.start + timing.end) / 2 * 15)][:120]
        distances = [difference(middle, seen(other.picture)[:120]) for other in spec.shots if other.picture]
        assert np.argmin(distances) == shot.order - 1
        assert distances[shot.order - 1] < sorted(distances)[1] / 2


def test_something_moves_in_every_frame_and_nothing_is_black_or_shown_twice(plain: tuple[FilmSpec, FilmReport]) -> None:
    frames = decode(plain[1].film)
    assert frames.mean(axis=(1, 2, 3)).min() > 40
    steps = [difference(one, two) for one, two in itertools.pairwise(frames[:, :120])]
    assert min(steps) > 0.02
    assert max(steps) < 30, "a jump where everything fades"


def test_in_the_middle_of_a_crossfade_both_pictures_are_seen_alike(plain: tuple[FilmSpec, FilmReport]) -> None:
    spec, report = plain
    frames = decode(report.film)
    for (one, two), timing in zip(itertools.pairwise(spec.shots), report.shots[1:], strict=False):
        assert one.picture is not None
        assert two.picture is not None
        joint = round(timing.start * 15)
        middle = (frames[joint - 1][:120].astype(float) + frames[joint][:120]) / 2
        mixed = (seen(one.picture)[:120].astype(float) + seen(two.picture)[:120]) / 2
        assert difference(middle, mixed) < difference(middle, seen(one.picture)[:120]) / 2
        assert difference(middle, mixed) < difference(middle, seen(two.picture)[:120]) / 2


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


def test_the_cover_is_the_first_picture_in_the_films_size_without_a_caption(plain: tuple[FilmSpec, FilmReport]) -> None:
    from PIL import Image

    spec, report = plain
    with Image.open(report.cover) as image:
        assert image.size == (320, 180)
        assert spec.shots[0].picture is not None
        assert difference(np.asarray(image.convert("RGB")), seen(spec.shots[0].picture)) < 15


def test_the_log_names_key_parameters_and_seconds_per_stage(plain: tuple[FilmSpec, FilmReport]) -> None:
    log = plain[1].log
    assert log["segments_made"] == 7
    assert log["encoder"] == "libx264"
    seconds = log["seconds"]
    assert isinstance(seconds, dict)
    assert {"plan", "picture", "sound", "join", "total"} <= set(seconds)


@pytest.mark.parametrize("text", ["清晨的阳光洒在山谷里", "The morning sun"])
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


@pytest.mark.parametrize("kind", Transition)
def test_every_transition_leads_from_one_picture_to_the_next(tmp_path: Path, kind: Transition) -> None:
    shots = material.shots(tmp_path / "in", 2, 1.0, transition=kind, transition_s=0.6)
    report = make(material.spec(tmp_path, shots, subtitles=Subtitles.OFF))
    frames = decode(report.film)
    joint = round(report.shots[1].start * 15)
    first, second = (seen(shot.picture) for shot in shots if shot.picture)
    half = 0 if kind is Transition.CUT else 5
    before, after = frames[joint - half - 1], frames[joint + half]
    assert difference(before, first) < difference(before, second) / 2
    assert difference(after, second) < difference(after, first) / 2
    if kind is Transition.FADE_BLACK:
        assert frames[joint - 1 : joint + 1].mean() < 60


@pytest.mark.parametrize("size", [(180, 320), (240, 240), (322, 178)])
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


def test_a_blurred_fill_shows_the_whole_picture_and_a_crop_does_not(tmp_path: Path) -> None:
    """A white picture with red left and right edges, in a film higher than wide."""
    from PIL import Image

    image = Image.new("RGB", (480, 270), "white")
    image.paste((220, 0, 0), (0, 0, 60, 270))
    image.paste((220, 0, 0), (420, 0, 480, 270))
    image.save(tmp_path / "a.png")
    red = {}
    for fit in Fit:
        spec = material.spec(
            tmp_path, [FilmShot(1, picture=tmp_path / "a.png", minimum_s=0.5)], width=180, height=320, fit=fit
        )
        middle = decode(make(dataclasses.replace(spec, output_dir=tmp_path / fit.value)).film)[3][160].astype(int)
        red[fit] = int(((middle[:, 0] - middle[:, 1]) > 80).sum())
    assert red[Fit.BLUR] > 15
    assert red[Fit.CROP] == 0


def test_a_preview_is_small_and_ends_early(tmp_path: Path) -> None:
    shots = material.shots(tmp_path / "in", 3)
    report = make(material.spec(tmp_path, shots, width=960, height=540, quality=Quality.PREVIEW, first_seconds=2.0))
    frames = decode(report.film)
    assert frames.shape[0] == 2 * report.fps
    assert (report.width, report.height) == (640, 360) == (frames.shape[2], frames.shape[1])
    assert len(report.shots) == 2


def _flat_and_busy(folder: Path, kinds: str, seconds: float) -> tuple[FilmShot, ...]:
    """Shots without narration: `f` is one colour, `b` is hard to encode."""
    from PIL import Image

    folder.mkdir()
    shots = []
    for number, kind in enumerate(kinds, 1):
        rng = np.random.default_rng(number)
        image = Image.fromarray(rng.integers(0, 255, (135, 240, 3), np.uint8))
        path = folder / f"{number}.png"
        (image if kind == "b" else Image.new("RGB", (240, 135), (30 * number, 90, 120))).save(path)
        shots.append(FilmShot(number, picture=path, minimum_s=seconds, seed=number))
    return tuple(shots)


def _header(file: Path) -> bytes:
    """The parameter sets of an MP4's picture; the fourth byte is the level."""
    with av.open(str(file)) as container:
        return container.streams.video[0].codec_context.extradata or b""


@pytest.mark.parametrize("quality", Quality)
@pytest.mark.parametrize("control", RateControl)
def test_all_segments_have_the_films_header_whatever_is_seen_in_them(
    tmp_path: Path, quality: Quality, control: RateControl
) -> None:
    shots = _flat_and_busy(tmp_path / "in", "fbf", 1.0)
    report = make(material.spec(tmp_path, shots, rate_control=control, bitrate_kbps=700, quality=quality))
    made = list((tmp_path / "cache").rglob("*.mp4"))
    assert len(made) >= 5
    assert {_header(segment) for segment in made} == {_header(report.film)}
    own = report.log["encoder_options"]
    assert isinstance(own, dict)
    assert _header(report.film)[3] == int(own["level"])


@pytest.mark.parametrize("quality", Quality)
def test_frames_are_decoded_at_an_even_pace_across_parts_of_a_frame_or_two(tmp_path: Path, quality: Quality) -> None:
    """Transitions as long as their shots leave one frame between them; after a cut, a shot of two frames is all there is."""
    long = material.shots(tmp_path / "in", 4, 0.4, transition_s=10.0)
    shots = [*long, FilmShot(5, picture=long[0].picture, transition=Transition.CUT, minimum_s=0.1)]
    report = make(material.spec(tmp_path, shots, quality=quality))
    with av.open(str(report.film)) as container:
        stream = container.streams.video[0]
        times = [packet.dts for packet in container.demux(stream) if packet.dts is not None]
        assert stream.average_rate == report.fps
    assert len(set(np.diff(times))) == 1


def _kbps(report: FilmReport) -> float:
    with av.open(str(report.film)) as container:
        size = sum(packet.size for packet in container.demux(video=0))
    return float(size * 8 / 1000 / report.duration_s)


@pytest.mark.parametrize("control", [RateControl.CBR, RateControl.TWO_PASS])
def test_a_bit_rate_is_met_over_the_whole_film(tmp_path: Path, control: RateControl) -> None:
    shots = _flat_and_busy(tmp_path / "in", "fbb", 2.4)
    report = make(material.spec(tmp_path, shots, rate_control=control, bitrate_kbps=400, subtitles=Subtitles.OFF))
    assert _kbps(report) == pytest.approx(400, rel=0.1)


@pytest.mark.parametrize("kbps", [150, 400, 700])
def test_what_flat_shots_cannot_use_of_an_average_rate_the_busy_ones_get(tmp_path: Path, kbps: int) -> None:
    shots = _flat_and_busy(tmp_path / "in", "fbff", 1.5)
    spec = material.spec(tmp_path, shots, rate_control=RateControl.TWO_PASS, bitrate_kbps=kbps)
    report = make(spec)
    assert _kbps(report) == pytest.approx(kbps, rel=0.04)
    again = make(dataclasses.replace(spec, output_dir=tmp_path / "again"))
    assert again.log["segments_made"] == 0
    assert again.film.read_bytes() == report.film.read_bytes()
    assert not [warning for warning in report.warnings if "码率" in warning]


def test_the_quality_that_an_average_rate_was_met_with_is_in_the_log(tmp_path: Path) -> None:
    shots = _flat_and_busy(tmp_path / "in", "b", 1.0)
    report = make(material.spec(tmp_path, shots, rate_control=RateControl.TWO_PASS, bitrate_kbps=700))
    own = report.log["encoder_options"]
    assert isinstance(own, dict)
    written = re.findall(rb"crf=([0-9.]+)", report.film.read_bytes())  # x264 signs with its options
    assert {float(crf) for crf in written} == {round(float(own["crf"]), 1)} != {21.7}


def test_an_average_rate_that_cannot_be_had_is_named(tmp_path: Path) -> None:
    shots = _flat_and_busy(tmp_path / "in", "f", 1.0)
    report = make(material.spec(tmp_path, shots, rate_control=RateControl.TWO_PASS, bitrate_kbps=5000))
    assert _kbps(report) < 4000
    assert [warning for warning in report.warnings if "平均码率" in warning and "未能达到 5000" in warning]


def test_a_hardware_encoder_that_does_not_open_gives_way_to_x264_with_a_warning(tmp_path: Path) -> None:
    """On a machine that has the hardware the film is made with it, and there is no warning."""
    report = make(material.spec(tmp_path, material.shots(tmp_path / "in", 1, 0.6), encoder=Encoder.QSV))
    assert len(decode(report.film)) == round(report.duration_s * 15)
    fell_back = report.log["encoder"] == "libx264"
    assert fell_back == any("qsv" in warning for warning in report.warnings)


@pytest.mark.parametrize("control", [RateControl.CRF, RateControl.CBR])
def test_a_hardware_encoder_that_refuses_this_films_rate_gives_way_to_x264(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, control: RateControl
) -> None:
    """MPEG-1 stands in for it: ffmpeg's encoder takes 30 frames a second, and not 15. It has none of H.264's levels."""
    unknown = LEVELS[0]._replace(idc=-99)
    monkeypatch.setattr(encoders, "level_for", lambda *asked: unknown if len(asked) == 5 else level_for(*asked))
    monkeypatch.setitem(HARDWARE, Encoder.NVENC, ("mpeg1video", {}))
    shots = material.shots(tmp_path / "in", 1, 0.6)
    report = make(
        material.spec(tmp_path, shots, encoder=Encoder.NVENC, rate_control=control, bitrate_kbps=400, threads=1)
    )
    assert len(decode(report.film)) == round(report.duration_s * 15)
    assert report.log["encoder"] == "libx264"
    assert any("nvenc 不可用" in warning and "does not support 15/1 fps" in warning for warning in report.warnings)


@pytest.mark.parametrize("frames", ["8", "30"])
def test_a_hardware_encoder_that_breaks_off_gives_way_to_x264_for_the_whole_film(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, frames: str
) -> None:
    """MPEG-4 stands in for it; it stands the probe, and ends after some frames: in a segment's middle, or so near its end that nothing is
    noticed before the frames are counted."""
    monkeypatch.setitem(HARDWARE, Encoder.NVENC, ("mpeg4", {"frames:v": frames}))
    spec = material.spec(tmp_path, material.shots(tmp_path / "in", 2, 2.0), encoder=Encoder.NVENC, strict=True)
    report = make(spec)
    assert len(decode(report.film)) == round(report.duration_s * 15)
    assert report.log["encoder"] == "libx264"
    assert [warning for warning in report.warnings if "nvenc" in warning and "中途失败" in warning]
    with av.open(str(report.film)) as container:
        assert container.streams.video[0].codec_context.name == "h264"


def test_a_hardware_encoder_that_has_worked_is_probed_again_only_after_it_broke_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stand-in works for eight frames and no more; where ffmpeg is missing, a probe would fail."""
    monkeypatch.setitem(HARDWARE, Encoder.NVENC, ("mpeg4", {"frames:v": "8"}))
    spec = material.spec(tmp_path, material.shots(tmp_path / "in", 1, 0.6), encoder=Encoder.NVENC)
    encoding, warnings = choose_encoding(spec, threading.Event())
    assert (encoding.codec, warnings) == ("mpeg4", [])
    with monkeypatch.context() as away:
        away.setenv("IMAGEIO_FFMPEG_EXE", str(tmp_path / "none"))
        assert choose_encoding(spec, threading.Event()) == (encoding, [])
    long = material.spec(tmp_path / "long", material.shots(tmp_path / "long" / "in", 1, 4.0), encoder=Encoder.NVENC)
    assert make(long).log["encoder"] == "libx264"
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(tmp_path / "none"))
    assert choose_encoding(spec, threading.Event())[0].codec == "libx264"


def test_a_missing_picture_becomes_a_placeholder_with_the_shots_title(tmp_path: Path) -> None:
    shots = [FilmShot(1, title="第一章", minimum_s=0.6), FilmShot(2, picture=tmp_path / "gone.png", minimum_s=0.6)]
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


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
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
    for number, (kind, length, spoken, has_picture, text) in enumerate(shots, 1):
        made.append(
            FilmShot(
                number,
                picture=material.picture(tmp_path / f"{number}.png", number, (100, 80)) if has_picture else None,
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
