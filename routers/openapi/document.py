"""Builds the document out of the table of operations and the schemas."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from config.settings import Settings
from config.version import version
from routers.openapi import access
from routers.openapi.answers import Error
from routers.openapi.gateway_answers import GatewayError
from routers.openapi.operations import FORM, JSON, MULTIPART, OPERATIONS, V1, Operation
from routers.openapi.shot_answers import Outdated
from service import schemas

Json = dict[str, Any]

REFERENCE = "#/components/schemas/{model}"
SURFACES = ("/v1/api/", "/api/")
"""Whose reads have an ETag."""
EVERYWHERE = (400, 414, 500, 503)
WITH_BODY = (413, 415)
_KEYWORDS = {"ge": "minimum", "le": "maximum", "max_length": "maxLength"}
_ARGUMENT = re.compile(r":(\w+)")
DESCRIPTION = (
    "`/v1/api` takes its parameters from the query string, from a JSON object or from a form, in any spelling (`story_text`, `StoryText`); "
    "so does `/api`, whose clients send JSON. Unknown parameters are ignored. What is no HTTP, or over the limits of a request's "
    "head, is refused with 400, 417, 431 or 501 before it reaches a route, and another method than a route's with 405."
)


def build(settings: Settings) -> Json:
    """The OpenAPI document of a server with these settings."""
    components, references = _components(settings)
    paths: dict[str, Json] = {}
    for route, operation in OPERATIONS.items():
        method, path = route.split(" ")
        described = _operation(method, path, operation, components, references)
        described["security"] = access.requirements(settings, method, operation)
        paths.setdefault(_ARGUMENT.sub(r"{\1}", path), {})[method.lower()] = described
    return {
        "openapi": "3.1.0",
        "info": {"title": "StoryToVideo", "version": version(), "description": DESCRIPTION},
        "servers": access.SERVERS,
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": access.SCHEMES},
    }


def _components(settings: Settings) -> tuple[Json, dict[type[BaseModel], Json]]:
    """All schemas by name, and references to those of the operations."""
    models = [Error, GatewayError, Outdated]
    models += [one.request for one in OPERATIONS.values() if one.request is not None]
    models += [one.answer for one in OPERATIONS.values() if not isinstance(one.answer, str)]
    unique = [(model, "validation") for model in dict.fromkeys(models)]
    found, schema = models_json_schema(unique, ref_template=REFERENCE)  # type: ignore[arg-type]  # a tuple's literal
    components: Json = _named(schema["$defs"])
    for model in dict.fromkeys(models):
        if issubclass(model, schemas.Request):
            _add_limits(components[model.__name__], settings)
    references = {model: found[model, mode] for model, mode in found if issubclass(model, BaseModel)}
    return components, references


def _named(schema: Any) -> Any:
    """With JSON Schema's names of bounds: of a value that is looked at by a function first, pydantic leaves its own."""
    if isinstance(schema, list):
        return [_named(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {_KEYWORDS.get(name, name): _named(value) for name, value in schema.items()}


def _add_limits(schema: Json, settings: Settings) -> None:
    """What the settings bound, beside what the schema itself does."""
    properties = schema.get("properties", {})
    for name, most in schemas.longest(settings).items():
        if name in properties:
            for text in _of_type(properties[name], "string"):
                text["maxLength"] = most
    for number in _of_type(properties.get("shot_count", {}), "integer"):
        number.update(minimum=1, maximum=settings.story.max_shots)


def _of_type(schema: Json, name: str) -> list[Json]:
    return [one for one in (schema, *schema.get("anyOf", ())) if one.get("type") == name]


def _operation(
    method: str, path: str, operation: Operation, components: Json, references: dict[type[BaseModel], Json]
) -> Json:
    surface = path.split("/")[1] if path.startswith(("/v1/", "/api/")) else "server"
    names = _ARGUMENT.findall(path)
    body: Json = {
        "operationId": re.sub(r"\W+", "_", f"{method} {path}").lower(),
        "summary": operation.summary,
        "tags": [surface],
        "parameters": [_parameter("path", name, {"type": "string"}) for name in names],
        "responses": _responses(method, path, operation, references),
    }
    body["parameters"] += [_parameter("header", name, {"type": "string"}) for name in operation.headers]
    body["parameters"] += [access.IDEMPOTENCY_KEY] if operation.creates else []
    if operation.request is None:
        return body | ({"requestBody": _upload({})} if operation.uploads else {})
    asked = components[operation.request.__name__]
    if method == "GET" or f"{method} {path}" in V1:
        body["parameters"] += [_parameter("query", name, one) for name, one in asked["properties"].items()]
    if method != "GET":
        body["requestBody"] = _body(operation, references[operation.request], asked)
    return body


def _parameter(place: str, name: str, schema: Json) -> Json:
    """An object stands in the query string as JSON."""
    parameter: Json = {"name": name, "in": place, "required": place == "path"}
    is_object = any("$ref" in one for one in (schema, *schema.get("anyOf", ())))
    return {**parameter, **({"content": {JSON: {"schema": schema}}} if is_object else {"schema": schema})}


def _body(operation: Operation, reference: Json, asked: Json) -> Json:
    if operation.bodies:
        return {"content": {kind: {"schema": {"type": "string"}} for kind in operation.bodies}, "required": True}
    if operation.uploads:
        return _upload(asked["properties"])
    content: Json = {kind: {"schema": reference} for kind in (JSON, FORM)}
    return {"content": {**content, **(_upload({})["content"] if operation.or_file else {})}, "required": False}


def _upload(beside: Json) -> Json:
    """A form with a file."""
    properties = {"file": {"type": "string", "format": "binary"}, **beside}
    form = {"type": "object", "properties": properties, "required": ["file"]}
    return {"content": {MULTIPART: {"schema": form}}, "required": True}


def _responses(method: str, path: str, operation: Operation, references: dict[type[BaseModel], Json]) -> Json:
    errors = {
        *EVERYWHERE,
        *operation.errors,
        *access.refusals(method, operation),
        *(WITH_BODY if _has_body(method, operation) else ()),
    }
    if ":" in path:
        errors.add(HTTPStatus.NOT_FOUND)
    shape = references[GatewayError if path.startswith("/api/") else Error]
    found = {status: _response(status, JSON, shape) for status in errors}
    if HTTPStatus.PRECONDITION_FAILED in operation.errors:
        found[412] = _response(412, JSON, references[Outdated])
    kind = JSON if not isinstance(operation.answer, str) else operation.answer
    schema = {} if isinstance(operation.answer, str) else references[operation.answer]
    unchanged = {int(HTTPStatus.NOT_MODIFIED)} if method == "GET" and path.startswith(SURFACES) else set()
    for status in unchanged.union(operation.statuses):
        found[status] = _success(status, kind, schema, shape)
    return {str(status): found[status] for status in sorted(found)}


def _has_body(method: str, operation: Operation) -> bool:
    return method in ("POST", "PUT", "PATCH") or (method == "DELETE" and operation.request is not None)


def _success(status: int, kind: str, schema: Json, error: Json) -> Json:
    if status == HTTPStatus.SWITCHING_PROTOCOLS:
        messages = {"oneOf": [schema, error]}
        return {
            "description": "The connection is open. Its messages are `x-messages`, in JSON.",
            "x-messages": messages,
        }
    if status == HTTPStatus.NOT_MODIFIED:
        return {"description": HTTPStatus(status).phrase}
    if status in (HTTPStatus.PRECONDITION_FAILED, HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE):
        return _response(status, JSON, error)
    if status == HTTPStatus.SERVICE_UNAVAILABLE:  # of /readyz, or of any route
        return _response(status, JSON, {"anyOf": [schema, error]})
    return _response(status, kind, schema)


def _response(status: int, kind: str, schema: Json) -> Json:
    found: Json = {"description": HTTPStatus(status).phrase, "content": {kind: {"schema": schema} if schema else {}}}
    headers = access.headers(status)
    return {**found, "headers": headers} if headers else found
