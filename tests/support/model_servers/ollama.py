"""Ollama: chat with a grammar from a schema, models that are pulled, a context that is cut without a word."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from tests.support.model_servers.base import ModelServer, Refused, Route
from tests.support.model_servers.broken_answers import STOP
from tests.support.model_servers.chat_turns import (
    BROKEN,
    MakeAnswer,
    Messages,
    Turn,
    answer_by_schema,
    cost,
    cut_to,
    tokens,
)
from tests.support.model_servers.exchange import Received, Reply, json_reply
from tests.support.model_servers.fields import Field, WrongField, check

FIELDS = {
    "model": Field(required=True, shortest=1),
    "messages": Field("list", required=True, shortest=1),
    "format": Field("any"),
    "stream": Field("truth"),
    "think": Field("any"),
    "options": Field("object"),
    "keep_alive": Field("any"),
}
MESSAGE = {"role": Field(required=True, choices=("system", "user", "assistant")), "content": Field(required=True)}
OPTIONS = {
    **dict.fromkeys(("temperature", "top_p", "min_p", "repeat_penalty"), Field("number", low=0)),
    **dict.fromkeys(("seed", "num_predict", "num_keep", "top_k", "repeat_last_n", "num_gpu"), Field("integer")),
    "num_ctx": Field("integer", low=1),
    "stop": Field("list"),
}
NAMED = {"model": Field(required=True, shortest=1), "stream": Field("truth"), "insecure": Field("truth")}
MODELS = {"qwen3:8b": ("completion", "tools", "thinking"), "llama3.2:latest": ("completion", "tools")}
USUAL_CONTEXT = 4096  # tokens
PIECE = 101  # bytes: lines and characters are torn between chunks
LAYER = 1_000_000  # bytes
DIGEST = "sha256:" + "ab" * 32
NO_MEMORY = "model requires more system memory (9.6 GiB) than is available (3.1 GiB)"
NO_GPU_MEMORY = "llama runner process has terminated: cudaMalloc failed: out of memory"


def tagged(name: str) -> str:
    """A model's whole name."""
    return name if ":" in name else f"{name}:latest"


def cut_context(messages: Messages, limit: int) -> tuple[Messages, int]:
    """What is left of messages when their beginning is dropped until the limit of tokens is met, and how many tokens went."""
    spare = tokens("".join(each["content"] for each in messages)) - limit
    dropped, kept = 0.0, []
    for message in messages:
        content: str = message["content"]
        at = 0
        while at < len(content) and dropped < spare:
            dropped += cost(content[at])
            at += 1
        kept.append({**message, "content": content[at:]})
    return kept, round(dropped)


class Ollama(ModelServer):
    """`models` are there, with their capabilities; `pullable` can be pulled. `cut` has the tokens that each chat lost from its beginning.

    A chat's `options.num_ctx` is the context of its question; the answer is made from what is left of that. Behaviours: those of
    `BROKEN_ANSWERS`, of every server, and of `_replies`.
    """

    main = "POST /api/chat"

    def __init__(
        self,
        *,
        answer: MakeAnswer = answer_by_schema,
        models: Mapping[str, tuple[str, ...]] | None = None,
        pullable: Iterable[str] = ("qwen3:4b",),
        context: int = USUAL_CONTEXT,
        **common: Any,
    ) -> None:
        self.answer, self.context = answer, context
        self.models = dict(MODELS if models is None else models)
        self.pullable = [tagged(name) for name in pullable]
        self.cut: list[int] = []
        super().__init__(**common)

    def serves(self) -> dict[str, Route[Any]]:
        def read(_received: Received) -> None:
            return None

        pulls = {"error_halfway": self._pull_breaks, "ends_halfway": self._pull_ends}
        return {
            self.main: Route(self._check, self._happy, self._replies(), charged=True),
            "GET /api/tags": Route(read, lambda _work: json_reply({"models": [*map(self._tag, self.models)]})),
            "GET /api/version": Route(read, lambda _work: json_reply({"version": "0.12.3"})),
            "POST /api/show": Route(self._check_named, lambda name: self._show(self._there(name))),
            "POST /api/pull": Route(self._check_pull, self._pull, pulls),
        }

    def form(self, refused: Refused) -> Reply:
        return json_reply({"error": refused.message}, refused.status, refused.headers)

    def explain(self, wrong: WrongField) -> Refused:
        if wrong.name == "options.num_ctx":
            return Refused(400, f"invalid option: num_ctx {wrong.value}")
        value = repr(wrong.value)[:80]
        said = {
            "unknown": f'json: unknown field "{wrong.name}"',
            "missing": f"{wrong.name} is required",
            "type": f"json: cannot unmarshal {value} into Go struct field .{wrong.name}",
        }
        return Refused(400, said.get(wrong.reason, f"invalid {wrong.name}: {value}"))

    def _body(self, received: Received, fields: Mapping[str, Field]) -> dict[str, Any]:
        if not isinstance(received.body, dict):
            raise Refused(400, "missing request body")
        body: dict[str, Any] = received.body
        check(fields, body)
        return body

    def _there(self, name: str) -> str:
        if tagged(name) not in self.models:
            raise Refused(404, f"model '{name}' not found")
        return tagged(name)

    def _check(self, received: Received) -> Turn:
        body = self._body(received, FIELDS)
        for number, message in enumerate(body["messages"]):
            check(MESSAGE, message, f"messages[{number}].")
        options = body.get("options") or {}
        check(OPTIONS, options, "options.")
        capabilities = self.models[self._there(body["model"])]
        if body.get("think") and "thinking" not in capabilities:
            raise Refused(400, f'"{body["model"]}" does not support thinking')
        format_ = body.get("format")
        if not (format_ in (None, "", "json") or isinstance(format_, dict)):
            raise Refused(400, f'invalid format: {format_!r}; expected "json" or a valid JSON Schema object')
        kept, dropped = cut_context(body["messages"], options.get("num_ctx", self.context))
        self.cut.append(dropped)
        schema = format_ if isinstance(format_, dict) else None
        limit = options.get("num_predict", -1)
        right = self.answer(kept, schema)
        asked = tokens("".join(each["content"] for each in kept))
        return Turn(body, schema, right, limit if limit > 0 else None, asked)

    def _happy(self, turn: Turn) -> Reply:
        return self._said(turn, *cut_to(turn.text, turn.limit))

    def _said(self, turn: Turn, content: str, finish: str = STOP, thinking: str = "", **more: Any) -> Reply:
        thought = thinking or ("先想一想。" if turn.body.get("think") else "")
        message = {"role": "assistant", "content": content, **({"thinking": thought} if thought else {})}
        head = {"model": turn.body["model"], "created_at": "2026-01-02T03:04:05.678901Z"}
        counts = {"prompt_eval_count": turn.prompt_tokens, "eval_count": tokens(content), "total_duration": 5_000_000}
        end = {"done": True, "done_reason": finish, **counts, **more}
        if not turn.body.get("stream", True):
            return json_reply({**head, "message": message, **end})
        parts: list[dict[str, Any]] = [
            {"content": "", "thinking": thought[at : at + 8]} for at in range(0, len(thought), 8)
        ]
        parts += [{"content": content[at : at + 8]} for at in range(0, len(content), 8)]
        lines = [{**head, "message": {"role": "assistant", **part}, "done": False} for part in parts]
        return self._lines([*lines, {**head, "message": {"role": "assistant", "content": ""}, **end}])

    def _lines(self, lines: list[dict[str, Any]]) -> Reply:
        content = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines).encode()
        return Reply(content=content, content_type="application/x-ndjson", piece=PIECE)

    def _replies(self) -> dict[str, Callable[[Turn], Reply]]:
        def broken(name: str) -> Callable[[Turn], Reply]:
            return lambda turn: self._said(turn, *turn.broken(BROKEN[name]))

        def fails(status: int, message: str) -> Callable[[Turn], Reply]:
            return lambda _turn: json_reply({"error": message}, status)

        return {
            **{name: broken(name) for name in BROKEN},
            "answer_in_thinking": lambda turn: self._said(turn, "", thinking=turn.text),
            "answer_in_both": lambda turn: self._said(turn, turn.text, thinking=turn.text),
            "only_loaded": lambda turn: self._said(turn, "", "load"),
            "finish_length": lambda turn: self._said(turn, turn.text[: len(turn.text) // 2], "length"),
            "model_not_found": lambda turn: fails(404, f"model '{turn.body['model']}' not found")(turn),
            "out_of_memory": fails(500, NO_MEMORY),
            "out_of_gpu_memory": fails(500, NO_GPU_MEMORY),
            "server_busy": fails(503, "server busy, please try again.  maximum pending requests exceeded"),
            "error_halfway": self._breaks,
            "ends_halfway": self._ends,
            "message_missing": lambda turn: json_reply({"model": turn.body["model"], "done": True}),
            "error_with_200": fails(200, "unexpected EOF"),
        }

    def _breaks(self, turn: Turn) -> Reply:
        if not turn.body.get("stream", True):
            return json_reply({"error": NO_GPU_MEMORY}, 500)
        return self._lines([*self._half(turn), {"error": NO_GPU_MEMORY}])

    def _ends(self, turn: Turn) -> Reply:
        """Without a line that says it is done."""
        return (
            self._lines(self._half(turn))
            if turn.body.get("stream", True)
            else Reply(content=self._happy(turn).content[:40])
        )

    def _half(self, turn: Turn) -> list[dict[str, Any]]:
        lines = self._happy(turn).content.decode().splitlines()
        return [json.loads(line) for line in lines[: len(lines) // 2]]

    def _check_named(self, received: Received) -> str:
        name: str = self._body(received, {"model": NAMED["model"], "verbose": Field("truth")})["model"]
        return name

    def _check_pull(self, received: Received) -> tuple[str, bool]:
        body = self._body(received, NAMED)
        return tagged(body["model"]), body.get("stream", True)

    def _pull(self, asked: tuple[str, bool]) -> Reply:
        name, streamed = asked
        if name not in self.pullable and name not in self.models:
            return self._told([{"error": "pull model manifest: file does not exist"}], streamed)
        self.models.setdefault(name, ("completion", "tools", "thinking"))
        return self._told(
            [*self._progress(), *({"status": said} for said in ("verifying sha256 digest", "success"))], streamed
        )

    def _pull_breaks(self, asked: tuple[str, bool]) -> Reply:
        return self._told([*self._progress()[:3], {"error": "max retries exceeded: unexpected EOF"}], asked[1])

    def _pull_ends(self, asked: tuple[str, bool]) -> Reply:
        return self._told(self._progress()[:3], asked[1])

    def _progress(self) -> list[dict[str, Any]]:
        layer = {"status": f"pulling {DIGEST[7:19]}", "digest": DIGEST, "total": LAYER}
        done = [{**layer, "completed": LAYER * part // 4} for part in range(5)]
        return [{"status": "pulling manifest"}, layer, *done]

    def _told(self, lines: list[dict[str, Any]], streamed: bool) -> Reply:
        """Every line, or the last one alone."""
        return self._lines(lines) if streamed else json_reply(lines[-1], 500 if "error" in lines[-1] else 200)

    def _tag(self, name: str) -> dict[str, Any]:
        details = {
            "format": "gguf",
            "family": name.partition(":")[0],
            "parameter_size": "8B",
            "quantization_level": "Q4_K_M",
        }
        when = "2026-01-02T03:04:05.678901Z"
        return {
            "name": name,
            "model": name,
            "modified_at": when,
            "size": LAYER,
            "digest": DIGEST[7:],
            "details": details,
        }

    def _show(self, name: str) -> Reply:
        family = name.partition(":")[0]
        info = {"general.architecture": family, f"{family}.context_length": 40_960}
        details = self._tag(name)["details"]
        return json_reply(
            {
                "details": details,
                "model_info": info,
                "capabilities": list(self.models[name]),
                "template": "",
                "parameters": "",
            }
        )
