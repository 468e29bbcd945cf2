"""The device that a model runs on: CUDA, Apple's MPS, or the processors."""

from __future__ import annotations

import gc
from dataclasses import dataclass
from typing import Any

from worker_node.errors import ProviderUnable

GIB = 1 << 30


@dataclass(frozen=True)
class Device:
    """`name` as torch has it: "cuda", "cuda:1", "mps", "cpu"."""

    name: str

    @property
    def kind(self) -> str:
        """cuda, mps or cpu."""
        return self.name.partition(":")[0]

    @property
    def half(self) -> bool:
        """Whether it computes in 16 bits; processors do not, or slowly."""
        return self.kind != "cpu"

    @property
    def dtype(self) -> Any:
        """The numbers' type, as torch has it."""
        import torch  # noqa: PLC0415

        return torch.float16 if self.half else torch.float32

    def give_back(self) -> None:
        """Let go of the memory that nothing uses."""
        import torch  # noqa: PLC0415

        gc.collect()
        if self.kind == "cuda":
            torch.cuda.empty_cache()
        elif self.kind == "mps":
            torch.mps.empty_cache()

    def describe(self) -> str:
        """Its name, the numbers' type, and how much memory it has."""
        import torch  # noqa: PLC0415

        size = f", {torch.cuda.mem_get_info(self.name)[1] / GIB:.0f} GiB" if self.kind == "cuda" else ""
        return f"{self.name}, {'float16' if self.half else 'float32'}{size}"


def chosen_device(wanted: str) -> Device:
    """The device of that name, or without one the best that there is; raises `ProviderUnable` where it is not there."""
    import torch  # noqa: PLC0415

    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    device = Device(wanted or next(kind for kind, has in there.items() if has))
    number = device.name.partition(":")[2]
    if not there.get(device.kind) or (device.kind == "cuda" and int(number or 0) >= torch.cuda.device_count()):
        raise ProviderUnable(f"这台机器没有设备 {device.name}")
    if device.kind == "cuda":
        torch.backends.cudnn.benchmark = False  # the same request makes the same picture
        torch.backends.cudnn.deterministic = True
    return device


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a device or the machine had no memory left."""
    import torch  # noqa: PLC0415

    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    told = str(error).lower()
    words = ("out of memory", "can't allocate memory", "not enough memory", "alloc_failed")
    return isinstance(error, RuntimeError) and any(each in told for each in words)
