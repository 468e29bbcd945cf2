"""Speech providers beside stand-ins of the servers that people have."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import av
import pytest

from tests.support.model_servers.cosyvoice import CosyVoice
from tests.support.model_servers.openai_speech import OpenAISpeech
from worker_node.providers.base import QuietRun, SpeechRequest, Spoken
from worker_node.providers.cosyvoice import CosyVoiceSpeaker
from worker_node.providers.openai.speech import OpenAISpeaker
from worker_node.providers.settings import ProviderSettings

TEXT = "从前有一位老人，住在海边的灯塔里。每天晚上他都会点亮那盏灯，等待远方的小船回家。"
ENGLISH = "Once upon a time an old man lived in a lighthouse by the sea, and every night he lit the lamp."
KEY = "sk-very-secret"


class Run(QuietRun):
    """Remembers what was used."""

    def __init__(self) -> None:
        super().__init__()
        self.characters = 0.0

    def used(self, **units: float) -> None:
        self.characters += units["characters"]


@dataclass
class Voice:
    """A stand-in with its client."""

    server: Any
    make: Callable[..., Any]
    run: Run = field(default_factory=Run)

    def say(self, folder: Path, text: str = TEXT, settings: dict[str, Any] | None = None, **request: Any) -> Spoken:
        target = folder / f"speech.{request.get('format', 'mp3')}"
        spoken: Spoken = self.make(**(settings or {})).speak(SpeechRequest(text, **request), target, self.run)
        with av.open(str(target)) as container:
            stream = container.streams.audio[0]
            assert stream.rate == request.get("sample_rate", 24_000)
            assert stream.channels == 1
            frames = [frame.to_ndarray() for frame in container.decode(stream)]
        assert sum(frame.shape[1] for frame in frames) / stream.rate == pytest.approx(spoken.seconds, abs=0.15)
        return spoken

    @property
    def asked(self) -> int:
        return len(self.server.requests())


def openai(**settings: Any) -> Voice:
    server = OpenAISpeech(key=KEY, **settings)

    def make(**more: Any) -> OpenAISpeaker:
        given = {"base": server.base, "model": "stand-in", "key": KEY, "timeout_s": 20, **more}
        return OpenAISpeaker(ProviderSettings(provider="openai", label="openai", **given))

    return Voice(server, make)


def cosyvoice(**settings: Any) -> Voice:
    server = CosyVoice(**settings)

    def make(**more: Any) -> CosyVoiceSpeaker:
        given = {"base": server.url, "timeout_s": 20, **more}
        return CosyVoiceSpeaker(ProviderSettings(provider="cosyvoice", label="cosyvoice", **given))

    return Voice(server, make)
