"""Clips as phones, editors and browsers write them: let in, and shown in a film in the colours that were meant."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import pytest

from service.film.decoder import Decoder
from service.film.spec import FilmShot, Subtitles, Transition
from tests.integration.field.picture_files import FIELDS, Colours, fields, shown_fields
from tests.integration.film import material
from tests.support.hostile_media import ffmpeg

SIZE = (96, 64)
FPS = 10
HLG = 18  # ITU-T H.273's numbers
BT709, BT601, BT2020 = 1, 6, 9
WEIGHTS = {BT709: (0.2126, 0.0722), BT601: (0.299, 0.114), BT2020: (0.2627, 0.0593)}
ONLY_THREE: Colours = (*FIELDS[:3], (255, 255, 255))
HDR_GREY = ((0.75,) * 3, (0.58,) * 3, (0.5,) * 3, (0.38,) * 3)
"""White as BT.2408 has it, and three greys."""


def _alpha_frames() -> npt.NDArray[np.uint8]:
    """The fields; the last is transparent, and what is hidden there is violet."""
    pixels = np.dstack([fields((*FIELDS[:3], (200, 0, 200))), np.full(SIZE[::-1], 255, np.uint8)])
    pixels[32:, 48:, 3] = 0
    return pixels


def _raw(path: Path, pixels: npt.NDArray[np.uint8], *options: str, form: str = "rgba") -> None:
    """Six frames of it, encoded by ffmpeg."""
    size = f"{SIZE[0]}x{SIZE[1]}"
    source = ("-f", "rawvideo", "-pix_fmt", form, "-s", size, "-r", str(FPS), "-i", "-")
    ffmpeg(*source, *options, path, data=pixels.tobytes() * 6)


def _with_alpha(*options: str) -> Callable[[Path], None]:
    return lambda path: _raw(path, _alpha_frames(), *options)


def _opaque(*options: str) -> Callable[[Path], None]:
    return lambda path: _raw(path, fields(), *options, form="rgb24")


def _signal(
    codec: str, pixels: str, matrix: int, curve: int, *, full: bool = False, tagged: bool = True, levels: object = None
) -> Callable[[Path], None]:
    """The fields, or these R'G'B', by this matrix and range; `tagged` says so in the stream."""

    def write(path: Path) -> None:
        with av.open(str(path), "w") as container:
            options = {"libx265": {"x265-params": "log-level=none", "crf": "6"}, "libx264": {"qp": "6"}}
            stream = container.add_stream(codec, rate=FPS, options=options.get(codec, {}))
            stream.width, stream.height, stream.pix_fmt = *SIZE, pixels
            frame = _planes(pixels, matrix, fields() / 255 if levels is None else _quarters(levels), full=full)
            if tagged:
                primaries = {BT601: 6, BT709: 1, BT2020: 9}[matrix]
                told = (matrix, 2 if full else 1, curve, primaries)
                context = stream.codec_context
                context.colorspace, context.color_range, context.color_trc, context.color_primaries = told
                frame.colorspace, frame.color_range, frame.color_trc, frame.color_primaries = told
            for number in range(6):
                frame.pts, frame.time_base = number, Fraction(1, FPS)
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))

    return write


def _quarters(levels: object) -> npt.NDArray[np.float64]:
    pixels = np.zeros((SIZE[1], SIZE[0], 3))
    colours = np.array(levels)
    pixels[:32, :48], pixels[:32, 48:], pixels[32:, :48], pixels[32:, 48:] = colours
    return pixels


def _planes(form: str, matrix: int, rgb: npt.NDArray[np.float64], *, full: bool) -> av.VideoFrame:
    kr, kb = WEIGHTS[matrix]
    luma = rgb @ (kr, 1 - kr - kb, kb)
    chroma = [(rgb[..., 2] - luma) / (2 - 2 * kb), (rgb[..., 0] - luma) / (2 - 2 * kr)]
    top = 4 if "10" in form else 1
    span, rise, foot = (255 * top, 255 * top, 0) if full else (219 * top, 224 * top, 16 * top)
    frame, step_x, step_y = av.VideoFrame(*SIZE, form), 1 if "444" in form else 2, 2 if "420" in form else 1
    kind = "<u2" if top > 1 else "u1"
    values = [foot + span * luma] + [128 * top + rise * one[::step_y, ::step_x] for one in chroma]
    for plane, value in zip(frame.planes, values, strict=True):
        rows = np.zeros((plane.height, plane.line_size // np.dtype(kind).itemsize), kind)
        rows[:, : plane.width] = np.rint(value)
        plane.update(rows.tobytes())
    return frame


def _recoded(*options: str) -> Callable[[Path], None]:
    """HLG that a program read and wrote again."""

    def write(path: Path) -> None:
        first = path.with_suffix(".first.mp4")
        _signal("libx265", "yuv420p10le", BT2020, HLG, levels=HDR_GREY)(first)
        ffmpeg("-i", first, *options, path)

    return write


def _container_only(path: Path) -> None:
    """HLG that the file tells, and the stream does not."""
    plain = path.with_suffix(".h265.mp4")
    _signal("libx265", "yuv420p10le", BT2020, HLG, tagged=False, levels=HDR_GREY)(plain)
    tags = ("-color_primaries", "bt2020", "-color_trc", "arib-std-b67", "-colorspace", "bt2020nc")
    ffmpeg("-i", plain, "-c", "copy", *tags, "-movflags", "write_colr", path)


def _made_of_another(*options: str) -> Callable[[Path], None]:
    """A clip that a program made of a plain one."""

    def write(path: Path) -> None:
        plain = path.with_suffix(".plain.mp4")
        _opaque("-c:v", "libx264", "-qp", "4", "-pix_fmt", "yuv420p")(plain)
        ffmpeg("-i", plain, *options, path)

    return write


SECOND = (
    "-f",
    "lavfi",
    "-i",
    "color=black:s=96x64:r=10:d=0.6",
    "-map",
    "1",
    "-map",
    "0",
    "-c:v",
    "libx264",
    "-qp",
    "4",
)


def _full_range_by_the_file(path: Path) -> None:
    plain = path.with_suffix(".plain.mp4")
    _signal("libx264", "yuv420p", BT709, 1, full=True, tagged=False)(plain)
    ffmpeg("-i", plain, "-c", "copy", "-color_range", "pc", "-colorspace", "bt709", "-movflags", "write_colr", path)


VP9 = ("-c:v", "libvpx-vp9", "-pix_fmt", "yuva420p", "-b:v", "0", "-crf", "10")
VP8 = ("-c:v", "libvpx", "-pix_fmt", "yuva420p", "-b:v", "2M", "-auto-alt-ref", "0")
SDR: dict[str, tuple[str, Callable[[Path], None], Colours]] = {
    "VP8 with alpha, as browsers record": ("webm", _with_alpha(*VP8), ONLY_THREE),
    "VP9 with alpha, lossless": ("webm", _with_alpha(*VP9[:4], "-lossless", "1"), ONLY_THREE),
    "VP9 with alpha in Matroska": ("mkv", _with_alpha(*VP9), ONLY_THREE),
    "VP9 whose alpha is all opaque": (
        "webm", lambda path: _raw(path, np.dstack([fields(), np.full(SIZE[::-1], 255, np.uint8)]), *VP9), FIELDS),
    "ProRes 4444": ("mov", _with_alpha("-c:v", "prores_ks", "-pix_fmt", "yuva444p10le"), ONLY_THREE),
    "APNG": ("apng", _with_alpha("-c:v", "apng"), ONLY_THREE),
    "FFV1 with alpha": ("mkv", _with_alpha("-c:v", "ffv1", "-pix_fmt", "bgra"), ONLY_THREE),
    "phone's full range": ("mp4", _signal("libx264", "yuv420p", BT601, 6, full=True), FIELDS),
    "BT.601 that says so": ("mp4", _signal("libx264", "yuv420p", BT601, 6), FIELDS),
    "BT.709, 10 bit": ("mp4", _signal("libx265", "yuv420p10le", BT709, 1), FIELDS),
    "4:4:4 by OBS": ("mkv", _signal("libx264", "yuv444p", BT709, 1), FIELDS),
    "motion JPEG of a camera": ("avi", _opaque("-c:v", "mjpeg", "-q:v", "2", "-pix_fmt", "yuvj422p"), FIELDS),
    "recorded from 100,000 s on, Matroska": ("mkv", _made_of_another("-c", "copy", "-output_ts_offset", "100000"), FIELDS),
    "recorded from 3,000 s on, WebM": (
        "webm", _made_of_another("-c:v", "libvpx", "-b:v", "3M", "-output_ts_offset", "3000"), FIELDS),
    "another stream is the default": (
        "mkv", _made_of_another(*SECOND, "-disposition:v:0", "0", "-disposition:v:1", "default"), FIELDS),
    "fragmented": ("mp4", _made_of_another("-c", "copy", "-movflags", "frag_keyframe+empty_moov"), FIELDS),
    "AV1, 10 bit": ("webm", _opaque("-c:v", "libsvtav1", "-crf", "5", "-pix_fmt", "yuv420p10le"), FIELDS),
    "H.264, 10 bit, 4:2:2": ("mp4", _opaque("-c:v", "libx264", "-qp", "4", "-pix_fmt", "yuv422p10le"), FIELDS),
    "odd sides": ("mp4", _opaque("-vf", "crop=95:63:0:0", "-c:v", "libx264", "-pix_fmt", "yuv444p", "-qp", "4"), FIELDS),
    "full range that only the file tells": ("mp4", _full_range_by_the_file, FIELDS),
    "RGB screen capture": ("mkv", _opaque("-c:v", "libx264rgb", "-qp", "4"), FIELDS),
}  # fmt: skip
HDR: dict[str, tuple[str, Callable[[Path], None]]] = {
    "HLG as VP9 profile 2": (
        "webm",
        _recoded("-c:v", "libvpx-vp9", "-pix_fmt", "yuv420p10le", "-b:v", "0", "-crf", "8"),
    ),
    "HLG as ProRes 4:2:2": ("mov", _signal("prores_ks", "yuv422p10le", BT2020, HLG, levels=HDR_GREY)),
    "HLG, full range": ("mp4", _signal("libx265", "yuv420p10le", BT2020, HLG, full=True, levels=HDR_GREY)),
    "HLG that only the file tells": ("mp4", _container_only),
}
ALL = {**{name: (suffix, write) for name, (suffix, write, _) in SDR.items()}, **HDR}


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> dict[str, npt.NDArray[np.float64]]:
    """The fields that a film of all clips shows, by clip."""
    folder = tmp_path_factory.mktemp("clips")
    files = {name: folder / f"{number}.{suffix}" for number, (name, (suffix, _)) in enumerate(ALL.items())}
    with Decoder() as decoder:
        for name, (_, write) in ALL.items():
            write(files[name])
            decoder.check_clip(files[name])
    shots = [
        FilmShot(number, clip=path, transition=Transition.CUT, minimum_s=0.3)
        for number, path in enumerate(files.values(), 1)
    ]
    film = material.spec(folder, shots, width=96, height=64, fps=FPS, subtitles=Subtitles.OFF, breath_s=0.0)
    report = material.make(film)
    assert report.warnings == ()
    frames = material.decode(report.film)
    middles = [frames[round((timing.start + timing.end) / 2 * FPS)] for timing in report.shots]
    return {name: shown_fields(frame) for name, frame in zip(ALL, middles, strict=True)}


@pytest.mark.parametrize("name", SDR)
def test_a_clip_is_shown_in_the_colours_that_were_put_in(name: str, shown: dict[str, npt.NDArray[np.float64]]) -> None:
    assert np.abs(shown[name] - np.array(SDR[name][2])).max() <= 14, shown[name].round()


@pytest.mark.parametrize("name", HDR)
def test_white_of_an_hlg_clip_is_light_and_its_greys_stay_grey(
    name: str, shown: dict[str, npt.NDArray[np.float64]]
) -> None:
    means = shown[name].mean(axis=1)
    assert 215 <= means[0] <= 248, means
    assert means[0] > means[1] > means[2] > means[3] > 60, means
    assert np.ptp(shown[name], axis=1).max() <= 6, shown[name].round()
