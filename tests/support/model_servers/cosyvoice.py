"""CosyVoice's own FastAPI server: forms in, samples out, without a header or a length."""

from __future__ import annotations

import io
import wave
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import count
from typing import Any

from tests.support.model_servers import sounds
from tests.support.model_servers.base import ModelServer, Refused, Route
from tests.support.model_servers.exchange import Received, Reply, json_reply
from tests.support.model_servers.fields import Field, WrongField, check

FORMS = {
    "sft": ("tts_text", "spk_id"),
    "zero_shot": ("tts_text", "prompt_text", "prompt_wav"),
    "cross_lingual": ("tts_text", "prompt_wav"),
    "instruct": ("tts_text", "spk_id", "instruct_text"),
    "instruct2": ("tts_text", "instruct_text", "prompt_wav"),
}
FILE = "prompt_wav"
VOICES = ("中文女", "中文男", "英文女", "英文男", "日语男", "粤语女", "韩语女")
FOREIGN = ("英文女", "英文男")
PIECE = 4_001  # bytes: samples are torn between chunks
LOWEST_RATE, LONGEST_PROMPT_S = 16_000, 30.0
TOO_SHORT_S, LONG_SILENCE_S = 1.7, 12.0
WORDS = {
    "missing": ("missing", "Field required"),
    "unknown": ("extra_forbidden", "Extra inputs are not permitted"),
    "type": ("string_type", "Input should be a valid string"),
}


@dataclass(frozen=True)
class Spoken:
    """A text and the seconds that it takes; `fails` where the model fails after the answer has begun."""

    text: str
    seconds: float
    fails: bool = False


class CosyVoice(ModelServer):
    """Speaks at `rate`, 22,050 Hz (CosyVoice 1) or 24,000 (2, 3), which it tells with `announces_rate` only.

    A voice that it does not know, a sample of more than 30 s and an empty text fail as they do there: 200, and then the connection ends.
    A sample that is no sound, or of less than 16 kHz, is a 500 in plain text. Behaviours: those of every server and of `_replies`.
    """

    main = "POST /inference_{form}"

    def __init__(
        self, *, rate: int = 22_050, announces_rate: bool = False, voices: Iterable[str] = VOICES, **common: Any
    ) -> None:
        self.rate, self.announces_rate, self.voices = rate, announces_rate, tuple(voices)
        self._takes = count()
        super().__init__(**common)

    def serves(self) -> dict[str, Route[Any]]:
        return {self.main: Route(self._check, self._happy, self._replies(), charged=True)}

    def form(self, refused: Refused) -> Reply:
        if refused.status >= 500:
            return Reply(refused.status, b"Internal Server Error", "text/plain; charset=utf-8", refused.headers)
        detail: Any = refused.message
        if refused.status == 422:
            detail = [{"type": refused.code, "loc": ["body", refused.param], "msg": refused.message, "input": None}]
        return json_reply({"detail": detail}, refused.status, refused.headers)

    def explain(self, wrong: WrongField) -> Refused:
        code, message = WORDS[wrong.reason]
        return Refused(422, message, code, wrong.name)

    def _check(self, received: Received) -> Spoken:
        form = received.path.removeprefix("/inference_")
        if form not in FORMS:
            raise Refused(404, "Not Found")
        given: dict[str, Any] = {**received.form, **received.files}
        check({name: Field("list" if name == FILE else "text", required=True) for name in FORMS[form]}, given)
        if FILE in FORMS[form] and received.media_type != "multipart/form-data":
            raise Refused(422, "Expected UploadFile", "value_error", FILE)
        text = given["tts_text"]
        seconds = self._sample_seconds(received) if FILE in given else 0.0
        voice = given.get("spk_id", self.voices[0])
        fails = voice not in self.voices or seconds > LONGEST_PROMPT_S or not sounds.spoken(text)
        foreign = voice in FOREIGN and sounds.is_chinese(text)
        return Spoken(text, TOO_SHORT_S if foreign else sounds.seconds_of(text), fails)

    def _sample_seconds(self, received: Received) -> float:
        """How long the voice's sample is."""
        try:
            with wave.open(io.BytesIO(received.files[FILE][0].content)) as file:
                rate, frames = int(file.getframerate()), int(file.getnframes())
        except (wave.Error, EOFError):
            raise Refused(500, "Format not recognised.") from None
        if rate < LOWEST_RATE:
            raise Refused(500, f"wav sample rate {rate} must be greater than {LOWEST_RATE}")
        return frames / rate

    def _happy(self, spoken: Spoken) -> Reply:
        return (
            self._samples(sounds.pcm(self._voice(spoken.seconds)), ends=True)
            if not spoken.fails
            else self._failed(spoken)
        )

    def _failed(self, _spoken: Spoken) -> Reply:
        return self._samples(b"", ends=False)

    def _voice(self, seconds: float) -> sounds.Sound:
        return sounds.voice(seconds, self.rate)

    def _samples(self, content: bytes, ends: bool = True) -> Reply:
        headers = {"X-Custom-Header-sampleRate": str(self.rate)} if self.announces_rate else {}
        return Reply(content=content, content_type="", headers=headers, piece=PIECE, ends=ends)

    def _replies(self) -> dict[str, Callable[[Spoken], Reply]]:
        def said(*factors: float, silent_s: float = 0.0) -> Callable[[Spoken], Reply]:
            """So many times as long, in turn, and then silence."""

            def make(spoken: Spoken) -> Reply:
                factor = factors[next(self._takes) % len(factors)]
                end = sounds.pcm(sounds.silence(silent_s, self.rate))
                return self._samples(sounds.pcm(self._voice(spoken.seconds * factor)) + end)

            return make

        def fixed(content: Callable[[Spoken], bytes]) -> Callable[[Spoken], Reply]:
            return lambda spoken: self._samples(content(spoken))

        return {
            "no_samples": fixed(lambda _spoken: b""),
            "silence": fixed(lambda spoken: sounds.pcm(sounds.silence(spoken.seconds, self.rate))),
            "too_short": fixed(lambda _spoken: sounds.pcm(self._voice(TOO_SHORT_S))),
            "odd_bytes": fixed(lambda spoken: sounds.pcm(self._voice(spoken.seconds)) + b"\x01"),
            "doubled": said(2),
            "unsteady": said(1, 1.4),
            "runs_on": said(6),
            "long_silence_at_the_end": said(1, silent_s=LONG_SILENCE_S),
            "fails_at_once": self._failed,
            "fails_halfway": lambda spoken: self._samples(sounds.pcm(self._voice(spoken.seconds / 2)), ends=False),
            "single_character": lambda spoken: (self._happy if sounds.spoken(spoken.text) > 1 else self._failed)(
                spoken
            ),
            "marks_break_timing": lambda spoken: said(3 if any(m in spoken.text for m in ("_", "---")) else 1)(spoken),
            "wav_in_place_of_samples": lambda spoken: Reply(
                content=sounds.wav(self._voice(spoken.seconds), self.rate), content_type="audio/wav", piece=PIECE
            ),
            "json_with_200": lambda _spoken: json_reply({"error": "CUDA out of memory"}),
        }
