"""What the painter and the animator by ComfyUI have in common: a workflow's values out of a request."""

from __future__ import annotations

from collections.abc import Sequence

from worker_node.providers.base import ClipRequest, ImageRequest, JobRun
from worker_node.providers.comfyui.history import File
from worker_node.providers.comfyui.running import ComfyJobs
from worker_node.providers.deadline import Deadline
from worker_node.providers.seeds import drawn_seed
from worker_node.providers.settings import ProviderSettings

Size = tuple[int, int]


class ComfyProvider:
    """One server for all jobs of this process. `example` is the workflow where none is set, `sizes` are what its model makes well."""

    def __init__(self, settings: ProviderSettings, example: str, sizes: Sequence[Size]) -> None:
        self._jobs = ComfyJobs(settings, example, tuple(sizes))

    def models(self) -> list[str]:
        """The models that the server has."""
        return self._jobs.models()

    def cancel(self, provider_job: str) -> None:
        """End a job that is not wanted any more."""
        self._jobs.client.cancel(provider_job)

    def _run(
        self,
        request: ImageRequest | ClipRequest,
        prompt: str,
        size: Size,
        run: JobRun,
        deadline: Deadline,
        image: str = "",
    ) -> tuple[tuple[File, ...], str, int]:
        """The files that the workflow left, and the model and the seed that it worked with; raises `ProviderError`."""
        seed = drawn_seed(run.key) if request.seed is None else request.seed
        values = {
            "prompt": prompt,
            "negative": request.negative_prompt,
            "seed": seed,
            "width": size[0],
            "height": size[1],
            "steps": request.steps,
            "cfg": request.cfg_scale,
            "model": self._jobs.model(request.model),
            **({"image": image} if image else {}),
        }
        files, model = self._jobs.run(values, run, deadline)
        return files, model, seed
