"""hibari's own voice, "heart": American English, sixty times as fast as Kokoro, from which it was taught, and with the same symbols."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib import resources

import numpy as np

from worker_node.providers.base import Voice
from worker_node.providers.kokoro.model import Utterance, open_session

HEART = Voice("heart", "Heart", "en", "female")
_DURATIONS, _DURATION_UNIT = "/Clip_output_0", 600  # samples
_SEED = 7  # of the breath in the voice: the same text gives the same file


class HeartModel:
    """One session of the voice that comes inside hibari."""

    def __init__(self) -> None:
        from hibari import dsp  # noqa: PLC0415 - needed only where this provider runs

        assets = resources.files("hibari") / "assets"
        self._synthesize = dsp.synth
        self._ids: dict[str, int] = json.loads((assets / "vocab.json").read_text("utf-8"))
        self._session = open_session((assets / "hibari.onnx").read_bytes(), _DURATIONS)

    def say(self, symbols: Sequence[str], speed: float) -> Utterance:
        """Say symbols that Kokoro knows."""
        inputs = {
            "ids": np.array([[0, *(self._ids[symbol] for symbol in symbols), 0]], np.int64),
            "speed": np.array([speed], np.float32),
        }
        *spectrum, durations = self._session.run(None, inputs)
        samples = self._synthesize(*(part[0] for part in spectrum), np.random.default_rng(_SEED))
        ends = np.cumsum(np.asarray(durations).ravel().astype(np.int64)) * _DURATION_UNIT
        return Utterance(np.asarray(samples, np.float32).ravel(), ends[:-1])
