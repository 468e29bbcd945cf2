"""The level of a film's header, beside what x264 would choose for itself."""

from __future__ import annotations

import itertools
from fractions import Fraction
from pathlib import Path

import av
import pytest

from service.film.encoding.h264_levels import LEVELS, level_for
from service.film.encoding.selection import hardware_encodings
from service.film.spec import Encoder, FilmShot, FilmSpec, RateControl


@pytest.mark.parametrize(
    ("size", "fps", "kbps", "idc"),
    [
        ((64, 64), 15, 0, 10),
        ((640, 360), 15, 0, 22),
        ((1280, 720), 30, 0, 31),
        ((720, 1280), 30, 14_000, 31),
        ((1280, 720), 30, 14_001, 32),
        ((1920, 1080), 30, 0, 40),
        ((1920, 1080), 60, 0, 42),
        ((3840, 2160), 30, 0, 51),
        ((4096, 64), 24, 0, 40),
        ((4096, 4096), 60, 0, 60),
        ((64, 64), 1, 10**7, 62),
    ],
)
def test_a_film_gets_the_lowest_level_that_allows_it(size: tuple[int, int], fps: int, kbps: int, idc: int) -> None:
    assert level_for(size, fps, kbps).idc == idc


def test_a_level_may_have_a_floor() -> None:
    assert level_for((64, 64), 15, least=30).idc == 30


@pytest.mark.parametrize("preset", ["ultrafast", "superfast", "medium"])
@pytest.mark.parametrize("size", [(64, 64), (322, 178), (640, 360), (720, 1280), (1280, 720), (1920, 1080), (2048, 80)])
@pytest.mark.parametrize("fps", [1, 30, 60])
def test_x264_left_to_itself_would_not_choose_a_higher_one(
    tmp_path: Path, preset: str, size: tuple[int, int], fps: int
) -> None:
    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(fps), options={"preset": preset, "bframes": "3"})
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        container.mux(stream.encode(av.VideoFrame(*size, "yuv420p")))
        container.mux(stream.encode(None))
    with av.open(str(tmp_path / "a.mp4")) as container:
        header = container.streams.video[0].codec_context.extradata
    assert header is not None
    assert header[3] <= level_for(size, fps).idc


def test_every_level_can_do_what_the_one_below_can() -> None:
    assert all(all(a <= b for a, b in zip(one, two, strict=True)) for one, two in itertools.pairwise(LEVELS))


@pytest.mark.parametrize("encoder", [encoder for encoder in Encoder if encoder is not Encoder.X264])
@pytest.mark.parametrize(("size", "kbps", "level"), [((320, 180), 700, "30"), ((1280, 720), 20_000, "32")])
def test_hardware_encoders_are_told_the_level_too(
    tmp_path: Path, encoder: Encoder, size: tuple[int, int], kbps: int, level: str
) -> None:
    spec = FilmSpec(
        (FilmShot(1),),
        tmp_path,
        tmp_path,
        width=size[0],
        height=size[1],
        rate_control=RateControl.CBR,
        bitrate_kbps=kbps,
        encoder=encoder,
    )
    assert {dict(encoding.options)["level"] for encoding in hardware_encodings(spec)} == {level}
