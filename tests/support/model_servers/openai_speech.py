"""An OpenAI-compatible speech server: OpenAI, vLLM-Omni, Kokoro and their like."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np

from tests.support.model_servers import sounds
from tests.support.model_servers.base import Refused, Route
from tests.support.model_servers.exchange import Received, Reply, json_reply
from tests.support.model_servers.fields import Field
from tests.support.model_servers.openai_form import OpenAIServer
from tests.support.model_servers.sounds import Sound

FORMATS = ("mp3", "wav", "pcm")
MEDIA_TYPES = {"mp3": "audio/mpeg", "wav": "audio/wav", "pcm": "audio/pcm"}
LONGEST = 4096  # characters
FIELDS = {
    "model": Field(required=True),
    "voice": Field(required=True),
    "response_format": Field(choices=FORMATS),
    "speed": Field("number", low=0.25, high=4.0),
    "instructions": Field(),
}
VOICES = {"alloy": "", "longwan": "zh", "ryan": "en"}
TOO_SHORT_S, LONG_SILENCE_S = 1.7, 12.0


@dataclass(frozen=True)
class Speech:
    """What is to be said, and how; `seconds` are those that it takes."""

    text: str
    format: str
    speed: float
    seconds: float


class OpenAISpeech(OpenAIServer):
    """Answers with a voice that takes as long as people do: 4.5 Chinese or 14 other characters a second, at `rate`.

    `voices` are those there are, each with the one language that it speaks, or "" for every: an English voice says a Chinese text in
    1.7 s, without an error. Behaviours: those of every server and of `_replies`.
    """

    main = "POST /v1/audio/speech"

    def __init__(
        self, *, voices: Mapping[str, str] | None = None, rate: int = 24_000, longest: int = LONGEST, **common: Any
    ) -> None:
        self.voices = dict(VOICES if voices is None else voices)
        self.rate, self.longest = rate, longest
        self._takes = count()
        super().__init__(**common)

    def serves(self) -> dict[str, Route[Any]]:
        def read(_received: Received) -> None:
            return None

        voices = Route(read, lambda _work: json_reply({"voices": list(self.voices), "uploaded_voices": []}))
        return {
            **super().serves(),
            self.main: Route(self._check, self._happy, self._replies(), charged=True),
            "GET /v1/audio/voices": voices,
        }

    def _check(self, received: Received) -> Speech:
        body = self.checked(received, {**FIELDS, "input": Field(required=True, shortest=1, longest=self.longest)})
        if body["voice"] not in self.voices:
            message = f"Invalid voice '{body['voice']}'. Supported voices: {', '.join(self.voices)}"
            raise Refused(400, message, "invalid_value", "voice")
        speed = float(body.get("speed") or 1)
        text: str = body["input"]
        foreign = self.voices[body["voice"]] == "en" and sounds.is_chinese(text)
        seconds = TOO_SHORT_S if foreign else sounds.seconds_of(text, speed)
        return Speech(text, body.get("response_format") or "mp3", speed, seconds)

    def _happy(self, speech: Speech) -> Reply:
        return self._file(speech, self._voice(speech.seconds))

    def _voice(self, seconds: float) -> Sound:
        return sounds.voice(seconds, self.rate)

    def _silence(self, seconds: float) -> Sound:
        return sounds.silence(seconds, self.rate)

    def _file(self, speech: Speech, *parts: Sound) -> Reply:
        sound = np.concatenate(parts)
        made = {"mp3": lambda: sounds.mp3(sound, self.rate), "wav": lambda: sounds.wav(sound, self.rate)}
        content = made.get(speech.format, lambda: sounds.pcm(sound))()
        return Reply(content=content, content_type=MEDIA_TYPES[speech.format])

    def _raw(self, content: Callable[[bytes], bytes]) -> Callable[[Speech], Reply]:
        """The right file, changed."""

        def make(speech: Speech) -> Reply:
            happy = self._happy(speech)
            return Reply(content=content(happy.content), content_type=happy.content_type)

        return make

    def _replies(self) -> dict[str, Callable[[Speech], Reply]]:
        file, voice, silence = self._file, self._voice, self._silence
        return {
            "empty_file": self._raw(lambda _content: b""),
            "no_seconds": lambda speech: file(speech, silence(0)),
            "silence": lambda speech: file(speech, silence(speech.seconds)),
            "cut_off_file": self._raw(lambda content: content[: len(content) // 2]),
            "header_alone": self._raw(lambda content: content[:44]),
            "noise_of_bytes": self._raw(lambda content: bytes(range(256)) * (len(content) // 256 + 1)),
            "odd_bytes": self._raw(lambda content: content[:-1] if len(content) % 2 == 0 else content),
            "too_short": lambda speech: file(speech, voice(TOO_SHORT_S)),
            "doubled": lambda speech: file(speech, voice(speech.seconds), voice(speech.seconds)),
            "unsteady": lambda speech: file(speech, voice(speech.seconds * (1, 1.4)[next(self._takes) % 2])),
            "runs_on": lambda speech: file(speech, voice(speech.seconds * 6)),
            "long_silence_at_the_end": lambda speech: file(speech, voice(speech.seconds), silence(LONG_SILENCE_S)),
            "long_silence_at_the_start": lambda speech: file(speech, silence(LONG_SILENCE_S), voice(speech.seconds)),
            "json_with_200": lambda _speech: json_reply({"error": {"message": "synthesis failed", "code": 500}}),
            "json_as_audio": lambda _speech: Reply(
                content=b'{"code": 500, "message": "failed"}', content_type="audio/mpeg"
            ),
            "wav_whatever_asked": lambda speech: Reply(
                content=sounds.wav(voice(speech.seconds), self.rate), content_type="audio/mpeg"
            ),
            "wav_without_length": lambda speech: Reply(
                content=sounds.streamed_wav(voice(speech.seconds), self.rate), content_type="audio/wav"
            ),
            "in_chunks": lambda speech: Reply(
                content=self._happy(speech).content, content_type="audio/mpeg", piece=1021
            ),
            "single_character": self._single,
            "marks_break_timing": self._marks,
        }

    def _single(self, speech: Speech) -> Reply:
        """What has one character to say fails, however often it is tried."""
        if sounds.spoken(speech.text) > 1:
            return self._happy(speech)
        raise Refused(500, "Kernel size can't be greater than actual input size", "server_error")

    def _marks(self, speech: Speech) -> Reply:
        """Marks that nobody says take time."""
        broken = any(mark in speech.text for mark in ("_", "---", "***"))
        return self._file(speech, self._voice(speech.seconds * (3 if broken else 1)))
