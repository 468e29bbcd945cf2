"""The models. Each notes its calls in the file `calls` of its folder, and fails as the file `fails` says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tests.support.model_servers import sounds

Parts = Iterator[dict[str, npt.NDArray[np.float32]]]


class OutOfMemoryError(RuntimeError):
    """As torch's."""


class CosyVoice:
    """The first generation, which has voices of its own."""

    sample_rate = 22_050
    speakers: tuple[str, ...] = ("中文女", "中文男")

    def __init__(self, model_dir: str, fp16: bool = False) -> None:
        self.folder = Path(model_dir)
        self._note("load", fp16)

    def _note(self, *said: Any) -> None:
        with (self.folder / "calls").open("a", encoding="utf-8") as file:
            file.write(" ".join(map(str, said)) + "\n")

    def list_available_spks(self) -> list[str]:
        return list(self.speakers)

    def _say(self, text: str) -> Parts:
        if (self.folder / "fails").exists():
            raise OutOfMemoryError("CUDA out of memory.")
        if sounds.spoken(text) < 2:
            raise RuntimeError("Kernel size can't be greater than actual input size")
        sound = sounds.voice(sounds.seconds_of(text), self.sample_rate).astype(np.float32)[None] / np.float32(32768)
        half = sound.shape[1] // 2
        yield {"tts_speech": sound[:, :half]}
        yield {"tts_speech": sound[:, half:]}

    def inference_sft(self, tts_text: str, spk_id: str, stream: bool = False, speed: float = 1.0) -> Parts:
        assert spk_id in self.speakers
        self._note("sft", spk_id)
        yield from self._say(tts_text)

    def inference_zero_shot(self, tts_text: str, prompt_text: str, prompt_wav: str, stream: bool = False) -> Parts:
        self._note("zero_shot", prompt_text, Path(prompt_wav).read_bytes()[:4])
        yield from self._say(tts_text)

    def inference_cross_lingual(self, tts_text: str, prompt_wav: str, stream: bool = False) -> Parts:
        self._note("cross_lingual", Path(prompt_wav).read_bytes()[:4])
        yield from self._say(tts_text)

    def inference_instruct(self, tts_text: str, spk_id: str, instruct_text: str, stream: bool = False) -> Parts:
        self._note("instruct", spk_id, instruct_text)
        yield from self._say(tts_text)


class CosyVoice2(CosyVoice):
    """The second, which has samples only."""

    sample_rate = 24_000
    speakers = ()

    def inference_instruct(self, *_given: Any, **_named: Any) -> Parts:
        raise NotImplementedError("inference_instruct is not implemented for CosyVoice2!")

    def inference_instruct2(self, tts_text: str, instruct_text: str, prompt_wav: str, stream: bool = False) -> Parts:
        self._note("instruct2", instruct_text, Path(prompt_wav).read_bytes()[:4])
        yield from self._say(tts_text)


class OlderCosyVoice2(CosyVoice2):
    """As it was before it loaded samples itself."""

    def inference_zero_shot(  # type: ignore[override]
        self, tts_text: str, prompt_text: str, prompt_speech_16k: npt.NDArray[np.float32], stream: bool = False
    ) -> Parts:
        self._note("zero_shot", prompt_text, prompt_speech_16k.ndim)
        yield from self._say(tts_text)


def AutoModel(**given: Any) -> CosyVoice:
    return CosyVoice2(**given) if "CosyVoice2" in given["model_dir"] else CosyVoice(**given)
