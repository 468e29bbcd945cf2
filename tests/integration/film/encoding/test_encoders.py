"""How the film is encoded: one header, an even pace, the rate that was asked for, and hardware that gives way."""

from __future__ import annotations

import dataclasses
import re
import subprocess
import sys
import threading
from pathlib import Path

import av
import numpy as np
import pytest

from service.film.encoding import selection
from service.film.encoding.ffmpeg import ffmpeg_exe
from service.film.encoding.h264_levels import LEVELS, level_for
from service.film.encoding.selection import HARDWARE, choose_encoding, hardware_encodings, reset_probe_cache
from service.film.spec import (
    Encoder,
    FilmReport,
    FilmShot,
    Quality,
    RateControl,
    Subtitles,
    Transition,
)
from tests.integration.film import material
from tests.integration.film.material import decode, make
from tests.support.soak import soaking

FFMPEG = ffmpeg_exe()


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
        shots.append(FilmShot(number, image=path, minimum_s=seconds, seed=number))
    return tuple(shots)


def _header(file: Path) -> bytes:
    """The parameter sets of an MP4's image; the fourth byte is the level."""
    with av.open(str(file)) as container:
        return container.streams.video[0].codec_context.extradata or b""


@pytest.mark.parametrize("quality", soaking(Quality, keep=[Quality.FINAL]))
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


@pytest.mark.parametrize("quality", soaking(Quality, keep=1))
def test_frames_are_decoded_at_an_even_pace_across_parts_of_a_frame_or_two(tmp_path: Path, quality: Quality) -> None:
    """Transitions as long as their shots leave one frame between them; after a cut, a shot of two frames is all there is."""
    long = material.shots(tmp_path / "in", 4, 0.4, transition_s=10.0)
    shots = [*long, FilmShot(5, image=long[0].image, transition=Transition.CUT, minimum_s=0.1)]
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


@pytest.mark.parametrize("kbps", soaking([150, 400, 700], keep=[400]))
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


@pytest.mark.parametrize("control", soaking([RateControl.CRF, RateControl.CBR], keep=1))
def test_a_hardware_encoder_that_refuses_this_films_rate_gives_way_to_x264(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, control: RateControl
) -> None:
    """MPEG-1 stands in for it: ffmpeg's encoder takes 30 frames a second, and not 15. It has none of H.264's levels."""
    unknown = LEVELS[0]._replace(idc=-99)
    monkeypatch.setattr(selection, "level_for", lambda *asked: unknown if len(asked) == 5 else level_for(*asked))
    monkeypatch.setitem(HARDWARE, Encoder.NVENC, ("mpeg1video", {}))
    shots = material.shots(tmp_path / "in", 1, 0.6)
    report = make(
        material.spec(tmp_path, shots, encoder=Encoder.NVENC, rate_control=control, bitrate_kbps=400, threads=1)
    )
    assert len(decode(report.film)) == round(report.duration_s * 15)
    assert report.log["encoder"] == "libx264"
    assert any("nvenc 不可用" in warning and "does not support 15/1 fps" in warning for warning in report.warnings)


@pytest.mark.parametrize("frames", soaking(["30", "8"], keep=1))
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


def _program(path: Path, body: str) -> Path:
    """An ffmpeg that does what `body` says with `arguments` before it goes on as the real one."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(
        f"#!{sys.executable}\nimport os, sys\narguments = sys.argv[1:]\n{body}\n"
        f"os.execv({FFMPEG!r}, ['ffmpeg', *arguments])\n"
    )
    path.chmod(0o755)
    return path


REFUSES = "if 'mpeg4' in arguments: sys.exit('Driver does not support the required API: {}')"


def test_hardware_that_our_ffmpeg_cannot_drive_is_driven_by_the_systems(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it is with NVENC: the newest ffmpeg wants the newest driver. MPEG-4 stands in for it."""
    system = _program(tmp_path / "system" / "ffmpeg", "")
    ours = _program(tmp_path / "ours", REFUSES.format(13.1))
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(ours))
    monkeypatch.setenv("PATH", str(system.parent))
    monkeypatch.setitem(HARDWARE, Encoder.NVENC, ("mpeg4", {}))
    spec = material.spec(tmp_path, material.shots(tmp_path / "in", 1, 0.6), encoder=Encoder.NVENC)
    assert choose_encoding(spec, threading.Event())[0].program == str(system)
    report = make(spec)
    assert (report.log["encoder"], report.warnings) == ("mpeg4", ())
    assert len(decode(report.film)) == round(report.duration_s * 15)


def test_every_reason_why_hardware_cannot_be_used_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    system = _program(tmp_path / "system" / "ffmpeg", REFUSES.format(12.0))
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(_program(tmp_path / "ours", REFUSES.format(13.1))))
    monkeypatch.setenv("PATH", str(system.parent))
    monkeypatch.setitem(HARDWARE, Encoder.NVENC, ("mpeg4", {}))
    spec = material.spec(tmp_path, material.shots(tmp_path / "in", 1, 0.6), encoder=Encoder.NVENC)
    encoding, warnings = choose_encoding(spec, threading.Event())
    assert encoding.codec == "libx264"
    assert [warning for warning in warnings if "API: 13.1；" in warning and "API: 12.0）" in warning]


def test_segments_of_another_driver_or_program_are_not_joined_with_new_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The program stays where it is, and from now on writes another header."""
    program = _program(tmp_path / "ours", "")
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(program))
    monkeypatch.setitem(HARDWARE, Encoder.NVENC, ("mpeg4", {}))
    shots = material.shots(tmp_path / "in", 2, 0.6)
    first = make(material.spec(tmp_path, shots, encoder=Encoder.NVENC))
    assert make(material.spec(tmp_path, shots, encoder=Encoder.NVENC)).log["segments_made"] == 0
    _program(program, "arguments = [a for b in arguments for a in ([b, '-bf', '2'] if b == 'mpeg4' else [b])]")
    reset_probe_cache()  # as in a processor that is started again
    second = make(material.spec(tmp_path / "second", shots, encoder=Encoder.NVENC, cache_dir=tmp_path / "cache"))
    assert _header(first.film) != _header(second.film)
    assert second.log["segments_reused"] == 0


def test_a_hardware_encoder_that_has_worked_is_probed_again_only_after_it_broke_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stand-in works for eight frames and no more; where ffmpeg is missing, a probe would fail."""
    program = _program(tmp_path / "ours", "")
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(program))
    monkeypatch.setenv("PATH", "")
    monkeypatch.setitem(HARDWARE, Encoder.NVENC, ("mpeg4", {"frames:v": "8"}))
    spec = material.spec(tmp_path, material.shots(tmp_path / "in", 1, 0.6), encoder=Encoder.NVENC)
    encoding, warnings = choose_encoding(spec, threading.Event())
    assert (encoding.codec, warnings) == ("mpeg4", [])
    away = program.rename(tmp_path / "away")
    assert choose_encoding(spec, threading.Event()) == (encoding, [])
    away.rename(program)
    long = material.spec(tmp_path / "long", material.shots(tmp_path / "long" / "in", 1, 4.0), encoder=Encoder.NVENC)
    assert make(long).log["encoder"] == "libx264"
    program.unlink()
    assert choose_encoding(spec, threading.Event())[0].codec == "libx264"


RATES = ("level", "b:v", "maxrate", "bufsize", "q:v", "global_quality")  # what all encoders of ffmpeg know


@pytest.mark.parametrize("control", RateControl)
@pytest.mark.parametrize("encoder", [Encoder.NVENC, Encoder.QSV, Encoder.VAAPI])
def test_our_ffmpeg_has_each_hardware_encoder_with_the_options_that_it_is_given(
    tmp_path: Path, encoder: Encoder, control: RateControl
) -> None:
    """An option that a new ffmpeg no longer knows would leave the hardware unused without a failure. Videotoolbox is on a Mac only."""
    spec = material.spec(tmp_path, (FilmShot(1),), encoder=encoder, rate_control=control, bitrate_kbps=700)
    codec, options = hardware_encodings(spec)[0].codec, dict(hardware_encodings(spec)[0].options)
    asked = [FFMPEG, "-v", "error", "-h", f"encoder={codec}"]
    known = subprocess.run(asked, check=True, capture_output=True, text=True)
    own = {name: value for name, value in options.items() if name not in (*RATES, "device")}
    for name, value in own.items():
        option = re.search(rf"^  -{name} .*\n(?:     .*\n)*", known.stdout, re.MULTILINE)
        assert option, f"{codec} has no {name}"
        assert value.isdecimal() or re.search(rf"^     {value} ", option[0], re.MULTILINE), f"{name} cannot be {value}"
    assert own or encoder is Encoder.QSV or control is not RateControl.CRF
