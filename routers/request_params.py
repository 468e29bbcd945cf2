"""The parameters of a request, from all three places that clients put them: query string, JSON body, form.

**Precedence**: query string first, body second. The Go backend read nothing but the query string, so where a client sends a parameter in
both, the query's is what always counted. An empty value never hides one that is not.

A body that starts with `{` is JSON whatever its content type says (curl calls everything a form). An empty body is no error, whatever
its content type. A name's spelling is folded later, by `service.schemas.parse`; here `StoryText` and `story_text` count as one.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn, TypeVar
from urllib.parse import unquote_to_bytes

from flask import Request
from werkzeug.exceptions import RequestEntityTooLarge

from common.errors import InvalidInput
from config.settings import Settings
from service import schemas

FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"

R = TypeVar("R", bound=schemas.Request)


def parse(model: type[R], request: Request, settings: Settings) -> R:
    """What the request asks for; raises `InvalidInput`."""
    return schemas.parse(model, read(request), settings)


def read(request: Request) -> dict[str, Any]:
    """All parameters of a request, as the client spelt them; raises `InvalidInput`."""
    found: dict[str, tuple[str, Any]] = {}
    for name, value in (*urlencoded(request.query_string), *_body(request)):
        folded = schemas.fold(name)
        if folded not in found or found[folded][1] in (None, ""):
            found[folded] = (name, value)
    return dict(found.values())


def urlencoded(text: bytes) -> Iterable[tuple[str, str]]:
    """The pairs of a query string or form: `&` divides, `;` does not, `+` is a blank; must be UTF-8."""
    for pair in text.split(b"&"):
        if pair:
            raw_name, _, raw_value = pair.partition(b"=")
            name = unquote_to_bytes(raw_name.replace(b"+", b" ")).decode("utf-8", "replace")
            try:
                yield name, unquote_to_bytes(raw_value.replace(b"+", b" ")).decode()
            except UnicodeDecodeError as error:
                raise InvalidInput(name, f"{name} 不是有效的 UTF-8 文本") from error


def _body(request: Request) -> Iterable[tuple[str, Any]]:
    if request.mimetype == MULTIPART:
        return request.form.items()
    body = body_of(request).strip()
    if not body:
        return ()
    if request.is_json or body.startswith(b"{"):
        return json_object(body).items()
    if request.mimetype == FORM:
        return urlencoded(body)
    raise InvalidInput("body", "请求体必须是 JSON 对象或表单")


def body_of(request: Request) -> bytes:
    """The whole body; raises `RequestEntityTooLarge`. Of one without a length, werkzeug's stream would hide what is over the limit."""
    body = request.get_data()
    limit = request.max_content_length
    if request.content_length is None and limit is not None and len(body) >= limit:
        raise RequestEntityTooLarge
    return body


def json_object(body: bytes) -> Mapping[str, Any]:
    try:
        value = json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise InvalidInput("body", "请求体不是有效的 JSON") from error
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise InvalidInput("body", "请求体必须是 JSON 对象")
    return value


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
