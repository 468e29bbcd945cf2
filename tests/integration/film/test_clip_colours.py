"""Clips of other colours than films have: HDR, wide primaries, transparency. What is drawn is compared with what was put in."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from service.film.frames.clip import Clip
from service.film.frames.clip_check import check_clip
from service.film.frames.planes import empty
from service.film.render.renderer import rgb_of
from service.film.spec import Fit
from tests.integration.film import material

SIZE = (96, 64)
PQ, HLG, SDR_10 = 16, 18, 14  # ITU-T H.273's numbers
BT2020, DISPLAY_P3, BT709 = 9, 12, 1
Colour = npt.NDArray[np.float64]


def _clip(path: Path, signal: tuple[float, float, float], curve: int, primaries: int, codec: str = "libx265") -> None:
    """A 10-bit clip of one colour, R'G'B' of 0 to 1."""
    matrix = BT2020 if primaries == BT2020 else BT709
    quiet = {"libx265": {"x265-params": "log-level=none", "crf": "8"}}
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=10, options=quiet.get(codec, {}))
        stream.width, stream.height = SIZE
        stream.pix_fmt = "yuv420p10le"
        context = stream.codec_context
        context.color_trc, context.color_primaries, context.colorspace, context.color_range = (
            curve,
            primaries,
            matrix,
            1,
        )
        red, _, blue = signal
        kr, kb = (0.2627, 0.0593) if matrix == BT2020 else (0.2126, 0.0722)
        luma = float(np.dot(signal, (kr, 1 - kr - kb, kb)))
        levels = 64 + 876 * luma, 512 + 896 * (blue - luma) / (2 - 2 * kb), 512 + 896 * (red - luma) / (2 - 2 * kr)
        frame = av.VideoFrame(*SIZE, "yuv420p10le")
        for plane, level in zip(frame.planes, levels, strict=True):
            plane.update(np.full(plane.buffer_size // 2, round(level), "<u2").tobytes())
        frame.colorspace, frame.color_range, frame.color_trc, frame.color_primaries = matrix, 1, curve, primaries
        for number in range(3):
            frame.pts, frame.time_base = number, Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _shown(path: Path, size: tuple[int, int] = SIZE) -> npt.NDArray[np.uint8]:
    """A film's frame of a clip that is let in."""
    check_clip(path)
    out = empty(*size)
    Clip(path, size, fit=Fit.CROP, fps=10, shot=1).draw(1, out)
    return rgb_of(out)


def _pq(nits: Colour) -> Colour:
    power = (nits / 10_000) ** 0.1593017578125
    return np.asarray(((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375, np.float64)


def _hlg(nits: Colour) -> Colour:
    """Of a screen of 1000 cd/m², whose gamma is 1.2."""
    luma = float(nits @ (0.2627, 0.678, 0.0593)) / 1000
    scene = nits / 1000 * luma ** (1 / 1.2 - 1)
    bent = 0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-9)) + 0.55991073
    return np.asarray(np.where(scene <= 1 / 12, np.sqrt(3 * scene), bent), np.float64)


CURVES: dict[int, Callable[[Colour], Colour]] = {PQ: _pq, HLG: _hlg}
# Linear BT.709 in linear BT.2020 (ITU-R BT.2087), and in Display P3.
TO_2020 = np.array([[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]])
TO_P3 = np.array([[0.8225, 0.1774, 0.0], [0.0332, 0.9669, 0.0], [0.0171, 0.0724, 0.9108]])


def _hdr(path: Path, nits: tuple[float, float, float], curve: int, codec: str = "libx265") -> npt.NDArray[np.uint8]:
    """How BT.709's red, green and blue of so many cd/m² are shown."""
    red, green, blue = CURVES[curve](TO_2020 @ np.array(nits))
    _clip(path, (float(red), float(green), float(blue)), curve, BT2020, codec)
    return np.asarray(_shown(path)[32, 48], np.uint8)


@pytest.mark.parametrize("curve", CURVES)
@pytest.mark.parametrize(("name", "codec"), [("a.mp4", "libx265"), ("a.mkv", "libx265"), ("a.mkv", "ffv1")])
def test_the_white_of_an_hdr_clip_is_white(tmp_path: Path, name: str, codec: str, curve: int) -> None:
    assert np.abs(_hdr(tmp_path / name, (203.0, 203.0, 203.0), curve, codec) - np.full(3, 230.0)).max() <= 4


@pytest.mark.parametrize("curve", CURVES)
def test_what_is_brighter_than_white_is_told_apart_and_black_stays_black(tmp_path: Path, curve: int) -> None:
    greys = [
        int(_hdr(tmp_path / "a.mp4", (nits,) * 3, curve)[1]) for nits in (0.001, 20.0, 100.0, 203.0, 400.0, 1000.0)
    ]
    assert greys == sorted(set(greys))
    assert greys[0] <= 4
    assert greys[1] == pytest.approx(255 * (20 / 203) ** (1 / 2.4), abs=3), "what is dark is as bright as in SDR"
    assert greys[-1] >= 253


@pytest.mark.parametrize("curve", CURVES)
@pytest.mark.parametrize("colour", [(1.0, 0.2, 0.1), (0.1, 0.8, 0.2), (0.1, 0.15, 0.9), (0.9, 0.6, 0.45)])
def test_the_colours_of_an_hdr_clip_are_those_of_bt709(
    tmp_path: Path, colour: tuple[float, float, float], curve: int
) -> None:
    red, green, blue = colour
    shown = _hdr(tmp_path / "a.mp4", (60 * red, 60 * green, 60 * blue), curve)
    wanted = 255 * (np.array(colour) * 60 / 203) ** (1 / 2.4)
    assert np.abs(shown - wanted).max() <= 7


@pytest.mark.parametrize(("primaries", "matrix"), [(BT2020, TO_2020), (DISPLAY_P3, TO_P3)])
@pytest.mark.parametrize("colour", [(0.9, 0.2, 0.1), (0.1, 0.8, 0.2), (0.1, 0.15, 0.9), (0.9, 0.9, 0.9)])
def test_wide_primaries_without_hdr_keep_their_colours(
    tmp_path: Path, colour: tuple[float, float, float], primaries: int, matrix: Colour
) -> None:
    red, green, blue = (matrix @ np.array(colour) ** 2.4) ** (1 / 2.4)
    _clip(tmp_path / "a.mp4", (red, green, blue), SDR_10 if primaries == BT2020 else 1, primaries)
    assert np.abs(_shown(tmp_path / "a.mp4")[32, 48] - 255 * np.array(colour)).max() <= 6


def test_an_hdr_clip_is_fitted_like_any(tmp_path: Path) -> None:
    _clip(tmp_path / "a.mp4", (0.58, 0.58, 0.58), PQ, BT2020)
    assert np.abs(_shown(tmp_path / "a.mp4", (128, 128)).astype(int) - 228).max() <= 4


HIDDEN, SEEN = (20, 40, 200), (200, 60, 40)


def _halves() -> npt.NDArray[np.uint8]:
    """Left opaque, in the middle half transparent, right a colour that nobody is to see."""
    rgba = np.zeros((64, 96, 4), np.uint8)
    rgba[:, :64] = (*SEEN, 255)
    rgba[:, 32:64, 3] = 128
    rgba[:, 64:] = (*HIDDEN, 0)
    return rgba


def _is_on_white(shown: npt.NDArray[np.uint8]) -> None:
    for column, wanted in ((12, SEEN), (48, [(each + 255) / 2 for each in SEEN]), (84, (255, 255, 255))):
        assert np.abs(shown[32, column] - np.array(wanted)).max() <= 9, f"column {column}"


@pytest.mark.parametrize(
    ("name", "codec", "pixels"),
    [
        ("a.webm", "libvpx-vp9", "yuva420p"),
        ("a.webm", "libvpx", "yuva420p"),
        ("a.mkv", "libvpx-vp9", "yuva420p"),
        ("a.mov", "prores_ks", "yuva444p10le"),
        ("a.mov", "qtrle", "argb"),
        ("a.mov", "png", "rgba"),
        ("a.mkv", "ffv1", "yuva420p"),
        ("a.apng", "apng", "rgba"),
    ],
)
def test_what_is_transparent_in_a_clip_lies_on_white(tmp_path: Path, name: str, codec: str, pixels: str) -> None:
    options = {"libvpx-vp9": {"auto-alt-ref": "0", "crf": "5"}, "libvpx": {"auto-alt-ref": "0", "b": "4M"}}.get(
        codec, {}
    )
    with av.open(str(tmp_path / name), "w") as container:
        stream = container.add_stream(codec, rate=10, options=options)
        stream.width, stream.height = SIZE
        stream.pix_fmt = pixels
        frame = av.VideoFrame.from_ndarray(_halves(), format="rgba").reformat(format=pixels)
        for number in range(3):
            frame.pts, frame.time_base = number, Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    _is_on_white(_shown(tmp_path / name))


def test_what_is_transparent_in_a_gif_is_white(tmp_path: Path) -> None:
    frames = [Image.fromarray(np.where(_halves()[:, :, 3:] == 0, 0, _halves())).convert("RGBA") for _ in range(3)]
    for number, frame in enumerate(frames):
        frame.paste((0, 200, 0, 255), (0, 0, 4, 4 + number))
    options: dict[str, Any] = {"save_all": True, "duration": 100, "disposal": 2}
    frames[0].save(tmp_path / "a.gif", append_images=frames[1:], **options)
    shown = _shown(tmp_path / "a.gif")
    assert np.abs(shown[32, 12].astype(int) - SEEN).max() <= 9
    assert shown[32, 84].min() >= 250


def test_what_is_transparent_in_a_palette_is_white(tmp_path: Path) -> None:
    numbers = np.repeat(np.arange(3, dtype=np.uint8), 32)[None, :].repeat(64, axis=0)
    palette = np.zeros((256, 4), np.uint8)  # alpha, red, green, blue
    palette[:3] = (255, *SEEN), (128, *SEEN), (0, *HIDDEN)
    with av.open(str(tmp_path / "a.mov"), "w") as container:
        stream = container.add_stream("png", rate=10)
        stream.width, stream.height = SIZE
        stream.pix_fmt = "pal8"
        frame = av.VideoFrame.from_ndarray((numbers, palette), format="pal8")  # type: ignore[arg-type] # as PyAV's pages say
        for number in range(3):
            frame.pts, frame.time_base = number, Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    _is_on_white(_shown(tmp_path / "a.mov"))


def test_a_clip_that_only_says_it_has_transparency_is_shown(tmp_path: Path) -> None:
    grey = np.full((64, 96, 3), 100, np.uint8)
    with av.open(str(tmp_path / "a.webm"), "w") as container:
        stream = container.add_stream("libvpx-vp9", rate=10)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        stream.metadata["alpha_mode"] = "1"
        frame = av.VideoFrame.from_ndarray(grey, format="rgb24")
        for number in range(3):
            frame.pts, frame.time_base = number, Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    assert material.difference(_shown(tmp_path / "a.webm"), grey) < 4
