"""What a node says of who made a job and what it took, and what of that is believed."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from service.node.usage import added, read_usage, total_cost

GOOD = {"provider": "openai", "model": "m", "units": {"characters": 120, "images": 1.5}, "cost": "0.0018"}


def test_what_a_node_says_is_kept() -> None:
    result = {"made_by": {"provider": "openai", "model": "m", "more": 1}, "usage": [GOOD, {**GOOD, "cost": "1"}]}
    found = read_usage(result)
    assert found == {"made_by": {"provider": "openai", "model": "m"}, "usage": [GOOD, {**GOOD, "cost": "1"}]}
    assert total_cost(found) == Decimal("1.0018")


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ({"seed": 7, "prompt": " a cat\x00 "}, {"seed": 7, "prompt": "a cat"}),
        ({"seed": 0}, {"seed": 0}),
        ({"seed": -1, "prompt": ["a"]}, {}),
        ({"seed": True, "prompt": ""}, {}),
        ({"seed": "7"}, {}),
        ({"seed": 2**63}, {}),
        ({"prompt": "a" * 9000}, {"prompt": "a" * 5000}),
    ],
)
def test_a_pictures_seed_and_prompt_are_kept_where_they_can_be_such(told: dict[str, Any], kept: dict[str, Any]) -> None:
    found = read_usage({"made_by": {"provider": "openai", "model": "m", **told}})
    assert found == {"made_by": {"provider": "openai", "model": "m", **kept}}


@pytest.mark.parametrize(
    "result",
    [
        {},
        {"made_by": "me", "usage": 5},
        {"made_by": {}, "usage": []},
        {"made_by": {"provider": 5}, "usage": ["x", None]},
    ],
)
def test_a_node_that_says_nothing_of_use_leaves_nothing(result: dict[str, Any]) -> None:
    assert read_usage(result) == {}


@pytest.mark.parametrize("cost", [5, None, "", "-1", "1e9", "NaN", "Infinity", "9" * 40, "0." + "1" * 40, "１", [], {}])
def test_a_cost_that_is_no_plain_decimal_text_costs_nothing(cost: Any) -> None:
    found = read_usage({"usage": [{**GOOD, "cost": cost}]})
    assert found["usage"][0]["cost"] == "0"
    assert total_cost(found) == 0


def test_units_and_names_are_bounded() -> None:
    units = {
        "characters": True,
        "images": -1,
        "seconds": float("nan"),
        "input_tokens": 10**400,
        "output_tokens": 7,
        "other": 1,
    }
    found = read_usage({"usage": [{"provider": "p" * 5000, "model": None, "units": units}] * 100})
    assert len(found["usage"]) == 20
    assert found["usage"][0] == {"provider": "p" * 100, "model": "", "units": {"output_tokens": 7}, "cost": "0"}


@pytest.mark.parametrize(
    ("before", "sum_"), [(None, "0.1"), ("", "0.1"), ("0.2", "0.3"), ("9.9", "10"), ("junk", "0.1")]
)
def test_costs_add_up_exactly(before: str | None, sum_: str) -> None:
    assert added(before, Decimal("0.10")) == sum_
