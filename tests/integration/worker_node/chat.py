"""Chat providers beside stand-ins of the servers that people have."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from tests.support.model_servers.base import ModelServer
from tests.support.model_servers.broken_answers import letters
from tests.support.model_servers.ollama import Ollama
from tests.support.model_servers.openai_chat import OpenAIChat
from tests.support.stories import STORY, right
from worker_node.providers.base import QuietRun, Storyboard, StoryRequest
from worker_node.providers.ollama import OllamaStoryteller
from worker_node.providers.openai.chat import OpenAIStoryteller
from worker_node.providers.settings import ProviderSettings

OPENAI, OLLAMA = "openai", "ollama"
BOTH = (OPENAI, OLLAMA)
KEY = "sk-planted-0123456789"


def stand_in(kind: str, **options: Any) -> AbstractContextManager[ModelServer]:
    server: AbstractContextManager[ModelServer] = (OpenAIChat if kind == OPENAI else Ollama)(
        **{"answer": right, **options}
    )
    return server


def teller(kind: str, server: ModelServer, **settings: Any) -> OpenAIStoryteller | OllamaStoryteller:
    base = f"{server.url}/v1" if kind == OPENAI else server.url
    named = {"model": "stand-in" if kind == OPENAI else "llama3.2"}
    read = ProviderSettings(provider=kind, **{"base": base, "timeout_s": 30, **named, **settings})
    return OpenAIStoryteller(read) if kind == OPENAI else OllamaStoryteller(read)


def tell(
    kind: str, server: ModelServer, story: str = STORY, shots: int = 4, telling: str = "verbatim", **settings: Any
) -> Storyboard:
    return teller(kind, server, **settings).tell(StoryRequest(story, shots, "", telling), QuietRun())


def bodies(server: ModelServer) -> list[Any]:
    return [received.body for received in server.requests()]


def is_models_own(board: Storyboard) -> bool:
    return all("Atowerabovetheseaview" in letters(scene.prompt) for scene in board.scenes)


def assert_nothing_is_lost(board: Storyboard, story: str = STORY) -> None:
    assert "".join(scene.narration for scene in board.scenes) == story


class Counted(QuietRun):
    """Counts what was used."""

    def __init__(self) -> None:
        super().__init__()
        self.units: dict[str, float] = {}

    def used(self, **units: float) -> None:
        for name, amount in units.items():
            self.units[name] = self.units.get(name, 0) + amount
