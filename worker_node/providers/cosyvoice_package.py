"""CosyVoice in this process, by its own package (https://github.com/FunAudioLLM/CosyVoice), as its versions have it since the first."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from worker_node.errors import BrokenAnswer, ProviderUnable
from worker_node.providers.http_errors import clean
from worker_node.providers.settings import ProviderSettings
from worker_node.providers.sound_files import wav_of_pcm

MODULE = "cosyvoice.cli.cosyvoice"
FIRST_RATE = 22_050  # of the first versions, which do not tell theirs
PROMPT_RATE = 16_000  # in which older versions take a voice's sample
NO_MODEL = "没有设置 model（CosyVoice 模型所在的文件夹）"


def is_installed() -> bool:
    """Whether this Python has the package."""
    try:
        return find_spec(MODULE) is not None
    except ImportError:
        return False


class CosyVoicePackage:
    """The model that `settings.model` names, a folder or what the package downloads; `settings.extra` are arguments of its class. Raises
    `ProviderUnable` where none is named, and ImportError where something that the package needs is missing."""

    def __init__(self, settings: ProviderSettings) -> None:
        if not settings.model:
            raise ProviderUnable(NO_MODEL)
        found = import_module(MODULE)
        make = getattr(found, "AutoModel", None) or _class_of(found, settings.model)
        self._model = make(model_dir=settings.model, **settings.extra)
        self.rate: int = getattr(self._model, "sample_rate", settings.sample_rate or FIRST_RATE)

    def speakers(self) -> list[str]:
        """The voices that the model has of its own."""
        tell = getattr(self._model, "list_available_spks", None) or getattr(self._model, "list_avaliable_spks", None)
        return [str(name) for name in tell()] if tell else []

    def ask(self, form: str, text: str, fields: Mapping[str, Any], folder: Path) -> bytes:
        """A WAV of the text; `fields` are what the form takes beside it, a voice's sample as the bytes of a WAV. `folder` is for that.

        Raises `ProviderUnable` where this model cannot, `BrokenAnswer` where it broke on this text.
        """
        speaker = fields.get("spk_id")
        if speaker and speaker not in self.speakers():
            raise ProviderUnable(f"这个 CosyVoice 模型没有声音 {clean(speaker)}，请在 voices 中设置它的 prompt_wav")
        infer = getattr(self._model, f"inference_{form}", None)
        if infer is None:
            raise ProviderUnable(f"这个 CosyVoice 模型没有 {form}")
        try:
            with TemporaryDirectory(dir=folder) as temporary:
                parts = list(_samples(infer(text, **_arguments(infer, fields, Path(temporary) / "prompt.wav"))))
        except OSError:  # a full disk, say
            raise
        except (MemoryError, NotImplementedError) as error:
            raise ProviderUnable(_why(form, error)) from error
        except Exception as error:
            if "OutOfMemory" in type(error).__name__:  # torch's own
                raise ProviderUnable(_why(form, MemoryError())) from error
            raise BrokenAnswer(f"CosyVoice 出错：{type(error).__name__}: {clean(str(error))}") from error
        return wav_of_pcm(b"".join(parts), self.rate)


def _arguments(infer: Any, fields: Mapping[str, Any], file: Path) -> dict[str, Any]:
    """By the names of this version: a sample is a file in newer ones, and loaded in older ones."""
    given = dict(fields)
    sample = given.pop("prompt_wav", None)
    if sample:
        file.write_bytes(sample)
        older = "prompt_speech_16k" in inspect.signature(infer).parameters
        given |= {"prompt_speech_16k": _loaded(str(file))} if older else {"prompt_wav": str(file)}
    return given


def _class_of(found: Any, model: str) -> Any:
    """Of versions that choose no class themselves: that of the model's generation."""
    second = (Path(model) / "cosyvoice2.yaml").is_file() or "cosyvoice2" in Path(model).name.lower()
    return found.CosyVoice2 if second else found.CosyVoice


def _loaded(path: str) -> Any:
    return import_module("cosyvoice.utils.file_utils").load_wav(path, PROMPT_RATE)


def _samples(parts: Any) -> Iterator[bytes]:
    """What the model yields, as 16-bit samples."""
    for part in parts:
        sound = np.asarray(part["tts_speech"], np.float32).ravel()
        yield (sound.clip(-1, 1) * 32767).astype("<i2").tobytes()


def _why(form: str, error: Exception) -> str:
    return "内存或显存不足" if isinstance(error, MemoryError) else f"这个 CosyVoice 模型没有 {form}"
