"""Which files are pictures and clips of use."""

from __future__ import annotations

import io
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.support.model_servers.pictures import clip, encoded, picture
from worker_node.animating import animate
from worker_node.errors import BrokenAnswer, ProviderError, ProviderUnable
from worker_node.providers.base import ClipRequest, JobRun, Made, QuietRun
from worker_node.providers.clip_check import ClipFacts, clip_fault, looked_at
from worker_node.providers.picture_check import blankness, fitted, opened_picture, picture_fault

GOOD = encoded(picture(96, 64, "a street"))


def opened(tmp_path: Path, content: bytes) -> Image.Image:
    (tmp_path / "file").write_bytes(content)
    return opened_picture(tmp_path / "file")


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_pictures_in_the_forms_that_models_write_are_opened(tmp_path: Path, form: str) -> None:
    image = opened(tmp_path, encoded(picture(96, 64, "a street"), form))
    assert (image.size, image.mode) == ((96, 64), "RGB")


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "L", "I;16", "1"])
def test_pictures_in_other_colours_become_rgb(tmp_path: Path, mode: str) -> None:
    ramp = Image.linear_gradient("L")
    image = ramp.convert(mode) if mode != "I;16" else Image.fromarray(np.asarray(ramp, np.uint16) * 257)
    assert opened(tmp_path, encoded(image)).mode == "RGB"


def test_what_is_transparent_is_white_paper(tmp_path: Path) -> None:
    image = opened(tmp_path, encoded(Image.new("RGBA", (8, 8), (0, 0, 0, 0))))
    assert image.getpixel((0, 0)) == (255, 255, 255)


@pytest.mark.parametrize(
    "content",
    [b"", b"\x89PNG\r\n\x1a\n", b"<html>", GOOD[: len(GOOD) // 2], encoded(picture(96, 64, "x"), "JPEG")[:-400]],
)
def test_what_is_no_picture_or_half_of_one_is_broken(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(BrokenAnswer, match="打不开或不完整"):
        opened(tmp_path, content)


def test_a_picture_that_is_far_too_large_is_not_decoded(tmp_path: Path) -> None:
    with pytest.raises(BrokenAnswer, match="图片过大：9000x9000"):
        opened(tmp_path, encoded(Image.new("1", (9000, 9000))))


def noisy(level: int, by: int) -> Image.Image:
    noise = np.random.default_rng(1).integers(-by, by + 1, (64, 96, 3))
    return Image.fromarray(np.clip(level + noise, 0, 255).astype(np.uint8))


@pytest.mark.parametrize(
    ("image", "said"),
    [
        (Image.new("RGB", (96, 64)), "是全黑的"),
        (noisy(3, 1), "是全黑的"),
        (Image.new("RGB", (96, 64), "white"), "是空白的"),
        (noisy(128, 1), "是空白的"),
        (picture(96, 64, "a street"), ""),
        (noisy(10, 9), ""),
    ],
)
def test_a_picture_of_nothing_is_told_from_a_dark_one(image: Image.Image, said: str) -> None:
    assert blankness(image) == said


@pytest.mark.parametrize(
    ("found", "asked", "wrong"),
    [
        ((1536, 1024), (1536, 1024), False),
        ((1024, 1024), (1536, 1024), False),
        ((768, 512), (1536, 1024), True),
        ((1, 1), (1536, 1024), True),
        ((512, 512), (512, 512), False),
        ((256, 256), (512, 512), True),
        ((512, 512), None, False),
        ((32, 32), None, True),
    ],
)
def test_a_size_is_measured_by_what_was_asked_for(
    found: tuple[int, int], asked: tuple[int, int] | None, wrong: bool
) -> None:
    fault = picture_fault(picture(*found, "a street in the rain"), (1344, 768), asked)
    assert ("大小不对" in (fault or "") or "空白" in (fault or "")) == wrong


def test_a_picture_is_cut_about_its_middle() -> None:
    pixels = np.zeros((100, 300, 3), np.uint8)
    pixels[:, 100:200] = 255
    assert np.asarray(fitted(Image.fromarray(pixels), (50, 50))).min() > 200


def movie(frames: list[NDArray[np.uint8]], form: str = "mp4", codec: str = "libx264", sound: bool = False) -> bytes:
    out = io.BytesIO()
    with av.open(out, "w", format=form) as container:
        stream = container.add_stream(codec, rate=8)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        voice = container.add_stream("aac", rate=48_000) if sound else None
        for pixels in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode(None))
        if voice is not None:
            samples = av.AudioFrame.from_ndarray(np.zeros((1, 4800), np.float32), format="fltp", layout="mono")
            samples.rate = 48_000
            container.mux(voice.encode(samples))
            container.mux(voice.encode(None))
    return out.getvalue()


def frames(count: int = 8, size: tuple[int, int] = (64, 96)) -> list[NDArray[np.uint8]]:
    ramp = np.linspace(0, 200, size[1])[None, :, None] + np.zeros((*size, 3))
    return [np.asarray(ramp + number * 5, np.uint8) for number in range(count)]


def facts(tmp_path: Path, content: bytes) -> ClipFacts:
    (tmp_path / "clip").write_bytes(content)
    return looked_at(tmp_path / "clip")


def test_a_clip_is_looked_at_to_its_end(tmp_path: Path) -> None:
    found = facts(tmp_path, movie(frames()))
    assert found == ClipFacts((96, 64), Fraction(8), 8, 0.0, 0.0, True)
    assert found.seconds == 1.0
    assert not facts(tmp_path, movie(frames(), sound=True)).plain
    assert not facts(tmp_path, movie(frames(), "webm", "libvpx")).plain


@pytest.mark.parametrize(
    "content", [b"", b"<html>", movie(frames())[:-200], encoded(picture(96, 64, "x")), movie(frames())[:300]]
)
def test_what_is_no_clip_or_part_of_one_is_broken(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(BrokenAnswer, match="视频"):
        facts(tmp_path, content)


def test_a_clip_whose_end_is_missing_is_broken_although_it_begins_well(tmp_path: Path) -> None:
    (tmp_path / "whole").write_bytes(movie([*frames(60, (256, 256))]))
    with (
        av.open(str(tmp_path / "whole")) as source,
        av.open(str(tmp_path / "fast"), "w", format="mp4", options={"movflags": "+faststart"}) as target,
    ):
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    content = (tmp_path / "fast").read_bytes()
    assert facts(tmp_path, content).frames == 60
    with pytest.raises(BrokenAnswer, match="不完整"):
        facts(tmp_path, content[: len(content) * 3 // 4])


BLACK = [np.zeros((64, 96, 3), np.uint8)] * 8
WHITE = [np.full((64, 96, 3), 255, np.uint8)] * 8


@pytest.mark.parametrize(
    ("content", "more", "said"),
    [
        (frames(), {}, None),
        (frames(1), {}, "只有一帧"),
        (frames(1), {"still": True}, None),
        (BLACK, {}, "全黑"),
        ([*frames(2), *BLACK], {}, "全黑"),
        ([*frames(), *BLACK[:3]], {}, None),
        (WHITE, {}, "空白"),
        (WHITE, {"of_nothing": True}, None),
        (frames(), {"seconds": 1.9}, None),
        (frames(), {"seconds": 2.5}, "视频太短：要的是 2.5 秒，得到 1.0 秒"),
        (frames(), {"asked": (96, 64)}, None),
        (frames(), {"asked": (192, 128)}, "视频大小不对"),
    ],
)
def test_a_clip_of_nothing_too_short_or_too_small_is_found_out(
    tmp_path: Path, content: list[NDArray[np.uint8]], more: dict[str, object], said: str | None
) -> None:
    found = clip_fault(facts(tmp_path, movie(content)), (192, 128), **more)  # type: ignore[arg-type] # of the cases above
    assert (found is None) == (said is None)
    assert (said or "") in (found or "")


class Camera:
    """Makes these files, one after another."""

    def __init__(self, *contents: bytes, asked: tuple[int, int] | None = None) -> None:
        self.contents, self.asked, self.seeds = list(contents), asked, list[int | None]()

    def animate(self, request: ClipRequest, target: Path, run: JobRun) -> Made:
        self.seeds.append(request.seed)
        if content := self.contents.pop(0):
            target.write_bytes(content)
        return Made(asked=self.asked)


@pytest.fixture
def request_of(tmp_path: Path) -> Callable[..., ClipRequest]:
    def make(image: bytes = GOOD, seed: int | None = None) -> ClipRequest:
        (tmp_path / "input").write_bytes(image)
        return ClipRequest(tmp_path / "input", "it rains", width=64, height=64, fps=8, seed=seed)

    return make


@pytest.mark.parametrize("first", [b"", b"<html>", movie(BLACK), movie(frames(1)), movie(frames())[:-200]])
def test_a_wrong_clip_is_made_again_with_another_seed(
    tmp_path: Path, request_of: Callable[..., ClipRequest], first: bytes
) -> None:
    camera = Camera(first, movie(frames()))
    made, found = animate(camera, request_of(seed=5), tmp_path / "clip.mp4", QuietRun())
    assert camera.seeds[0] == 5
    assert camera.seeds[1] not in (5, None)
    assert (made.seed, made.prompt) == (camera.seeds[1], "it rains")
    assert (found.size, found.frames, found.rate) == ((64, 64), 8, Fraction(8))
    again = facts(tmp_path, (tmp_path / "clip.mp4").read_bytes())
    assert again == ClipFacts((64, 64), Fraction(8), 8, 0.0, 0.0, True), "cut to shape"


def test_a_clip_as_it_should_be_is_kept_byte_for_byte(tmp_path: Path, request_of: Callable[..., ClipRequest]) -> None:
    content = clip(64, 64, 8, 8, "x")
    animate(Camera(content), request_of(), tmp_path / "clip.mp4", QuietRun())
    assert (tmp_path / "clip.mp4").read_bytes() == content


def test_a_clip_that_stays_wrong_fails_in_words(tmp_path: Path, request_of: Callable[..., ClipRequest]) -> None:
    with pytest.raises(ProviderUnable, match="视频是全黑的（已换种子重做一次）"):
        animate(Camera(movie(BLACK), movie(BLACK)), request_of(), tmp_path / "clip.mp4", QuietRun())


def test_a_picture_of_nothing_may_become_a_clip_of_nothing(
    tmp_path: Path, request_of: Callable[..., ClipRequest]
) -> None:
    flat = encoded(Image.new("RGB", (64, 64), "white"))
    _, found = animate(Camera(movie(WHITE)), request_of(flat), tmp_path / "clip.mp4", QuietRun())
    assert found.flat == 1.0


def test_a_picture_that_cannot_be_opened_ends_the_job(tmp_path: Path, request_of: Callable[..., ClipRequest]) -> None:
    with pytest.raises(ProviderError, match="打不开") as raised:
        animate(Camera(), request_of(b"no picture"), tmp_path / "clip.mp4", QuietRun())
    assert not isinstance(raised.value, ProviderUnable)
