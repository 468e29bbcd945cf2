"""Where hardware encoders are looked for, and with which options."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.film.encoding import selection
from service.film.encoding.selection import hardware_encodings, hardware_programs
from service.film.spec import Encoder, FilmShot, FilmSpec, RateControl


def _spec(folder: Path, encoder: Encoder, control: RateControl = RateControl.CRF) -> FilmSpec:
    return FilmSpec((FilmShot(1),), folder, folder, encoder=encoder, rate_control=control, bitrate_kbps=2000)


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Our ffmpeg and the system's."""
    made = [tmp_path / "ours" / "ffmpeg", tmp_path / "system" / "ffmpeg"]
    for program in made:
        program.parent.mkdir()
        program.touch(0o755)
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(made[0]))
    monkeypatch.setenv("PATH", str(made[1].parent))
    return [str(program) for program in made]


def test_our_ffmpeg_is_tried_before_the_systems(tmp_path: Path, programs: list[str]) -> None:
    assert [encoding.program for encoding in hardware_encodings(_spec(tmp_path, Encoder.NVENC))] == programs


@pytest.mark.parametrize("path", ["", "ours"])
def test_one_ffmpeg_is_tried_once(
    tmp_path: Path, programs: list[str], monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / path) if path else "")
    assert hardware_programs() == programs[:1]


@pytest.mark.parametrize(
    ("there", "tried"), [((), ["renderD128"]), (("card0", "renderD130", "renderD129"), ["renderD129", "renderD130"])]
)
@pytest.mark.parametrize("control", RateControl)
def test_vaapi_is_tried_on_every_card(
    tmp_path: Path,
    programs: list[str],
    monkeypatch: pytest.MonkeyPatch,
    there: tuple[str, ...],
    tried: list[str],
    control: RateControl,
) -> None:
    for name in there:
        (tmp_path / name).touch()
    monkeypatch.setattr(selection, "VAAPI_DEVICE", tmp_path / "renderD128")
    found = hardware_encodings(_spec(tmp_path, Encoder.VAAPI, control))
    assert [(encoding.program, dict(encoding.options)["device"]) for encoding in found] == [
        (program, str(tmp_path / name)) for program in programs for name in tried
    ]


@pytest.mark.parametrize(
    ("control", "rate"),
    [(RateControl.CRF, {"rc": "vbr", "cq": "24", "b:v": "0"}), (RateControl.CBR, {"rc": "cbr", "maxrate": "2000k"})],
)
def test_nvenc_is_told_the_rate_control(tmp_path: Path, control: RateControl, rate: dict[str, str]) -> None:
    options = dict(hardware_encodings(_spec(tmp_path, Encoder.NVENC, control))[0].options)
    assert rate.items() <= options.items()
    assert ("cq" in options) == (control is RateControl.CRF)
