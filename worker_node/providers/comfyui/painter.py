"""t2i "comfyui": a workflow that makes a picture."""

from __future__ import annotations

from pathlib import Path

from worker_node.providers.asset_client import BrokenAnswer
from worker_node.providers.base import ImageRequest, JobRun, Made
from worker_node.providers.comfyui.history import picture_file
from worker_node.providers.comfyui.running import ComfyJobs, fetched
from worker_node.providers.prompting import styled_prompt
from worker_node.providers.seeds import drawn_seed
from worker_node.providers.settings import ProviderSettings

EXAMPLE = "sd_turbo.json"
SIZES = ((512, 512), (680, 384), (384, 680), (592, 440), (440, 592))
"""What SD Turbo, which learnt squares of 512, paints well."""


class ComfyPainter:
    """One server for all jobs of this process."""

    def __init__(self, settings: ProviderSettings) -> None:
        self._jobs = ComfyJobs(settings, EXAMPLE, SIZES)

    def models(self) -> list[str]:
        """The models that the server has."""
        return self._jobs.models()

    def cancel(self, provider_job: str) -> None:
        """End a job that is not wanted any more."""
        self._jobs.client.cancel(provider_job)

    def paint(self, request: ImageRequest, target: Path, run: JobRun) -> Made:
        """See `Painter.paint`."""
        deadline = self._jobs.deadline(run)
        size, asked = self._jobs.size((request.width, request.height))
        seed = drawn_seed(run.key) if request.seed is None else request.seed
        prompt = styled_prompt(request)
        values = {
            "prompt": prompt,
            "negative": request.negative_prompt,
            "seed": seed,
            "width": size[0],
            "height": size[1],
            "steps": request.steps,
            "cfg": request.cfg_scale,
            "model": self._jobs.model(request.model),
        }
        files, model = self._jobs.run(values, run, deadline)
        file = picture_file(files)
        if file is None:
            raise BrokenAnswer("ComfyUI 的输出里没有图片")
        target.write_bytes(fetched(lambda: self._jobs.client.file(file, deadline)))
        run.used(images=1)
        return Made(model, seed, prompt, asked)
