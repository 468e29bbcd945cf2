"""The parameters of a request, from all three places that clients put them: query string, JSON body, form.

**Precedence**: query string first, body second. The Go backend read nothing but the query string, so where a client sends a parameter in
both, the query's is what always counted. An empty value never hides one that is not.

A body that starts with `{` is JSON whatever its content type says (curl calls everything a form). An empty body is no error, whatever
its content type. A name's spelling is folded later, by `service.schemas.parse`; here `StoryText` and `story_text` count as one.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn, TypeVar
from urllib.parse import unquote_to_bytes

from flask import Request
from werkzeug.exceptions import RequestEntityTooLarge

from common.errors import InvalidInput
from config.settings import Settings
from routers.multipart import MULTIPART, text_of
from service import fields, schemas

FORM = "application/x-www-form-urlencoded"
MAX_DEPTH = 64  # of a JSON body; clients send four levels
PARAMETERS = 2  # the level of the values that have a parameter's name
MAX_DIGITS = 100  # of a whole number in it
_HALF_A_PAIR = re.compile(r"[\ud800-\udfff]")

R = TypeVar("R", bound=schemas.Request)


def parse(model: type[R], request: Request, settings: Settings, *, with_body: bool = True) -> R:
    """What the request asks for, in its query string alone where its body holds no parameters; raises `InvalidInput`."""
    return schemas.parse(model, read(request, with_body=with_body), settings)


def read(request: Request, *, with_body: bool = True) -> dict[str, Any]:
    """All parameters of a request, as the client spelt them; raises `InvalidInput`."""
    found: dict[str, tuple[str, Any]] = {}
    for name, value in (*urlencoded(request.query_string), *(_body(request) if with_body else ())):
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
            yield name, text_of(name, unquote_to_bytes(raw_value.replace(b"+", b" ")))


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
    """The object that a body holds, {} for null; raises `InvalidInput` for what is no JSON, and for what nothing after it can take."""
    try:
        value = json.loads(
            body, parse_constant=_no_constant, parse_int=_int, parse_float=_float, object_pairs_hook=_without_doubles
        )
    except RecursionError as error:
        raise _too_deep() from error
    except ValueError as error:
        raise InvalidInput("body", "请求体不是有效的 JSON") from error
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise InvalidInput("body", "请求体必须是 JSON 对象")
    _check_tree(value)
    return value


def _check_tree(value: Any) -> None:
    """Level by level: whoever calls itself for each of them runs out of stack. Parameters' own texts are left to who knows their names."""
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > MAX_DEPTH + 1:  # the innermost level is that of the values
            raise _too_deep()
        for text in (text for item in level for text in _texts(item, depth)):
            if isinstance(text, str) and _HALF_A_PAIR.search(text):
                raise InvalidInput("body", "请求体不是有效的 UTF-8 文本：含有半个 UTF-16 字符")
        level = [child for item in level for child in _children(item)]


def _texts(item: Any, depth: int) -> Iterable[Any]:
    if isinstance(item, dict):
        return item
    return () if depth == PARAMETERS else (item,)


def _children(item: Any) -> Iterable[Any]:
    if isinstance(item, dict):
        return item.values()
    return item if isinstance(item, list) else ()


def _too_deep() -> InvalidInput:
    return InvalidInput("body", f"请求体的 JSON 嵌套过深：最多 {MAX_DEPTH} 层")


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        counts = Counter(name for name, _ in pairs)
        double = next(name for name, count in counts.items() if count > 1)
        raise InvalidInput("body", f"请求体的 JSON 有重复的键：{fields.shorten(double)}")
    return found


def _int(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise InvalidInput("body", f"请求体的 JSON 含有过长的数字：最多 {MAX_DIGITS} 位")
    return int(text)


def _float(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise InvalidInput("body", f"请求体的 JSON 含有过大的数字：{fields.shorten(text)}")
    return number


def _no_constant(name: str) -> NoReturn:
    raise InvalidInput("body", f"请求体不是有效的 JSON：{name} 不是数字")
