"""Answers made from a JSON schema, wherever a request has one, and a check of whether one fits."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

Schema = dict[str, Any]
USUAL_ITEMS = 3
DEFAULT: Schema = {
    "type": "object",
    "required": ["scenes"],
    "properties": {
        "scenes": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["title", "prompt", "narration"],
                "properties": {name: {"type": "string"} for name in ("title", "prompt", "narration")},
            },
        }
    },
}
COUNT = re.compile(r"(\d+)\s*(?:个|幕|格|scenes?\b|shots?\b|panels?\b)", re.IGNORECASE)


def made(schema: Schema) -> Any:
    """A value that fits: texts, no two the same, arrays as short as allowed (three where it does not matter), every property."""
    return _made(schema, schema, "value", 1)


def _made(schema: Schema, root: Schema, name: str, number: int) -> Any:
    schema = _resolved(schema, root)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][(number - 1) % len(schema["enum"])]
    type_ = _type(schema)
    if type_ == "object":
        return {key: _made(each, root, key, number) for key, each in schema.get("properties", {}).items()}
    if type_ == "array":
        return _array(schema, root, name)
    if type_ == "string":
        text = f"{name} {number}：雨夜里的第{number}句。"
        return (text * (1 + schema.get("minLength", 0) // len(text)))[: schema.get("maxLength")]
    if type_ in ("integer", "number"):
        value = max(schema.get("minimum", number), min(number, schema.get("maximum", number)))
        return int(value) if type_ == "integer" else value
    return {"boolean": True, "null": None}[type_]


def _array(schema: Schema, root: Schema, name: str) -> list[Any]:
    count = max(schema.get("minItems", 0), min(USUAL_ITEMS, schema.get("maxItems", USUAL_ITEMS)))
    if "minItems" in schema:
        count = max(schema["minItems"], 1)
    return [_made(schema.get("items", {"type": "string"}), root, name, number) for number in range(1, count + 1)]


def _type(schema: Schema) -> str:
    type_ = schema.get("type", "object" if "properties" in schema else "array" if "items" in schema else "string")
    return str(next((each for each in type_ if each != "null"), "null") if isinstance(type_, list) else type_)


def _resolved(schema: Schema, root: Schema) -> Schema:
    if "$ref" in schema:
        found: Any = root
        for step in schema["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        return _resolved(found, root)
    for word in ("anyOf", "oneOf"):
        if word in schema:
            return _resolved(next((each for each in schema[word] if each.get("type") != "null"), schema[word][0]), root)
    if "allOf" in schema:
        merged: Schema = {}
        for each in schema["allOf"]:
            merged = {**merged, **_resolved(each, root)}
        return merged
    return schema


TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}


def misfits(schema: Schema, value: Any) -> list[str]:
    """Where a value does not fit a schema; empty: it fits."""
    return list(_misfits(schema, value, schema, "$"))


def _misfits(schema: Schema, value: Any, root: Schema, at: str) -> Iterator[str]:
    for word in ("anyOf", "oneOf"):
        if word in schema:
            if all(list(_misfits(each, value, root, at)) for each in schema[word]):
                yield f"{at}: none of {word}"
            return
    schema = _resolved(schema, root)
    types = schema.get("type", [])
    types = [types] if isinstance(types, str) else types
    if types and not any(
        isinstance(value, TYPES[each]) and (each == "boolean") == isinstance(value, bool) for each in types
    ):
        yield f"{at}: not {types}"
        return
    if value not in schema.get("enum", [value]) or value != schema.get("const", value):
        yield f"{at}: not among the values"
    if isinstance(value, dict):
        yield from _object_misfits(schema, value, root, at)
    elif isinstance(value, list):
        yield from _out_of(schema, "Items", len(value), at)
        for index, each in enumerate(value):
            yield from _misfits(schema.get("items", {}), each, root, f"{at}[{index}]")
    elif isinstance(value, str):
        yield from _out_of(schema, "Length", len(value), at)
    elif isinstance(value, (int, float)) and not schema.get("minimum", value) <= value <= schema.get("maximum", value):
        yield f"{at}: out of range"


def _object_misfits(schema: Schema, value: dict[str, Any], root: Schema, at: str) -> Iterator[str]:
    known = schema.get("properties", {})
    yield from (f"{at}.{name}: missing" for name in schema.get("required", []) if name not in value)
    if schema.get("additionalProperties") is False:
        yield from (f"{at}.{name}: unknown" for name in value if name not in known)
    for name, each in value.items():
        yield from _misfits(known.get(name, {}), each, root, f"{at}.{name}")


def _out_of(schema: Schema, of: str, count: int, at: str) -> Iterator[str]:
    if not schema.get(f"min{of}", 0) <= count <= schema.get(f"max{of}", count):
        yield f"{at}: {count} {of.lower()}"


def not_strict(schema: Schema, at: str = "()") -> str:
    """What keeps a schema from OpenAI's strict mode; empty: nothing."""
    if at == "()" and schema.get("type") != "object":
        return f"schema must be a JSON Schema of 'type: \"object\"', got 'type: \"{schema.get('type')}\"'."
    if "properties" in schema or schema.get("type") == "object":
        if schema.get("additionalProperties") is not False:
            return f"In context={at}, 'additionalProperties' is required to be supplied and to be false."
        if set(schema.get("required", [])) != set(schema.get("properties", {})):
            return f"In context={at}, 'required' is required to be supplied and to be an array including every key in properties."
    inner = [
        *schema.get("properties", {}).items(),
        *schema.get("$defs", {}).items(),
        ("items", schema.get("items", {})),
    ]
    return next((fault for name, each in inner if each and (fault := not_strict(each, f"('{name}')"))), "")


def schema_in(texts: list[str]) -> Schema:
    """The schema that a prompt describes: one that it holds, or that of an example in it; else that of some scenes."""
    asked = [int(found[1]) for text in texts for found in COUNT.finditer(text)]
    for value in (each for text in texts for each in _objects(text)):
        if isinstance(value, dict) and {"properties", "$defs"} & set(value):
            return value
        if value and not (isinstance(value, list) and not isinstance(value[0], dict)):
            return like(value, asked[-1] if asked else None)
    return like(made(DEFAULT), asked[-1] if asked else None)


def _objects(text: str) -> Iterator[Any]:
    """The JSON objects and arrays within a text."""
    at = 0
    while (found := re.compile(r"[{\[]").search(text, at)) is not None:
        try:
            value, at = json.JSONDecoder().raw_decode(text, found.start())
        except ValueError:
            at = found.end()
        else:
            yield value


def like(value: Any, count: int | None = None) -> Schema:
    """The schema of an example; its arrays of objects have `count` members where that is known."""
    if isinstance(value, dict):
        properties = {name: like(each, count) for name, each in value.items()}
        return {"type": "object", "properties": properties, "required": list(value)}
    if isinstance(value, list):
        items = like(value[0], count) if value else {"type": "string"}
        many = {"minItems": count} if count and value and isinstance(value[0], dict) else {}
        return {"type": "array", "items": items, **many}
    name = next((name for name in ("boolean", "integer", "number", "string") if isinstance(value, TYPES[name])), "null")
    return {"type": name}
