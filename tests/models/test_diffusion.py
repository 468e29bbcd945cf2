"""Tiny models with random weights, through the real loading and sampling code on the processors."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from tests.integration.worker_node.conftest import NodeProcess, gone, image_base64
from tests.support.wait import wait_until
from worker_node.errors import Cancelled, ProviderUnable
from worker_node.providers.base import ClipRequest, ImageRequest, Made, QuietRun
from worker_node.providers.settings import ProviderSettings
from worker_node.stopping import STOPPING

pytestmark = [pytest.mark.models, pytest.mark.timeout(600), pytest.mark.filterwarnings("ignore")]

Pixels = np.ndarray[Any, np.dtype[np.int16]]
LARGEST_OF_ONE = 400_000  # numbers in the largest tensor of one picture, roughly


@pytest.fixture(scope="module")
def sd_turbo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("torch")
    from tests.support.random_pipelines import save_text_to_image

    folder = tmp_path_factory.mktemp("models")
    save_text_to_image(folder).rename(folder / "tiny-turbo")
    save_text_to_image(folder, seed=1).rename(folder / "other-turbo")
    return folder / "tiny-turbo"


@pytest.fixture(scope="module")
def svd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("torch")
    from tests.support.random_pipelines import save_image_to_video

    return save_image_to_video(tmp_path_factory.mktemp("models"))


def settings(model: Path | str, **more: Any) -> ProviderSettings:
    return ProviderSettings(provider="diffusers", label="diffusers", model=str(model), device="cpu", **more)


def painter(model: Path | str, **more: Any) -> Any:
    from worker_node.providers.diffusion.painter import DiffusersPainter

    return DiffusersPainter(settings(model, **more))


def animator(model: Path | str, **more: Any) -> Any:
    from worker_node.providers.diffusion.animator import DiffusersAnimator

    return DiffusersAnimator(settings(model, **more))


def painted(provider: Any, folder: Path, run: QuietRun | None = None, **request: Any) -> tuple[Pixels, Made]:
    target = folder / "picture.raw"
    asked = ImageRequest(**{"prompt": "a cat", "width": 64, "height": 64, "seed": 7, "steps": 2, **request})
    made = provider.paint(asked, target, run or QuietRun())
    with Image.open(target) as image:
        assert (image.format, image.size) == ("PNG", made.asked)
        return np.asarray(image.convert("RGB"), np.int16), made


def waiting(*seeds: int, **request: Any) -> list[dict[str, Any]]:
    fields = {"prompt": "a cat", "width": 64, "height": 64, "steps": 2, **request}
    return [{"key": f"job-{seed}", "request": {**fields, "seed": seed}} for seed in seeds]


def animated(provider: Any, folder: Path, run: QuietRun | None = None, **request: Any) -> list[Pixels]:
    picture, target = folder / "still.png", folder / "clip.raw"
    Image.linear_gradient("L").convert("RGB").resize((80, 60)).save(picture)
    fields = {"image": picture, "width": 64, "height": 64, "fps": 8, "seconds": 1.0, "seed": 7, "steps": 2, **request}
    provider.animate(ClipRequest(**fields), target, run or QuietRun())
    with av.open(str(target)) as container:
        return [frame.to_ndarray(format="rgb24").astype(np.int16) for frame in container.decode(video=0)]


class Told(QuietRun):
    """What a run reported, and what is done at the first sampler's step."""

    def __init__(self, at_a_step: Any = lambda: None) -> None:
        super().__init__(self._hear)
        self.percents: list[int] = []
        self.steps = 0
        self._at_a_step = at_a_step

    def _hear(self, percent: int, message: str) -> None:
        self.percents.append(percent)
        if "/" in message:
            self.steps += 1
            self._at_a_step()


@contextmanager
def memory_for(numbers: int) -> Iterator[list[int]]:
    """An allocator that has room for no tensor of more numbers than these; yields the sizes that it had none for."""
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode

    refused: list[int] = []

    class Allocator(TorchDispatchMode):  # type: ignore[misc] # torch is not there
        def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            made = function(*args, **(kwargs or {}))
            if isinstance(made, torch.Tensor) and made.numel() > numbers:
                refused.append(made.numel())
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
            return made

    with Allocator():
        yield refused


def largest_tensor(work: Any) -> int:
    """The numbers in the largest tensor that something makes."""
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode

    sizes: list[int] = [0]

    class Watcher(TorchDispatchMode):  # type: ignore[misc] # torch is not there
        def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            made = function(*args, **(kwargs or {}))
            if isinstance(made, torch.Tensor):
                sizes.append(made.numel())
            return made

    with Watcher():
        work()
    return max(sizes)


def test_the_same_seed_makes_the_same_picture_and_another_another(sd_turbo: Path, tmp_path: Path) -> None:
    first, second = painter(sd_turbo), painter(sd_turbo)
    one, made = painted(first, tmp_path)
    assert made == Made("tiny-turbo", 7, "a cat", (64, 64))
    assert one.std() > 1
    assert (painted(first, tmp_path)[0] == one).all()
    assert (painted(second, tmp_path)[0] == one).all()
    for changed in ({"seed": 8}, {"prompt": "a dog"}, {"steps": 3}, {"cfg_scale": 5.0}):
        assert (painted(first, tmp_path, **changed)[0] != one).any(), changed
    guided = painted(first, tmp_path, cfg_scale=5.0)[0]
    assert (painted(first, tmp_path, cfg_scale=5.0, negative_prompt="rain")[0] != guided).any()


def test_a_job_without_a_seed_draws_its_own(sd_turbo: Path, tmp_path: Path) -> None:
    provider = painter(sd_turbo)
    run, other = QuietRun(), QuietRun()
    run.key, other.key = "a", "b"
    seeds = [painted(provider, tmp_path, each, seed=None)[1].seed for each in (run, run, other)]
    assert seeds[0] == seeds[1] != seeds[2]


def test_pictures_have_the_models_own_size_in_the_shape_that_is_asked_for(sd_turbo: Path, tmp_path: Path) -> None:
    sizes = [painted(painter(sd_turbo), tmp_path, width=width, height=height)[1].asked for width, height in SHAPES]
    assert sizes == [(88, 48), (48, 88), (64, 64)]


SHAPES = ((1920, 1080), (1080, 1920), (512, 512))


def test_progress_comes_from_the_samplers_steps(sd_turbo: Path, svd: Path, tmp_path: Path) -> None:
    run = Told()
    painted(painter(sd_turbo), tmp_path, run, steps=5)
    assert run.steps == 5
    assert run.percents == sorted(run.percents)
    run = Told()
    animated(animator(svd), tmp_path, run, steps=3)
    assert run.steps == 3
    assert run.percents == sorted(run.percents)


def test_a_job_ends_between_two_steps_and_the_model_stays(sd_turbo: Path, svd: Path, tmp_path: Path) -> None:
    for provider, make in ((painter(sd_turbo), painted), (animator(svd), animated)):
        loaded = provider._models.get("")
        run = Told(at_a_step=STOPPING.ask)
        with pytest.raises(Cancelled):
            make(provider, tmp_path, run, steps=20)
        assert run.steps == 1
        assert make(provider, tmp_path) is not None
        assert provider._models.get("") is loaded


def test_what_waits_is_made_along_and_is_what_it_would_be_alone(sd_turbo: Path, tmp_path: Path) -> None:
    alone = {seed: painted(painter(sd_turbo), tmp_path, seed=seed)[0] for seed in (7, 8, 9)}
    provider = painter(sd_turbo, batch=3)
    provider.expect(
        [*waiting(8, 8, 7), *waiting(20, steps=5), *waiting(21, model="another"), *waiting(9), *waiting(22)]
    )
    runs = {seed: Told() for seed in (7, 8, 9)}
    for seed, run in runs.items():
        together, _ = painted(provider, tmp_path, run, seed=seed)
        assert abs(together - alone[seed]).max() <= 1
    assert [run.steps for run in runs.values()] == [2, 0, 0]
    assert provider._ready == {}


def test_without_memory_for_all_fewer_are_made_at_once(
    sd_turbo: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    largest = largest_tensor(lambda: painted(painter(sd_turbo), tmp_path))
    provider = painter(sd_turbo, batch=4)
    provider.expect(waiting(8, 9, 10))
    with caplog.at_level(logging.WARNING), memory_for(largest * 2) as refused:
        pixels, _ = painted(provider, tmp_path)
    assert len(refused) == 1
    assert [record.getMessage().rpartition(": ")[2] for record in caplog.records if "memory" in record.msg] == [
        "2 at once"
    ]
    assert [order.seed for order in provider._ready] == [8]
    assert abs(pixels - painted(painter(sd_turbo), tmp_path)[0]).max() <= 1
    provider.expect(waiting(11, 12, 13))
    with memory_for(largest * 2) as refused:
        painted(provider, tmp_path, seed=10)
    assert refused == [], "it is remembered"


def test_without_memory_for_one_it_is_made_in_parts_and_then_left_to_the_next_provider(
    sd_turbo: Path, tmp_path: Path
) -> None:
    provider = painter(sd_turbo)
    with memory_for(100) as refused, pytest.raises(ProviderUnable, match=r"内存或显存不足.*out of memory"):
        painted(provider, tmp_path)
    assert len(refused) == 2
    assert painted(provider, tmp_path)[0].std() > 1, "it can again when there is memory"


def test_on_a_device_without_room_the_model_waits_in_main_memory(caplog: pytest.LogCaptureFixture) -> None:
    torch = pytest.importorskip("torch")
    from worker_node.providers.diffusion.device import Device
    from worker_node.providers.diffusion.memory import Memory

    class Pipeline:
        calls: list[str] = []

        def to(self, device: str) -> None:
            self.calls.append(f"to {device}")
            raise torch.OutOfMemoryError("CUDA out of memory")

        def enable_model_cpu_offload(self, device: str) -> None:
            self.calls.append("offload")

        def enable_sequential_cpu_offload(self, device: str) -> None:
            self.calls.append("offload by layers")

    def sample(_count: int) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    pipeline = Pipeline()
    memory = Memory(pipeline, Device("cuda"))
    memory.place()
    assert pipeline.calls == ["to cuda", "to cuda", "offload"]
    with pytest.raises(ProviderUnable, match="内存或显存不足"):
        memory.run(1, sample)
    assert pipeline.calls[3:] == ["offload by layers"]


def test_frames_are_decoded_in_smaller_groups_where_memory_does_not_suffice(svd: Path, tmp_path: Path) -> None:
    whole = animated(animator(svd), tmp_path)
    provider = animator(svd)
    sizes: list[int] = []
    decode = provider._models.get("").pipeline.vae.decode

    def spying(latents: Any, **more: Any) -> Any:
        sizes.append(latents.shape[0])
        if latents.shape[0] > 1:
            raise RuntimeError("[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory")
        return decode(latents, **more)

    provider._models.get("").pipeline.vae.decode = spying
    frames = animated(provider, tmp_path)
    assert sizes == [4, 2, 1, 1, 1, 1]
    assert len(frames) == len(whole)
    assert provider._models.get("").memory.within(4) == 1


def test_another_model_takes_the_place_of_the_loaded_one(sd_turbo: Path, tmp_path: Path) -> None:
    import weakref

    provider = painter(sd_turbo)
    own, made = painted(provider, tmp_path)
    first = weakref.ref(provider._models.get("").pipeline)
    other, told = painted(provider, tmp_path, model="other-turbo")
    assert (made.model, told.model) == ("tiny-turbo", "other-turbo")
    assert (own != other).any()
    assert first() is None, "one model at a time"
    assert (painted(provider, tmp_path)[0] == own).all()


@pytest.mark.parametrize("model", ["nobody/has-this", "no-such-folder", "../tiny-turbo", "/etc", "tiny-turbo/unet"])
def test_a_model_that_is_not_there_is_named_and_nothing_is_downloaded(
    sd_turbo: Path, tmp_path: Path, model: str
) -> None:
    provider = painter(sd_turbo)
    with pytest.raises(ProviderUnable, match="没有模型"):
        painted(provider, tmp_path, model=model)
    assert painted(provider, tmp_path)[0].std() > 1
    with pytest.raises(
        ProviderUnable, match=r"没有模型 nobody/has-this；只用本机已有的文件（download: true 允许下载）"
    ):
        painter("nobody/has-this")


def test_weights_in_16_bits_serve_a_device_that_computes_in_32(sd_turbo: Path, tmp_path: Path) -> None:
    import torch

    from tests.support.random_pipelines import save_text_to_image

    half = save_text_to_image(tmp_path / "half", half=True)
    provider = painter(half, extra={"guidance_scale": 0.0})
    assert provider._models.get("").pipeline.unet.dtype == torch.float32
    assert painted(provider, tmp_path)[0].std() > 1


def test_a_device_that_is_not_there_is_named(sd_turbo: Path) -> None:
    from worker_node.providers.diffusion.painter import DiffusersPainter

    with pytest.raises(ProviderUnable, match="这台机器没有设备 cuda:7"):
        DiffusersPainter(settings(sd_turbo).model_copy(update={"device": "cuda:7"}))


def test_a_clip_has_its_time_whatever_the_model_makes(svd: Path, tmp_path: Path) -> None:
    provider = animator(svd)
    short, long = (animated(provider, tmp_path, seconds=seconds) for seconds in (1.0, 3.0))
    assert (len(short), len(long)) == (8, 24)
    assert short[0].shape == (32, 32, 3)
    assert any((short[0] != frame).any() for frame in short[1:])
    again = animated(animator(svd), tmp_path)
    assert all((one == other).all() for one, other in zip(short, again, strict=True))
    assert any((one != other).any() for one, other in zip(short, animated(provider, tmp_path, seed=8), strict=True))


@pytest.fixture
def node(sd_turbo: Path, svd: Path, tmp_path: Path) -> Iterator[NodeProcess]:
    environment = {
        **{f"S2V_NODE_{kind}_DIFFUSERS_DEVICE": "cpu" for kind in ("T2I", "I2V")},
        **{f"S2V_NODE_{kind}_DIFFUSERS_KEEP_ALIVE": "2s" for kind in ("T2I", "I2V")},
        **{"S2V_NODE_T2I_DIFFUSERS_MODEL": str(sd_turbo), "S2V_NODE_I2V_DIFFUSERS_MODEL": str(svd)},
        **{"S2V_NODE_T2I_PROVIDER": "diffusers", "S2V_NODE_I2V_PROVIDER": "diffusers", "OMP_NUM_THREADS": "1"},
    }
    running = NodeProcess(tmp_path / "out", env=environment)
    yield running
    running.end()


def test_a_node_paints_and_animates_ends_a_job_in_its_middle_and_unloads(node: NodeProcess) -> None:
    shot = {"prompt": "a cat", "image_width": "160", "image_height": "90", "seed": 7}
    still = node.submit("shot", shot=shot)
    job = wait_until(lambda: _done(node, still), 300)
    assert job["status"] == "finished", job["error"]
    made = {name: job["result"]["made_by"][name] for name in ("provider", "model", "seed")}
    assert made == {"provider": "diffusers", "model": "tiny-turbo", "seed": 7}
    (worker,) = node.workers()
    long = node.submit("shot", shot={**shot, "steps": 100})
    wait_until(lambda: node.job(long)["progress"] > 10, 300)
    node.http.delete(f"{node.url}/v1/jobs/{long}", timeout=60)
    wait_until(lambda: not node.left_over(long), 300)
    assert not gone(worker.pid)
    clip: dict[str, Any] = {
        "shot": {"prompt": "", "image_base64": image_base64()},
        "video": {"resolution": "128x72", "duration": 1.0},
    }
    moving = node.submit("video", **clip)
    job = wait_until(lambda: _done(node, moving), 300)
    assert (job["status"], job["result"]["task_video"]["resolution"]) == ("finished", "128x72"), job["error"]
    wait_until(lambda: not node.workers(), 300, "the models to be unloaded")


def _done(node: NodeProcess, job_id: str) -> Any:
    job = node.job(job_id)
    return job if job["status"] in ("finished", "failed", "cancelled") else None
