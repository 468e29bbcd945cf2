"""What is done where memory does not suffice: less at once, then parts of the model elsewhere, then nothing."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, TypeVar

from worker_node.errors import ProviderUnable
from worker_node.providers.diffusion.device import Device, is_out_of_memory

Result = TypeVar("Result")

log = logging.getLogger(__name__)


class Memory:
    """The steps down of one loaded pipeline; what was found out stays so for as long as it is loaded."""

    def __init__(self, pipeline: Any, device: Device) -> None:
        self._pipeline, self._device = pipeline, device
        self._most: int | None = None
        self._offloaded = False
        self._savings: list[tuple[str, Callable[[], object]]] = [("parts of the picture one by one", self._slice)]
        if device.kind == "cuda":
            self._savings += [
                ("parts of the model in main memory", lambda: self._offload(pipeline.enable_model_cpu_offload)),
                ("layers of the model in main memory", lambda: self._offload(pipeline.enable_sequential_cpu_offload)),
            ]

    def place(self) -> None:
        """Put the pipeline on its device, or what of it there is room for; raises `ProviderUnable`."""
        self.run(1, lambda _one: None if self._offloaded else self._pipeline.to(self._device.name))

    def within(self, count: int) -> int:
        """How many of `count` go at once."""
        return count if self._most is None else min(count, self._most)

    def run(self, count: int, make: Callable[[int], Result]) -> Result:
        """What `make(how many at once)` returns, of `count` at first, then of half of them, with each saving; raises `ProviderUnable`."""
        while True:
            at_once = self.within(count)
            try:
                return make(at_once)
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                told = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
            # Only here, outside the except clause, has the traceback let go of the tensors.
            self._device.give_back()
            self._step_down(at_once, told)

    def _step_down(self, at_once: int, told: str) -> None:
        if at_once > 1:
            self._most = at_once // 2
            log.warning("out of memory (%s): %d at once", told, self._most)
        elif self._savings:
            name, save = self._savings.pop(0)
            log.warning("out of memory (%s): %s", told, name)
            save()
        else:
            raise ProviderUnable(f"内存或显存不足：{told}")

    def _offload(self, enable: Callable[..., object]) -> None:
        enable(device=self._device.name)
        self._offloaded = True

    def _slice(self) -> None:
        for part, names in (
            (self._pipeline, ("enable_attention_slicing",)),
            (getattr(self._pipeline, "vae", None), ("enable_slicing", "enable_tiling")),
        ):
            for name in names:
                try:
                    getattr(part, name, lambda: None)()
                except NotImplementedError:  # this kind of model has no such saving
                    log.debug("%s: not there", name)
