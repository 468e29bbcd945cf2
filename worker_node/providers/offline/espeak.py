"""espeak-ng by ctypes. The library has global state: it is started once in a process, and speaks for one of its speakers after another."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache
from pathlib import Path

import espeakng_loader
import numpy as np
from numpy.typing import NDArray

from worker_node.errors import ProviderError

_OUTPUT_SYNCHRONOUS = 2
_CHARS_UTF8 = 1
_POSITION_CHARACTER = 1
_RATE, _PITCH, _RANGE = 1, 3, 4
_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


class Espeak:
    """The library, initialised; raises `ProviderError` where it does not load."""

    def __init__(self) -> None:
        self._chunks: list[NDArray[np.int16]] = []
        self._library, self.rate = _started()
        self._callback: Callable[..., int] = _CALLBACK(self._collect)  # kept: the library holds only its address

    def _collect(self, samples: ctypes._Pointer[ctypes.c_short], count: int, _events: int) -> int:
        if samples and count > 0:
            self._chunks.append(np.ctypeslib.as_array(samples, (count,)).astype(np.int16))
        return 0

    def say(self, text: str, voice: str, *, words_per_minute: int, pitch: int, range_: int) -> NDArray[np.int16]:
        """Mono samples at `rate`; an unknown variant of the voice ("cmn+x") falls back to the plain one."""
        if self._library.espeak_SetVoiceByName(voice.encode()) != 0:
            self._library.espeak_SetVoiceByName(voice.partition("+")[0].encode())
        for parameter, value in ((_RATE, words_per_minute), (_PITCH, pitch), (_RANGE, range_)):
            self._library.espeak_SetParameter(parameter, value, 0)
        self._library.espeak_SetSynthCallback(self._callback)  # another speaker's may stand there
        self._chunks = []
        data = text.encode() + b"\0"
        status = self._library.espeak_Synth(
            data, ctypes.c_size_t(len(data)), 0, _POSITION_CHARACTER, 0, _CHARS_UTF8, None, None
        )
        if status != 0:
            raise ProviderError(f"语音引擎 espeak-ng 出错（{status}）")
        self._library.espeak_Synchronize()
        chunks, self._chunks = self._chunks, []
        return np.concatenate(chunks) if chunks else np.zeros(0, np.int16)

    def pronounces(self, character: str, voice: str) -> bool:
        """Whether the voice makes any sound of a character."""
        self._library.espeak_SetVoiceByName(voice.encode())
        text = ctypes.c_char_p(character.encode())
        return bool(self._library.espeak_TextToPhonemes(ctypes.byref(text), _CHARS_UTF8, 0))


@cache
def _started() -> tuple[ctypes.CDLL, int]:
    """The library, initialised, and its rate; raises `ProviderError`. Once: what it had in use is let go by a second time."""
    library = ctypes.CDLL(str(espeakng_loader.get_library_path()))
    data = Path(espeakng_loader.get_data_path()).parent
    rate: int = library.espeak_Initialize(_OUTPUT_SYNCHRONOUS, 0, str(data).encode(), 0)
    if rate <= 0:
        raise ProviderError("语音引擎 espeak-ng 无法启动")
    library.espeak_TextToPhonemes.restype = ctypes.c_char_p
    return library, rate
