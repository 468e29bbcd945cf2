"""t2i "comfyui": a workflow that makes a picture."""

from __future__ import annotations

from pathlib import Path

from worker_node.errors import BrokenAnswer
from worker_node.providers.base import ImageRequest, JobRun, Made
from worker_node.providers.comfyui.history import picture_file
from worker_node.providers.comfyui.provider import ComfyProvider
from worker_node.providers.comfyui.running import fetched
from worker_node.providers.prompting import styled_prompt
from worker_node.providers.settings import ProviderSettings

EXAMPLE = "sd_turbo.json"
SIZES = ((512, 512), (680, 384), (384, 680), (592, 440), (440, 592))
"""What SD Turbo, which learnt squares of 512, paints well."""


class ComfyPainter(ComfyProvider):
    """See `ComfyProvider`."""

    def __init__(self, settings: ProviderSettings) -> None:
        super().__init__(settings, EXAMPLE, SIZES)

    def paint(self, request: ImageRequest, target: Path, run: JobRun) -> Made:
        """See `Painter.paint`."""
        deadline = self._jobs.deadline(run)
        size, asked = self._jobs.size((request.width, request.height))
        prompt = styled_prompt(request)
        files, model, seed = self._run(request, prompt, size, run, deadline)
        file = picture_file(files)
        if file is None:
            raise BrokenAnswer("ComfyUI 的输出里没有图片")
        target.write_bytes(fetched(lambda: self._jobs.client.file(file, deadline)))
        run.used(images=1)
        return Made(model, seed, prompt, asked)
