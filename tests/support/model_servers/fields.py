"""Which fields a request may have, and what is wrong with one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

TYPES: dict[str, tuple[type, ...]] = {
    "text": (str,),
    "number": (int, float),
    "integer": (int,),
    "truth": (bool,),
    "list": (list,),
    "object": (dict,),
    "any": (object,),
}


@dataclass(frozen=True)
class Field:
    """A field's type and limits; `longest` and `shortest` count characters or members."""

    type: str = "text"
    required: bool = False
    low: float | None = None
    high: float | None = None
    choices: tuple[Any, ...] = ()
    shortest: int = 0
    longest: int | None = None


class WrongField(Exception):
    """`reason` is one of unknown, missing, type, range, choice, short, long."""

    def __init__(self, name: str, reason: str, field: Field | None = None, value: Any = None) -> None:
        super().__init__(f"{name}: {reason}")
        self.name, self.reason, self.field, self.value = name, reason, field, value


def check(fields: Mapping[str, Field], given: Mapping[str, Any], prefix: str = "") -> None:
    """Raise `WrongField` for the first field that is not as it should be; null stands for an optional one that is left out."""
    for name in given:
        if name not in fields:
            raise WrongField(prefix + name, "unknown", None, given[name])
    for name, field in fields.items():
        if name not in given or (given[name] is None and not field.required):
            if field.required:
                raise WrongField(prefix + name, "missing", field)
            continue
        reason = _wrong(field, given[name])
        if reason:
            raise WrongField(prefix + name, reason, field, given[name])


def check_form(fields: Mapping[str, Field], given: Mapping[str, str]) -> dict[str, Any]:
    """The same for a form, whose numbers come as text; the values in their types."""
    values = {name: _number(fields[name], value) if name in fields else value for name, value in given.items()}
    check(fields, values)
    return values


def _number(field: Field, value: str) -> Any:
    for type_ in {"integer": (int,), "number": (int, float)}.get(field.type, ()):
        try:
            return type_(value)
        except ValueError:
            continue
    return value


def _wrong(field: Field, value: Any) -> str:
    if not _is(field.type, value):
        return "type"
    if field.choices and value not in field.choices:
        return "choice"
    if (field.low is not None and value < field.low) or (field.high is not None and value > field.high):
        return "range"
    if field.shortest and len(value) < field.shortest:
        return "short"
    return "long" if field.longest is not None and len(value) > field.longest else ""


def _is(type_: str, value: Any) -> bool:
    """Whether a value is of this type; true and false are no numbers."""
    return isinstance(value, TYPES[type_]) and not (isinstance(value, bool) and type_ in ("number", "integer"))
