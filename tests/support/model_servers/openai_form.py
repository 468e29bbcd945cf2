"""What the OpenAI-compatible servers have in common: the form of errors, bearer keys, the list of models."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tests.support.model_servers.base import ModelServer, Refused, Route
from tests.support.model_servers.exchange import Received, Reply, json_reply
from tests.support.model_servers.fields import Field, WrongField, check

WORDS = {
    "unknown": ("Unknown parameter: '{name}'.", "unknown_parameter"),
    "missing": ("Missing required parameter: '{name}'.", "missing_required_parameter"),
    "type": ("Invalid type for '{name}': expected {type}, but got {value} instead.", "invalid_type"),
    "range": ("Invalid '{name}': {value} is not between {low} and {high}.", "value_out_of_range"),
    "choice": ("Invalid value: {value}. Supported values are: {choices}.", "invalid_value"),
    "short": ("Invalid '{name}': expected a minimum length of {shortest}.", "string_below_min_length"),
    "long": ("Invalid '{name}': expected a maximum length of {longest}.", "string_above_max_length"),
}
KINDS = {400: "invalid_request_error", 401: "invalid_request_error", 429: "requests", 404: "invalid_request_error"}


class OpenAIServer(ModelServer):
    """`base` is what users configure: the address with `/v1`. It knows `models` and takes `extra_fields` beyond OpenAI's own."""

    def __init__(
        self, *, models: Iterable[str] = ("stand-in",), extra_fields: Mapping[str, Field] | None = None, **common: Any
    ) -> None:
        self.models = tuple(models)
        self.extra_fields = dict(extra_fields or {})
        super().__init__(**common)

    @property
    def base(self) -> str:
        return f"{self.url}/v1"

    def serves(self) -> dict[str, Route[Any]]:
        return {"GET /v1/models": Route(lambda _received: None, lambda _work: self._models())}

    def form(self, refused: Refused) -> Reply:
        error = {
            "message": refused.message,
            "type": KINDS.get(refused.status, "server_error" if refused.status >= 500 else "invalid_request_error"),
            "param": refused.param,
            "code": refused.code,
        }
        return json_reply({"error": error}, refused.status, refused.headers)

    def explain(self, wrong: WrongField) -> Refused:
        text, code = WORDS[wrong.reason]
        known = vars(wrong.field) if wrong.field else {}
        said = {**known, "name": wrong.name, "value": repr(wrong.value)[:80]}
        return Refused(400, text.format(**said), code, wrong.name)

    def checked(self, received: Received, fields: Mapping[str, Field]) -> dict[str, Any]:
        """A request's JSON object, its fields and its model checked."""
        if not isinstance(received.body, dict):
            raise Refused(400, "The body of the request must be a JSON object.", "invalid_json")
        check({**fields, **self.extra_fields}, received.body)
        self.check_model(received.body.get("model"))
        return received.body

    def check_model(self, name: Any) -> None:
        """Refuse a model that is not there."""
        if name is not None and name not in self.models:
            message = f"The model '{name}' does not exist or you do not have access to it."
            raise Refused(404, message, "model_not_found", "model")

    def _models(self) -> Reply:
        data = [
            {"id": name, "object": "model", "created": 1_700_000_000, "owned_by": "stand-in"} for name in self.models
        ]
        return json_reply({"object": "list", "data": data})
