"""The offline animator, by looking at its clips."""

from __future__ import annotations

import resource
from pathlib import Path

import av
import numpy as np
import psutil
import pytest
from numpy.typing import NDArray
from PIL import Image

from worker_node.errors import ProviderError
from worker_node.providers.base import ClipRequest, QuietRun
from worker_node.providers.offline.animator import OfflineAnimator


@pytest.fixture
def image(tmp_path: Path) -> Path:
    rng = np.random.default_rng(1)
    small = Image.fromarray(rng.integers(0, 255, (18, 18, 3), np.uint8))
    small.resize((360, 360), Image.Resampling.BICUBIC).save(tmp_path / "input.png")
    return tmp_path / "input.png"


def animate(request: ClipRequest, target: Path) -> list[int]:
    seen: list[int] = []
    OfflineAnimator().animate(request, target, QuietRun(lambda percent, _text: seen.append(percent)))
    return seen


def frames_of(path: Path) -> NDArray[np.float64]:
    with av.open(str(path)) as container:
        return np.stack([frame.to_ndarray(format="gray").astype(np.float64) for frame in container.decode(video=0)])


@pytest.mark.parametrize(
    ("width", "height", "fps", "seconds"), [(320, 180, 12, 1.5), (180, 320, 30, 0.5), (128, 128, 25, 0.73)]
)
def test_size_rate_and_length_are_as_asked(
    image: Path, tmp_path: Path, width: int, height: int, fps: int, seconds: float
) -> None:
    seen = animate(ClipRequest(image, width=width, height=height, fps=fps, seconds=seconds), tmp_path / "a.mp4")
    with av.open(str(tmp_path / "a.mp4")) as container:
        assert not container.streams.audio
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.width, stream.height) == ("h264", width, height)
        assert stream.average_rate == fps
        assert stream.codec_context.colorspace == 1, "tagged BT.709"
    assert len(frames_of(tmp_path / "a.mp4")) == round(seconds * fps)
    assert seen == sorted(seen)


@pytest.mark.parametrize("prompt", ["", "下着雨", "snow falling", "mist drifting", "夜晚"])
def test_the_clip_moves_smoothly_and_stays_that_image(image: Path, tmp_path: Path, prompt: str) -> None:
    animate(ClipRequest(image, prompt, 320, 180, 12, 1.0, seed=3), tmp_path / "a.mp4")
    frames = frames_of(tmp_path / "a.mp4")
    steps = np.abs(np.diff(frames, axis=0)).mean(axis=(1, 2))
    assert steps[1:-1].min() > 0.05, "every frame moves on"
    assert np.abs(frames[0] - frames[-1]).mean() > 1.5 * np.median(steps), "the moves add up"
    with Image.open(image) as opened:
        original = np.asarray(opened.convert("L").crop((0, 79, 360, 281)).resize((320, 180)), np.float64)
    assert np.corrcoef(original.ravel(), frames[len(frames) // 2].ravel())[0, 1] > 0.5


def test_the_seed_chooses_the_move_and_the_same_request_the_same_clip(image: Path, tmp_path: Path) -> None:
    made = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2), ("d", 3), ("e", 4)):
        animate(ClipRequest(image, width=128, height=128, fps=10, seconds=0.6, seed=seed), tmp_path / f"{name}.mp4")
        made.append((tmp_path / f"{name}.mp4").read_bytes())
    assert made[0] == made[1]
    assert len(set(made)) > 2


def test_what_is_no_image_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "input").write_bytes(b"no picture at all")
    with pytest.raises(ProviderError, match="图片无法读取"):
        animate(ClipRequest(tmp_path / "input"), tmp_path / "a.mp4")


def test_a_truncated_or_monstrous_image_is_refused(image: Path, tmp_path: Path) -> None:
    (tmp_path / "half.png").write_bytes(image.read_bytes()[:2000])
    with pytest.raises(ProviderError):
        animate(ClipRequest(tmp_path / "half.png"), tmp_path / "a.mp4")
    Image.new("1", (9000, 9000)).save(tmp_path / "large.png")
    with pytest.raises(ProviderError, match="过大"):
        animate(ClipRequest(tmp_path / "large.png"), tmp_path / "a.mp4")


@pytest.mark.parametrize("size", [(1, 30_000), (30_000, 1), (1, 1)])
def test_a_clip_of_a_thread_of_an_image_takes_no_more_memory_than_another(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    """Scaled as a whole, a tiny file would have become an image of hundreds of gigabytes."""
    Image.new("RGB", size, "red").save(tmp_path / "input.png")
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (psutil.Process().memory_info().vms + (1 << 30), before[1]))
    try:
        animate(ClipRequest(tmp_path / "input.png", width=1280, height=720, fps=2, seconds=0.5), tmp_path / "clip.mp4")
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
    assert frames_of(tmp_path / "clip.mp4").shape == (1, 720, 1280)
