"""What storytellers over a chat API have in common: a subclass knows how its server is asked, and where the answer stands."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from worker_node.providers.base import JobRun, Storyboard, StoryRequest
from worker_node.providers.chat_form import Ways
from worker_node.providers.deadline import Deadline
from worker_node.providers.http import HttpClient, overlaid
from worker_node.providers.settings import ProviderSettings
from worker_node.providers.storytelling.prompts import Question
from worker_node.providers.storytelling.teller import tell_story

TIMEOUT_S = 600.0


class ChatServer(ABC):
    """One server for all jobs of this process, at `base` unless the settings say otherwise; see `Ways` for `ways`."""

    def __init__(self, settings: ProviderSettings, base: str, ways: Sequence[str]) -> None:
        self._settings = settings
        self._http = HttpClient(settings, base)
        self._ways = Ways(ways)

    def tell(self, request: StoryRequest, run: JobRun) -> Storyboard:
        """See `Storyteller`."""
        return tell_story(self, request, run, Deadline(self._settings.timeout_s or TIMEOUT_S))

    def answer(self, question: Question, part: str, run: JobRun, deadline: Deadline) -> str:
        """See `ChatModel`."""

        def ask(way: str) -> bytes:
            body = overlaid(self._body(question, way), self._settings.extra)
            return run.once(f"{part}-{way}", lambda key: self._post(body, key, deadline))

        return self._read(self._ways.ask(ask), run)

    @abstractmethod
    def _body(self, question: Question, way: str) -> dict[str, Any]:
        """The request by one of the ways."""

    @abstractmethod
    def _post(self, body: dict[str, Any], key: str, deadline: Deadline) -> bytes:
        """Send it; `key` is the call's idempotency key. Raises `ProviderError`."""

    @abstractmethod
    def _read(self, content: bytes, run: JobRun) -> str:
        """The text of what came back; what it used is added to the run."""
