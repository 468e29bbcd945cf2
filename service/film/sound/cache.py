"""The film's sound, kept by its content: the same narrations at the same places under the same music need not be mixed again."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import uuid
from pathlib import Path
from typing import Any

import av

from common.host_faults import raise_if_ours
from service.film.cache import code_digest


def key_of(parts: object) -> str:
    """A key for what the sound depends on (anything JSON can hold), this code and its encoder included."""
    return hashlib.sha256(
        json.dumps([code_digest("sound"), av.__version__, parts], sort_keys=True).encode()
    ).hexdigest()


class SoundCache:
    """Two files per sound: the audio, and what was measured on it. The audio is put in place last, whole or not at all."""

    def __init__(self, folder: Path, key: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._audio, self._facts = folder / f"sound-{key}.m4a", folder / f"sound-{key}.json"
        self.part = folder / f"sound-{uuid.uuid4().hex}.part"
        """Where to write a new sound."""

    def load(self, output: Path) -> dict[str, Any] | None:
        """Copy the kept sound to `output` and return the facts about it; None where there is none."""
        try:
            facts = json.loads(self._facts.read_text())
            shutil.copyfile(self._audio, output)
            for file in (self._audio, self._facts):
                os.utime(file)  # used now: the cache evicts the least recently used
        except (OSError, ValueError) as error:
            output.unlink(missing_ok=True)
            raise_if_ours(error)
            return None
        return facts if isinstance(facts, dict) else None

    def save(self, facts: dict[str, Any]) -> None:
        """Keep what was written to `part`, and facts about it that JSON can hold."""
        beside = self.part.with_suffix(".json.part")
        beside.write_text(json.dumps(facts))
        beside.replace(self._facts)
        self.part.replace(self._audio)
