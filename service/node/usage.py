"""What a job took, by whom and for how much, as a node says: cleaned, since it may say anything."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from service.node.responses import clean_text

MOST = 20
MAX_NAME = 100  # characters
UNITS = ("input_tokens", "output_tokens", "characters", "images", "seconds")
MAX_PROMPT = 5000  # characters
MAX_SEED = 2**63
MAX_UNITS = 1e12
_COST = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,18})?")

Usage = dict[str, Any]


def read_usage(result: Mapping[str, Any]) -> Usage:
    """Of a job's result: `made_by` `{provider, model}`, of pictures and clips with `seed` and `prompt`, and `usage`, a list of
    `{provider, model, units, cost}`; each where it is there."""
    made_by, listed = result.get("made_by"), result.get("usage")
    found = [_entry(each) for each in listed[:MOST] if isinstance(each, dict)] if isinstance(listed, list) else []
    known: Usage = {}
    if isinstance(made_by, dict) and clean_text(made_by.get("provider"), MAX_NAME):
        known["made_by"] = {**_names(made_by), **_how(made_by)}
    if found:
        known["usage"] = found
    return known


def _names(given: Mapping[str, Any]) -> dict[str, str]:
    return {name: clean_text(given.get(name), MAX_NAME) for name in ("provider", "model")}


def _how(given: Mapping[str, Any]) -> dict[str, Any]:
    seed, prompt = given.get("seed"), clean_text(given.get("prompt"), MAX_PROMPT)
    is_seed = isinstance(seed, int) and not isinstance(seed, bool) and 0 <= seed < MAX_SEED
    return {**({"seed": seed} if is_seed else {}), **({"prompt": prompt} if prompt else {})}


def _entry(given: Mapping[str, Any]) -> Usage:
    units = given.get("units")
    amounts = {unit: units[unit] for unit in UNITS if _is_amount(units.get(unit))} if isinstance(units, dict) else {}
    cost = clean_text(given.get("cost"), MAX_NAME)
    return {**_names(given), "units": amounts, "cost": cost if _COST.fullmatch(cost) else "0"}


def _is_amount(given: object) -> bool:
    return isinstance(given, int | float) and not isinstance(given, bool) and 0 <= given < MAX_UNITS


def total_cost(result: Mapping[str, Any]) -> Decimal:
    """What a task's result says that it cost, all providers together."""
    listed = result.get("usage")
    return sum((Decimal(each["cost"]) for each in listed), Decimal(0)) if isinstance(listed, list) else Decimal(0)


def added(cost: str | None, more: Decimal) -> str:
    """A project's cost with some more; as decimal text, and at most as long as its column."""
    try:
        total = Decimal(cost or "0") + more
    except ArithmeticError:  # what else stands there
        total = more
    return f"{total.normalize():f}"[:64]
