"""Compares an answer with a recorded shape.

`str`, `time`, `number`, `bool` and `url` are types; `str:empty` and `time:zero` say what the recorded moment showed, and any text or time
fits them too. A list's single element is the shape of every element; the keys of an object must all be there, more are welcome.
"""

from __future__ import annotations

import re
from typing import Any

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)")


def misfits(shape: Any, actual: Any, where: str = "$") -> list[str]:
    """What does not fit, one line each; empty when everything does."""
    if isinstance(shape, dict):
        if not isinstance(actual, dict):
            return [f"{where}: {actual!r} is no object"]
        missing = [f"{where}.{key} is missing" for key in shape if key not in actual]
        return missing + [
            line for key in shape if key in actual for line in misfits(shape[key], actual[key], f"{where}.{key}")
        ]
    if isinstance(shape, list):
        if not isinstance(actual, list):
            return [f"{where}: {actual!r} is no list"]
        return [
            line
            for number, item in enumerate(actual)
            for of in shape
            for line in misfits(of, item, f"{where}[{number}]")
        ]
    return [] if _fits(str(shape).partition(":")[0], actual) else [f"{where}: {actual!r} is no {shape}"]


def _fits(kind: str, value: Any) -> bool:
    if kind == "number":
        return isinstance(value, int) and not isinstance(value, bool)
    if kind == "bool":
        return isinstance(value, bool)
    if not isinstance(value, str):
        return False
    if kind == "time":
        return _TIME.fullmatch(value) is not None
    if kind == "url":
        return value.startswith(("http://", "https://"))
    assert kind == "str", f"unknown kind {kind}"
    return True
