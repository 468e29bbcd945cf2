"""Stories by Ollama (https://ollama.com), a server of local models."""

from __future__ import annotations

from typing import Any

from worker_node.errors import ProviderUnable
from worker_node.providers.base import JobRun
from worker_node.providers.chat_form import as_text, count, text_in
from worker_node.providers.chat_server import ChatServer
from worker_node.providers.deadline import Deadline
from worker_node.providers.http import json_or_text
from worker_node.providers.http_errors import Refused
from worker_node.providers.listing import listed
from worker_node.providers.registry import DEFAULT_MODELS
from worker_node.providers.settings import ProviderSettings
from worker_node.providers.storytelling.prompts import Question

BASE = "http://127.0.0.1:11434"
MODEL = DEFAULT_MODELS["llm"]["ollama"]
KEEP_ALIVE = "5m"
SMALLEST_CONTEXT = 4096  # tokens, Ollama's own
STEP = 2048  # contexts are whole multiples: Ollama loads a model anew for another size


class OllamaStoryteller(ChatServer):
    """Asks by a schema, which becomes a grammar there, else in JSON mode; without thoughts where the model has any."""

    def __init__(self, settings: ProviderSettings) -> None:
        super().__init__(settings, BASE, ("schema", "schema-unthinking", "json", "plain"))
        self._model = settings.model or MODEL

    def models(self) -> list[str]:
        """The models that are there."""
        return listed(self._http, "/api/tags", "models", "name")

    def _body(self, question: Question, way: str) -> dict[str, Any]:
        messages = question.messages()
        asked = sum(_tokens(message["content"]) for message in messages)
        longest = 2 * question.tokens  # some models think though they are asked not to
        context = -(-(asked + longest) // STEP) * STEP
        body: dict[str, Any] = {
            "model": self._model,
            "messages": messages,
            "stream": False,
            "keep_alive": _duration(self._settings.keep_alive or KEEP_ALIVE),
            "options": {"num_ctx": max(SMALLEST_CONTEXT, context), "num_predict": longest},
        }
        if way == "schema":
            body["think"] = False
        if way != "plain":
            body["format"] = "json" if way == "json" else question.schema
        return body

    def _post(self, body: dict[str, Any], key: str, deadline: Deadline) -> bytes:
        try:
            content = self._http.call(
                "POST", "/api/chat", deadline, headers={"Idempotency-Key": key}, json=body
            ).content
        except Refused as refused:
            if refused.status == 404 and "model" in refused.said:
                raise ProviderUnable(
                    f"没有模型 {self._model}，请在 Ollama 的机器上运行：ollama pull {self._model}"
                ) from None
            raise
        self._http.check(content)
        return content

    def _read(self, content: bytes, run: JobRun) -> str:
        """The answer's text; where that is empty, what the model thought, in which some put the answer."""
        found = json_or_text(content)
        if not isinstance(found, dict) or not isinstance(found.get("message"), dict):
            return as_text(found)
        run.used(input_tokens=count(found.get("prompt_eval_count")), output_tokens=count(found.get("eval_count")))
        text = text_in(found["message"].get("content"))
        return text if text.strip() else text_in(found["message"].get("thinking"))


def _tokens(text: str) -> int:
    """How many tokens a text has at most, roughly: a Chinese character has its own, three other letters share one."""
    return sum(3 if ord(each) > 0x2E7F else 1 for each in text) // 3 + 16


def _duration(text: str) -> str | int:
    """As Ollama reads it: a number of seconds is no text there; -1 is for ever."""
    return int(text) if text.lstrip("-").isdecimal() else text
