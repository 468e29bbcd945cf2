"""tts "openai": any server with OpenAI's `/audio/speech`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from worker_node.errors import ProviderUnable
from worker_node.providers.asset_client import AssetClient, media_type
from worker_node.providers.base import JobRun, SpeechRequest, Spoken
from worker_node.providers.base import Voice as VoiceRow
from worker_node.providers.deadline import Deadline
from worker_node.providers.http import overlaid
from worker_node.providers.registry import DEFAULT_MODELS
from worker_node.providers.settings import ProviderSettings, Voice
from worker_node.providers.sound_files import format_of, wav_of_pcm
from worker_node.providers.speaking import SpeechServer, speak
from worker_node.providers.voice_rows import listed_voices, rows_of_settings

BASE, MODEL = "https://api.openai.com/v1", DEFAULT_MODELS["tts"]["openai"]
TIMEOUT_S = 600.0
LONGEST = 1000  # characters of one request: the API takes 4,096, but a part's length tells less of what is wrong in it, the longer it is
LIST_S = 15.0
NO_SOUND = ("application/json", "text/html", "text/plain")
PCM_RATE = 24_000
OPENAI_VOICES = ("alloy", "ash", "ballad", "coral", "echo", "fable", "nova", "onyx", "sage", "shimmer", "verse")


class OpenAISpeaker:
    """One server for all jobs of this process."""

    def __init__(self, settings: ProviderSettings) -> None:
        self._settings = settings
        self._http = AssetClient(settings, BASE)
        self._paces: dict[str, float] = {}

    def voices(self) -> list[VoiceRow]:
        """Those of the settings, else those that the server lists, else OpenAI's own."""
        return (
            rows_of_settings(self._settings.voices)
            or self._listed
            or [VoiceRow(name, name, "", "") for name in self._own]
        )

    def speak(self, request: SpeechRequest, target: Path, run: JobRun) -> Spoken:
        """See `Speaker.speak`. A voice that the server does not have is its own by default."""
        deadline = Deadline(self._settings.timeout_s or TIMEOUT_S)
        voice = self._voice(request.voice)

        def ask(text: str, key: str) -> bytes:
            return self._ask(text, voice, request.speed, key, deadline)

        longest = self._settings.longest or LONGEST
        return speak(request, target, run, SpeechServer(ask, longest, True, voice.id, self._paces))

    def _ask(self, text: str, voice: Voice, speed: float, key: str, deadline: Deadline) -> bytes:
        body: dict[str, Any] = {
            "model": self._settings.model or MODEL,
            "input": text,
            "voice": voice.id,
            "response_format": "wav",
        }
        if speed != 1:
            body["speed"] = speed
        if voice.instruct:
            body["instructions"] = voice.instruct
        body = overlaid(body, self._settings.extra)
        answer = self._http.call("POST", "/audio/speech", deadline, headers={"Idempotency-Key": key}, json=body)
        raw = body["response_format"] == "pcm" and not format_of(answer.content) and media_type(answer) not in NO_SOUND
        return wav_of_pcm(answer.content, self._settings.sample_rate or PCM_RATE) if raw else answer.content

    def _voice(self, asked: str) -> Voice:
        own = {voice.id: voice for voice in self._settings.voices}
        wanted = asked or self._settings.voice
        if wanted in own:
            return own[wanted]
        names = [voice.id for voice in self._listed] if wanted and not own else []
        if wanted in (names or OPENAI_VOICES) and not own:
            return Voice(id=wanted)
        default = self._settings.voice or next(iter(own or names), "")
        return own.get(default) or Voice(id=default or next(iter(self._own)))

    @property
    def _own(self) -> tuple[str, ...]:
        return (self._settings.voice,) if self._settings.voice else OPENAI_VOICES

    @cached_property
    def _listed(self) -> list[VoiceRow]:
        """What the server lists, where it does."""
        try:
            answer = self._http.call("GET", "/audio/voices", Deadline(LIST_S))
            found: object = json.loads(answer.content)
        except (ProviderUnable, ValueError, RecursionError):
            return []
        return listed_voices(found.get("voices") or found.get("data") if isinstance(found, Mapping) else found)
