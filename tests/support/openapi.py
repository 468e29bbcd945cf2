"""Holds answers against the OpenAPI document: a status, a type or a field that it lacks is a failure."""

from __future__ import annotations

import copy
import re
from fnmatch import fnmatch
from typing import Any

import jsonschema_rs
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from config.settings import Settings
from routers.openapi.document import build

JSON = "application/json"
NOT_ALLOWED, NOT_FOUND = 405, 404


def strict(schema: Any) -> Any:
    """The same schema, whose objects may have no other keys than those that it names."""
    if isinstance(schema, list):
        return [strict(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    made = {name: strict(value) for name, value in schema.items()}
    if isinstance(made.get("properties"), dict) and made.get("type") == "object":
        made.setdefault("additionalProperties", False)
    return made


DOCUMENT = build(Settings())
_COMPONENTS = {"components": strict(copy.deepcopy(DOCUMENT["components"]))}


def _pattern(path: str) -> re.Pattern[str]:
    parts = re.split(r"(\{\w+\})", path)
    text = "".join(
        re.escape(part) if not part.startswith("{") else ".+" if part in ("{key}", "{name}") else "[^/]+"
        for part in parts
    )
    return re.compile(f"{text}/?")


def _parameters(path: str) -> int:
    """A path that names more of itself comes before one that leaves it open."""
    return path.count("{")


_PATTERNS = {path: _pattern(path) for path in DOCUMENT["paths"]}


def described(method: str, path: str) -> dict[str, Any] | None:
    """What the document says of a route, None where it knows none."""
    fitting = sorted((known for known, pattern in _PATTERNS.items() if pattern.fullmatch(path)), key=_parameters)
    found = [DOCUMENT["paths"][known] for known in fitting]
    operations: list[dict[str, Any]] = [methods[method.lower()] for methods in found if method.lower() in methods]
    return operations[0] if operations else None


def misfits(schema: dict[str, Any], body: Any) -> list[str]:
    """What does not fit the schema, a line each."""
    validator = jsonschema_rs.validator_for({**_COMPONENTS, **strict(schema)})
    return [f"{'/'.join(map(str, error.instance_path))}: {error.message}" for error in validator.iter_errors(body)]


def check(method: str, path: str, status: int, content_type: str, body: Any) -> None:
    """Fail unless the document has this answer; `body` is what JSON holds."""
    operation = described(method, path)
    if operation is None:
        assert status in {NOT_FOUND, NOT_ALLOWED, 400, 414, 415}, f"{method} {path} is in no document"
        return
    assert str(status) in operation["responses"], f"{method} {path} may not answer {status}: {body}"
    content = operation["responses"][str(status)].get("content", {})
    if not content:
        return
    kind = content_type.partition(";")[0]
    fitting = [schema for known, schema in content.items() if fnmatch(kind, known)]
    assert fitting, f"{method} {path} may not answer {status} as {kind}"
    if kind == JSON and JSON in content:
        wrong = misfits(fitting[0]["schema"], body)
        assert wrong == [], f"{method} {path} {status}"


def check_message(body: Any) -> None:
    """Fail unless a task socket may say this."""
    _check_said("/tasks/{task_id}/wss", body)


def check_feed(body: Any) -> None:
    """Fail unless a project's socket may say this."""
    _check_said("/v1/api/projects/{project_id}/feed", body)


def _check_said(path: str, body: Any) -> None:
    answer = DOCUMENT["paths"][path]["get"]["responses"]["101"]
    assert misfits(answer["x-messages"], body) == []


class CheckedClient(FlaskClient):
    """A client of Flask's that checks whatever it is answered."""

    def open(self, *arguments: Any, **options: Any) -> TestResponse:
        answer = super().open(*arguments, **options)
        method = answer.request.method
        if method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
            body = answer.get_json(silent=True)
            check(method, answer.request.path, answer.status_code, answer.content_type or "", body)
        return answer
