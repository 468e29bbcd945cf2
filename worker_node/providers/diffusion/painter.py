"""t2i "diffusers": SD Turbo, or any other model that diffusers makes pictures of texts with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from worker_node.errors import ProviderError
from worker_node.providers.base import ImageRequest, JobRun, Made
from worker_node.providers.diffusion.models import Loaded, Models
from worker_node.providers.diffusion.sampling import Size, each_step, generators, nearest_size, own_side
from worker_node.providers.prompting import styled_prompt
from worker_node.providers.registry import DEFAULT_MODELS
from worker_node.providers.seeds import drawn_seed
from worker_node.providers.settings import ProviderSettings
from worker_node.stopping import STOPPING

MODEL = DEFAULT_MODELS["t2i"]["diffusers"]
QUICK = (
    "turbo",
    "lightning",
    "schnell",
    "lcm",
    "hyper",
)  # in the names of models that are made for few steps without guidance
QUICK_STEPS, USUAL_STEPS = 4, 30
MOST_AT_ONCE = 4  # where `batch` says nothing, on a device that gains by it


@dataclass(frozen=True)
class Order:
    """A picture as the model is to make it; `model` is the one that the request names."""

    model: str
    prompt: str
    negative_prompt: str
    size: Size
    steps: int
    cfg_scale: float | None
    seed: int

    @property
    def together(self) -> tuple[Any, ...]:
        """What must be the same for pictures that are made at once."""
        return self.size, self.steps, self.cfg_scale, bool(self.negative_prompt)


class DiffusersPainter:
    """One model on one device, loaded with the first job, and another in its place where a request asks for that."""

    def __init__(self, settings: ProviderSettings) -> None:
        self._settings = settings
        self._models = Models(settings, "AutoPipelineForText2Image", MODEL)
        self._ahead: Sequence[Mapping[str, Any]] = ()
        self._ready: dict[Order, Image.Image | None] = {}

    def models(self) -> list[str]:
        """The loaded model and its device."""
        return self._models.describe()

    def expect(self, ahead: Sequence[Mapping[str, Any]]) -> None:
        """What waits behind the next job, `{"key", "request"}` each: some of it may be made along with that one."""
        self._ahead = ahead

    def paint(self, request: ImageRequest, target: Path, run: JobRun) -> Made:
        """See `Painter.paint`."""
        run.report(2, "正在载入模型")
        model = self._models.get(request.model)
        order = order_of(request, run.key, model)
        if order not in self._ready:
            self._make(model, [order, *self._alike(order, model)], run)
        image = self._ready.pop(order)
        if image is None:
            raise ProviderError("模型的安全检查没有放行这张图片")
        run.used(images=1)
        image.save(target, format="PNG", compress_level=2)
        return Made(model.name, order.seed, order.prompt, order.size)

    def _alike(self, order: Order, model: Loaded) -> list[Order]:
        """Those of the jobs behind it that can be made at once with this one, as far as memory is known to allow."""
        requests = ((ImageRequest(**{**each["request"], "references": ()}), each["key"]) for each in self._ahead)
        orders = (order_of(request, key, model) for request, key in requests if request.model == order.model)
        known = {order, *self._ready}
        alike = [each for each in dict.fromkeys(orders) if each.together == order.together and each not in known]
        most = self._settings.batch or (MOST_AT_ONCE if self._models.device.half else 1)
        return alike[: model.memory.within(most) - 1]

    def _make(self, model: Loaded, orders: Sequence[Order], run: JobRun) -> None:
        """The first of these pictures, and as many more as memory allows at once; what is ready and nobody fetched is forgotten."""
        with STOPPING.steps():
            made = model.memory.run(len(orders), lambda count: self._sample(model, orders[:count], run))
        self._ready = dict(zip(orders, made, strict=False))

    def _sample(self, model: Loaded, orders: Sequence[Order], run: JobRun) -> list[Image.Image | None]:
        """A picture for each order, None where the model's own safety checker let none pass."""
        width, height = orders[0].size
        answer = model.call(
            {
                "prompt": [order.prompt for order in orders],
                "negative_prompt": [order.negative_prompt for order in orders] if orders[0].negative_prompt else None,
                "num_inference_steps": orders[0].steps,
                "guidance_scale": orders[0].cfg_scale,
                "width": width,
                "height": height,
                "generator": generators([order.seed for order in orders]),
                "callback_on_step_end": each_step(run, "正在绘制"),
                "output_type": "np",
            },
            self._settings.extra,
        )
        refused = getattr(answer, "nsfw_content_detected", None) or [False] * len(orders)
        return [None if no else as_image(pixels) for pixels, no in zip(answer.images, refused, strict=True)]


def as_image(pixels: Any) -> Image.Image:
    """A picture of numbers from 0 to 1; those that are none, as where 16 bits ran over, are black."""
    whole = np.nan_to_num(np.asarray(pixels, np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    return Image.fromarray((whole.clip(0, 1) * 255).round().astype(np.uint8))


def order_of(request: ImageRequest, key: str, model: Loaded) -> Order:
    """A request in the model's own size, with what it needs where the request does not say; `key` is the job's."""
    quick = any(word in model.name.lower() for word in QUICK)
    side = own_side(model.pipeline)
    return Order(
        model=request.model,
        prompt=styled_prompt(request),
        negative_prompt=request.negative_prompt.strip(),
        size=nearest_size((request.width, request.height), side * side, 64 if side >= 512 else 8),
        steps=request.steps or (QUICK_STEPS if quick else USUAL_STEPS),
        cfg_scale=0.0 if quick and request.cfg_scale is None else request.cfg_scale,
        seed=drawn_seed(key) if request.seed is None else request.seed,
    )
