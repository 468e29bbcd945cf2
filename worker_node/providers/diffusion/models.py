"""Which model is asked for, and the one that is loaded: one at a time, from a folder or from what was downloaded before."""

from __future__ import annotations

import inspect
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from worker_node.errors import ProviderUnable
from worker_node.providers.diffusion.device import Device, chosen_device
from worker_node.providers.diffusion.memory import Memory
from worker_node.providers.diffusion.packages import require_packages
from worker_node.providers.settings import ProviderSettings

INDEX = "model_index.json"
HUB_ID = re.compile(r"[A-Za-z0-9_][\w.-]*/[A-Za-z0-9_][\w.-]*")
FOLDER_NAME = re.compile(r"[A-Za-z0-9_][\w.-]*")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Loaded:
    """A pipeline on its device, and where it came from."""

    source: str
    pipeline: Any
    memory: Memory

    @property
    def name(self) -> str:
        """Of a folder its last part."""
        return Path(self.source).name if Path(self.source).is_dir() else self.source

    def call(self, arguments: Mapping[str, Any], extra: Mapping[str, Any]) -> Any:
        """The pipeline's answer. Of the arguments what this kind of pipeline does not take, or is None, is left out; of `extra` nothing."""
        taken = inspect.signature(self.pipeline.__call__).parameters
        given = {name: value for name, value in arguments.items() if value is not None and name in taken}
        return self.pipeline(**{**given, **extra})


class Models:
    """The models of one provider. `pipeline_class` is the name of a class of diffusers, `usual` the model where none is configured."""

    def __init__(self, settings: ProviderSettings, pipeline_class: str, usual: str) -> None:
        require_packages()
        self._class, self._own = pipeline_class, settings.model or usual
        self._download = settings.download
        self.device = chosen_device(settings.device)
        self._loaded: Loaded | None = None
        self.get("")

    def get(self, asked: str) -> Loaded:
        """The model that a request asks for, "" for the configured one; raises `ProviderUnable` where it is not there."""
        source = located(asked, self._own)
        if self._loaded is None or self._loaded.source != source:
            self._loaded = None  # first the room, then the next one
            self.device.give_back()
            self._loaded = self._load(source)
        return self._loaded

    def describe(self) -> list[str]:
        """The loaded model and its device."""
        return [f"{self.get('').name} ({self.device.describe()})"]

    def _load(self, source: str) -> Loaded:
        log.info("loading %s to %s", source, self.device.name)
        try:
            pipeline = _from_pretrained(self._class, source, self.device, self._download and source == self._own)
        except (OSError, ValueError) as error:
            told = " ".join(str(error).split())[:200]
            hint = "" if self._download else "；只用本机已有的文件（download: true 允许下载）"
            raise ProviderUnable(f"没有模型 {source[:80]}{hint}：{told}") from error
        memory = Memory(pipeline, self.device)
        memory.place()
        return Loaded(source, pipeline, memory)


def located(asked: str, own: str) -> str:
    """Where the model that a request asks for is: the configured one, a folder beside it, or an id of the hub; raises `ProviderUnable`.

    A request never names a folder of its own choosing.
    """
    if asked in ("", own, Path(own).name):
        return own
    beside = Path(own).parent / asked
    if Path(own).is_dir() and FOLDER_NAME.fullmatch(asked) and (beside / INDEX).is_file():
        return str(beside)
    if HUB_ID.fullmatch(asked) and not Path(asked).exists():
        return asked
    raise ProviderUnable(f"没有模型 {asked[:80]}")


def _from_pretrained(pipeline_class: str, source: str, device: Device, download: bool) -> Any:
    import diffusers  # noqa: PLC0415
    from transformers.utils import logging as transformers_logging  # noqa: PLC0415

    diffusers.utils.logging.disable_progress_bar()
    transformers_logging.disable_progress_bar()
    names_torch = tuple(map(int, diffusers.__version__.split(".")[:2])) < (0, 42)
    load = getattr(diffusers, pipeline_class).from_pretrained
    # Weights that run code when they are read (pickle) are not read.
    given = {
        "local_files_only": not download,
        "use_safetensors": True,
        "torch_dtype" if names_torch else "dtype": device.dtype,
    }
    first, second = ("fp16", None) if device.half else (None, "fp16")
    try:
        pipeline = load(source, variant=first, **given)
    except (OSError, ValueError) as error:
        log.debug("%s: variant %s is not there: %s", source, first, error)
        pipeline = load(source, variant=second, **given)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline
