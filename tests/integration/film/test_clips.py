"""Moving images of every make, as sources of frames in the film's size, rate and colours."""

from __future__ import annotations

import struct
import subprocess
import threading
from fractions import Fraction
from pathlib import Path

import av
import imageio_ffmpeg
import numpy as np
import pytest

from service.film.cache import Cache
from service.film.compose import compose
from service.film.decoder import Decoder
from service.film.frames.clip import Clip
from service.film.frames.planes import Planes, empty
from service.film.frames.video_file import clip_seconds
from service.film.inputs import inspect
from service.film.spec import FilmShot, Fit
from tests.integration.film import material
from tests.support.audio_signals import silence, write_wav

SIZE = (96, 64)


def _grey(levels: list[int], size: tuple[int, int] = SIZE) -> list[material.Rgb]:
    return [np.full((size[1], size[0], 3), level, np.uint8) for level in levels]


def _quarters(width: int = 96, height: int = 64) -> material.Rgb:
    """Top left white, the rest dark."""
    frame = np.full((height, width, 3), 40, np.uint8)
    frame[: height // 2, : width // 2] = 230
    return frame


def _draw(path: Path, frame: int, *, fps: int = 10, fit: Fit = Fit.CROP, size: tuple[int, int] = SIZE) -> Planes:
    out = empty(*size)
    Clip(path, size, fit=fit, fps=fps, shot=1).draw(frame, out)
    return out


@pytest.mark.parametrize(
    ("name", "codec", "pixels"),
    [
        ("a.mp4", "libx264", "yuv420p"),
        ("a.mkv", "libx264", "yuv444p"),
        ("a.mp4", "libx265", "yuv420p10le"),
        ("a.webm", "libvpx-vp9", "yuv420p"),
        ("a.avi", "mpeg4", "yuv420p"),
        ("a.mov", "prores_ks", "yuv422p10le"),
        ("a.gif", "gif", "rgb8"),
        ("a.bin", "libx264", "yuv420p"),
    ],
)
def test_any_codec_in_any_container_keeps_its_images_and_their_times(
    tmp_path: Path, name: str, codec: str, pixels: str
) -> None:
    real = tmp_path / name.replace(".bin", ".mp4")
    material.clip(real, _grey([60, 120, 200], (160, 90)), 2, codec, pixels)
    path = real.rename(tmp_path / name)
    for seconds, level in ((0.2, 60), (0.7, 120), (1.2, 200), (9.0, 200)):
        wanted = 16 + level * 219 / 255
        assert float(_draw(path, round(seconds * 10)).y.mean()) == pytest.approx(wanted, abs=10), f"at {seconds} s"


def test_a_variable_rate_is_followed(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        for milliseconds, frame in zip((0, 100, 900, 1000), _grey([40, 90, 150, 220]), strict=True):
            image = av.VideoFrame.from_ndarray(frame, format="rgb24")
            image.pts, image.time_base = milliseconds, Fraction(1, 1000)
            container.mux(stream.encode(image))
        container.mux(stream.encode(None))
    levels = [float(_draw(tmp_path / "a.mp4", frame).y.mean()) for frame in (0, 1, 5, 8, 9, 10)]
    wanted = [16 + level * 219 / 255 for level in (40, 90, 90, 90, 150, 220)]
    assert levels == pytest.approx(wanted, abs=8)


@pytest.mark.parametrize("flip", ["", "-display_hflip", "-display_vflip"])
@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_a_clip_that_says_it_lies_turned_or_mirrored_stands_upright(tmp_path: Path, turn: int, flip: str) -> None:
    """ffmpeg itself is the judge of what upright is. No two of the eight ways to lay this image down look alike."""
    frame = _quarters(96, 64)
    frame[56:, :40] = 140
    material.clip(tmp_path / "a.mp4", [frame] * 3)
    turned, judged = tmp_path / "t.mp4", tmp_path / "j.mp4"
    pose = ["-display_rotation", str(turn), *([flip] if flip else [])]
    _ffmpeg(*pose, "-i", str(tmp_path / "a.mp4"), "-c", "copy", str(turned))
    _ffmpeg("-i", str(turned), "-frames:v", "1", str(judged))
    theirs = material.decode(judged)[0].mean(axis=2)
    ours = _draw(turned, 0, size=(theirs.shape[1], theirs.shape[0]))
    assert material.difference(ours.y, 16 + theirs * 219 / 255) < 6
    upright = _draw(tmp_path / "a.mp4", 0, size=(theirs.shape[1], theirs.shape[0]))
    assert (material.difference(ours.y, upright.y) < 6) == (not turn and not flip)


@pytest.mark.parametrize("fit", Fit)
def test_a_matrix_of_zeros_is_taken_for_none(tmp_path: Path, fit: Fit) -> None:
    """Written into the track header by hand: ffmpeg would not write it."""
    material.clip(tmp_path / "a.mp4", [_quarters()] * 2)
    data = (tmp_path / "a.mp4").read_bytes()
    identity = struct.pack(">9i", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
    place = data.index(identity, data.index(b"tkhd"))
    (tmp_path / "b.mp4").write_bytes(data[:place] + bytes(len(identity)) + data[place + len(identity) :])
    plain, zeros = (_draw(tmp_path / name, 0, fit=fit) for name in ("a.mp4", "b.mp4"))
    assert np.array_equal(plain.y, zeros.y)


def test_pixels_that_are_not_square_are_made_so(tmp_path: Path) -> None:
    """48×64 pixels, each twice as wide as high, are an image of 96×64."""
    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 48, 64, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(2, 1)
        frame = av.VideoFrame.from_ndarray(_quarters(48, 64), format="rgb24")
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    drawn = _draw(tmp_path / "a.mp4", 0).y
    assert drawn[:28, :44].min() > 180
    assert drawn[36:].max() < 80
    assert drawn[:28, 52:].max() < 80


@pytest.mark.parametrize("codec", ["png", "qtrle"])
def test_what_is_transparent_is_white_as_in_a_still_image(tmp_path: Path, codec: str) -> None:
    rgba = np.zeros((64, 96, 4), np.uint8)
    rgba[:, :48] = (40, 40, 40, 255)
    with av.open(str(tmp_path / "a.mov"), "w") as container:
        stream = container.add_stream(codec, rate=10)
        stream.width, stream.height = 96, 64
        stream.pix_fmt = "rgba" if codec == "png" else "argb"
        frame = av.VideoFrame.from_ndarray(rgba, format="rgba").reformat(format=stream.pix_fmt)
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    drawn = _draw(tmp_path / "a.mov", 0).y
    assert drawn[:, :44].max() < 80
    assert drawn[:, 52:].min() > 220


@pytest.mark.parametrize("name", ["a.mkv", "a.mp4"])
def test_the_shape_of_pixels_may_be_told_by_the_file_alone(tmp_path: Path, name: str) -> None:
    square = np.full((64, 48, 3), 230, np.uint8)
    square[:, :8] = square[:, -8:] = 20
    material.clip(tmp_path / "square.mp4", [square] * 2)
    _ffmpeg("-i", str(tmp_path / "square.mp4"), "-c", "copy", "-aspect", "3:2", str(tmp_path / name))
    drawn = _draw(tmp_path / name, 0, fit=Fit.BLUR).y
    assert drawn[:, :10].max() < 80, "its edges are the frame's"
    assert drawn[:, 24:72].min() > 180


def test_a_clip_is_as_long_as_its_images_whatever_it_sounds_like(tmp_path: Path) -> None:
    material.clip(tmp_path / "short.webm", _grey([50, 200]), 2, "libvpx-vp9")
    write_wav(tmp_path / "long.wav", silence(5))
    files = ("-i", str(tmp_path / "short.webm"), "-i", str(tmp_path / "long.wav"))
    _ffmpeg(*files, "-c:v", "copy", "-c:a", "libopus", str(tmp_path / "both.webm"))
    assert clip_seconds(tmp_path / "both.webm") == pytest.approx(1.0, abs=0.05)


def test_what_was_found_out_about_a_clip_is_forgotten_when_another_pyav_decodes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = material.clip(tmp_path / "a.mp4", _grey([50, 200]), 2)
    spec = material.spec(tmp_path, [FilmShot(1, clip=clip, narration=material.speech(tmp_path / "a.wav", 0.5))])
    cache = Cache(tmp_path / "cache")

    def answers() -> int:
        with Decoder() as decoder:
            inspect(spec, cache, lambda: None, {}, decoder)
        return len(list(cache.root.rglob("*.json")))

    assert (answers(), answers()) == (2, 2)
    monkeypatch.setattr(av, "__version__", "0.0")
    assert answers() == 4


def _ffmpeg(*arguments: str) -> None:
    subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", *arguments], check=True)


@pytest.mark.parametrize("size", [(160, 40), (40, 160)])
def test_another_aspect_is_cropped_or_set_in_its_own_blur(tmp_path: Path, size: tuple[int, int]) -> None:
    frame = np.full((size[1], size[0], 3), 230, np.uint8)
    frame[: size[1] // 8] = frame[-size[1] // 8 :] = 20
    frame[:, : size[0] // 8] = frame[:, -size[0] // 8 :] = 20
    material.clip(tmp_path / "a.mp4", [frame] * 2)
    cropped, blurred = (_draw(tmp_path / "a.mp4", 0, fit=fit).y for fit in (Fit.CROP, Fit.BLUR))
    assert cropped.mean() > blurred.mean()
    wide = size[0] > size[1]
    middle = blurred[32] if wide else blurred[:, 48]
    assert middle[:4].max() < 70, "the dark rim shows that nothing is cut off"
    assert middle[-4:].max() < 70
    cut = cropped[32] if wide else cropped[:, 48]
    assert cut.min() > 180


def test_asking_backwards_gives_the_same_frames(tmp_path: Path) -> None:
    material.clip(tmp_path / "a.mp4", _grey([50, 100, 150, 200]))
    clip, out = Clip(tmp_path / "a.mp4", SIZE, fit=Fit.CROP, fps=10, shot=1), empty(*SIZE)

    def level(frame: int) -> float:
        clip.draw(frame, out)
        return float(out.y.mean())

    forwards = [level(frame) for frame in range(4)]
    assert [level(frame) for frame in (3, 1, 2, 0)] == [forwards[3], forwards[1], forwards[2], forwards[0]]


@pytest.mark.parametrize("spoken", [0.4, 2.0])
def test_a_clip_shorter_or_longer_than_its_narration(tmp_path: Path, spoken: float) -> None:
    """It is cut, or stays on its last frame; the narration decides."""
    clip = material.clip(tmp_path / "a.mp4", _grey([40, 80, 120, 160, 200] * 2), 10)
    shot = FilmShot(1, clip=clip, narration=material.speech(tmp_path / "a.wav", spoken), minimum_s=0.2)
    spec = material.spec(tmp_path, [shot], width=96, height=64, fps=10, breath_s=0.2, threads=1)
    report = compose(spec, lambda _progress: None, threading.Event())
    levels = material.decode(report.film).mean(axis=(1, 2, 3))
    assert len(levels) == round((spoken + 0.2) * 10)
    assert levels[:5] == pytest.approx([40, 80, 120, 160, 200], abs=12)
    assert levels[10:] == pytest.approx([200] * len(levels[10:]), abs=12)
