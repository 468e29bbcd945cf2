"""What both kinds of models share: sizes that they know, seeds, and steps that are told and may be the last."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from worker_node.providers.base import JobRun
from worker_node.stopping import STOPPING

Size = tuple[int, int]
FIRST, LAST = 10, 85  # percent of a job, at which its steps begin and end
USUAL_SIDE = 1024


def own_side(pipeline: Any) -> int:
    """The side in pixels of the squares that a model was trained on."""
    scale = getattr(pipeline, "vae_scale_factor", 8)
    latent = getattr(pipeline, "default_sample_size", None)
    for part in ("unet", "transformer"):
        config = getattr(getattr(pipeline, part, None), "config", {})
        latent = latent or config.get("sample_size")
    return int(latent) * int(scale) if isinstance(latent, int) else USUAL_SIDE


def nearest_size(wanted: Size, area: int, grid: int) -> Size:
    """The size of about this area and of the shape of `wanted`, in whole multiples of `grid`."""
    factor = math.sqrt(area / (wanted[0] * wanted[1]))
    width, height = (max(grid, round(side * factor / grid) * grid) for side in wanted)
    return width, height


def generators(seeds: Sequence[int]) -> list[Any]:
    """One source of noise for each picture; it is the same on every device."""
    import torch  # noqa: PLC0415

    return [torch.Generator("cpu").manual_seed(seed) for seed in seeds]


def each_step(run: JobRun, doing: str) -> Callable[[Any, int, Any, dict[str, Any]], dict[str, Any]]:
    """For `callback_on_step_end`: tell how far the sampler is, and raise `Cancelled` where it should end."""

    def step(pipeline: Any, number: int, _timestep: Any, values: dict[str, Any]) -> dict[str, Any]:
        STOPPING.check()
        steps = max(1, int(getattr(pipeline, "num_timesteps", 1)))
        done = min(steps, number + 1)
        run.report(FIRST + (LAST - FIRST) * done // steps, f"{doing} {done}/{steps}")
        return values

    return step
