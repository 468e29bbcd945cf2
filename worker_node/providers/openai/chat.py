"""Stories by any server that speaks OpenAI's chat API: OpenAI, DeepSeek, DashScope, Ark, SiliconFlow, vLLM, LM Studio, relays."""

from __future__ import annotations

from typing import Any

from worker_node.errors import ProviderError, ProviderUnable
from worker_node.providers.base import JobRun, Storyboard, StoryRequest
from worker_node.providers.chat_form import as_text, count, text_in
from worker_node.providers.chat_server import ChatServer
from worker_node.providers.deadline import Deadline
from worker_node.providers.http import json_or_text
from worker_node.providers.openai.models import listed_models
from worker_node.providers.settings import ProviderSettings
from worker_node.providers.storytelling.prompts import Question

BASE = "https://api.openai.com/v1"


class OpenAIStoryteller(ChatServer):
    """Asks by JSON schema where the server takes it, else in its JSON mode, else in words."""

    def __init__(self, settings: ProviderSettings) -> None:
        super().__init__(settings, BASE, ("schema", "json", "plain"))

    def tell(self, request: StoryRequest, run: JobRun) -> Storyboard:
        """See `Storyteller`."""
        if not self._settings.model:
            raise ProviderUnable("没有设置 model")
        return super().tell(request, run)

    def models(self) -> list[str]:
        """The models that the server names."""
        return listed_models(self._http)

    def _body(self, question: Question, way: str) -> dict[str, Any]:
        body: dict[str, Any] = {"model": self._settings.model, "messages": question.messages()}
        if way == "schema":
            named = {"name": question.name, "strict": True, "schema": question.schema}
            body["response_format"] = {"type": "json_schema", "json_schema": named}
        elif way == "json":
            body["response_format"] = {"type": "json_object"}
        return body

    def _post(self, body: dict[str, Any], key: str, deadline: Deadline) -> bytes:
        headers = {"Idempotency-Key": key}
        content = self._http.call("POST", "/chat/completions", deadline, headers=headers, json=body).content
        self._http.check(content, unless="choices")
        return content

    def _read(self, content: bytes, run: JobRun) -> str:
        """The answer's text; where that is empty, what the model thought, in which some put the answer."""
        found = json_or_text(content)
        if not isinstance(found, dict) or "choices" not in found:
            return as_text(found)
        usage = found.get("usage")
        if isinstance(usage, dict):
            run.used(
                input_tokens=count(usage.get("prompt_tokens")), output_tokens=count(usage.get("completion_tokens"))
            )
        choices = found["choices"]
        choice: dict[str, Any] = (
            choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else {}
        )
        message: dict[str, Any] = choice["message"] if isinstance(choice.get("message"), dict) else {}
        text = text_in(message.get("content"))
        if choice.get("finish_reason") == "content_filter" and not text.strip():
            raise ProviderError("内容被模型服务的安全系统拒绝，没有重试")
        return text if text.strip() else text_in(message.get("reasoning_content") or message.get("reasoning"))
