"""pydantic's findings as the text that a client reads."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from common.errors import InvalidInput
from service.fields import shorten

_ERROR_TEXTS = {
    "missing": "不能为空",
    "string_type": "必须是文本",
    "string_too_long": "最多 {max_length} 个字符",
    "greater_than_equal": "不能小于 {ge}，收到 {input}",
    "less_than_equal": "不能大于 {le}，收到 {input}",
    "literal_error": "只能是 {expected}，收到 {input}",
    "bool_parsing": "只能是 true 或 false，收到 {input}",
    "bool_type": "只能是 true 或 false，收到 {input}",
    "int_from_float": "必须是整数，收到 {input}",
    "int_parsing": "必须是整数，收到 {input}",
    "int_parsing_size": "数字过大",
    "int_type": "必须是整数",
    "float_parsing": "必须是数字，收到 {input}",
    "float_type": "必须是数字",
    "finite_number": "必须是有限的数字",
    "value_error": "{error}",
}


def translate(error: ValidationError, spelt: Mapping[str, str]) -> InvalidInput:
    """The first finding as an `InvalidInput`; `spelt` gives a field's name as the client wrote it."""
    first = error.errors(include_url=False)[0]
    field = str(first["loc"][0])
    name = spelt.get(field, field)
    return InvalidInput(name, f"{name} {_error_text(first)}")


def _error_text(finding: ErrorDetails) -> str:
    template = _ERROR_TEXTS.get(finding["type"], "无效")
    values = {key: str(value) for key, value in finding.get("ctx", {}).items()}
    values["expected"] = (
        values.get("expected", "").replace("'", "").replace(" or ", "、").replace(", ", "、").strip("、")
    )
    return template.format(**{**values, "input": shorten(finding["input"])})
