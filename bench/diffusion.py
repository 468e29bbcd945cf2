"""Pictures per second, memory, what a batch gains and how soon a job ends: the node's provider with SD Turbo's shape and random weights.

.venv-models/bin/python -m bench.diffusion             # on a machine with CUDA; needs 3 GB of disk for the weights
.venv-models/bin/python -m bench.diffusion --tiny      # a model of a toy's size, to see that it runs
"""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from tests.support.random_pipelines import SD_TURBO, TINY, save_text_to_image
from worker_node.errors import Cancelled
from worker_node.providers.base import ImageRequest, QuietRun
from worker_node.providers.diffusion.painter import DiffusersPainter
from worker_node.providers.settings import ProviderSettings
from worker_node.stopping import STOPPING

ROUNDS = 5
SIDE = 512
CANCELS = 5
GIB = 1 << 30


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a table."""
    parser = argparse.ArgumentParser(prog="python -m bench.diffusion", description=__doc__)
    parser.add_argument("--tiny", action="store_true", help="a model of a toy's size")
    parser.add_argument("--device", default="", help="cuda, cuda:1, mps or cpu (default: the best that there is)")
    parser.add_argument("--batches", default="1,2,4,8,16", help="how many pictures at once")
    parser.add_argument("--steps", type=int, default=4)
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="storytovideo-bench-") as folder:
        model = save_text_to_image(Path(folder), TINY if chosen.tiny else SD_TURBO, half=not chosen.tiny)
        model = model.rename(Path(folder) / "random-turbo")
        for line in _measured(model, chosen, Path(folder) / "picture.png"):
            print(line, flush=True)
    return 0


def _measured(model: Path, chosen: argparse.Namespace, target: Path) -> Iterator[str]:
    batches = [int(text) for text in chosen.batches.split(",")]
    started = time.perf_counter()
    settings = {"provider": "diffusers", "label": "diffusers", "model": str(model), "device": chosen.device}
    provider = DiffusersPainter(ProviderSettings(**settings, batch=batches[0]))
    yield f"{provider.models()[0]}: loaded in {time.perf_counter() - started:.1f} s"
    for batch in batches:
        provider._settings = ProviderSettings(**settings, batch=batch)
        _memory_from_here(provider)
        seconds, made = _rounds(provider, batch, chosen.steps, target)
        yield f"{made} at once: {made / seconds:.2f} pictures/s, {seconds:.3f} s a round{_memory(provider)}"
    latencies = sorted(_cancel_latency(provider, target) for _ in range(CANCELS))
    yield f"cancel: {median(latencies):.3f} s until the job has ended, at most {latencies[-1]:.3f} s"


def _request(seed: int, steps: int) -> dict[str, Any]:
    return {"prompt": "a cat in a garden", "width": SIDE, "height": SIDE, "seed": seed, "steps": steps}


def _rounds(provider: DiffusersPainter, batch: int, steps: int, target: Path) -> tuple[float, int]:
    """The median seconds of a round, and how many pictures one made."""
    times, made = [], 0
    for number in range(ROUNDS + 1):  # the first warms up
        seeds = range(number * batch, (number + 1) * batch)
        provider.expect([{"key": str(seed), "request": _request(seed, steps)} for seed in seeds[1:]])
        started = time.perf_counter()
        provider.paint(ImageRequest(**_request(seeds[0], steps)), target, QuietRun())
        times.append(time.perf_counter() - started)
        made = 1 + len(provider._ready)
        provider._ready.clear()
    return median(times[1:]), made


def _cancel_latency(provider: DiffusersPainter, target: Path) -> float:
    """Seconds from asking in the middle of a long job until it has ended."""
    asked: list[float] = []
    running, done = threading.Event(), list[bool]()

    def ask() -> None:
        running.wait()
        if not done:
            asked.append(time.perf_counter())
            STOPPING.ask()

    def report(percent: int, _text: str) -> None:
        if percent > 12:
            running.set()

    asking = threading.Thread(target=ask)
    asking.start()
    provider.expect(())
    try:
        provider.paint(ImageRequest(**_request(1, 100)), target, QuietRun(report))
    except Cancelled:
        return time.perf_counter() - asked[0]
    finally:
        done.append(True)
        running.set()
        asking.join()
    raise RuntimeError("the job was done before it could be cancelled")


def _memory_from_here(provider: DiffusersPainter) -> None:
    import torch

    if provider._models.device.kind == "cuda":
        torch.cuda.reset_peak_memory_stats(provider._models.device.name)


def _memory(provider: DiffusersPainter) -> str:
    import torch

    if provider._models.device.kind != "cuda":
        return ""
    return f", {torch.cuda.max_memory_allocated(provider._models.device.name) / GIB:.2f} GiB at most"


if __name__ == "__main__":
    raise SystemExit(main())
