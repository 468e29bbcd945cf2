"""The matcher of recorded shapes finds what is wrong."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.shape import misfits

SHAPE = {"id": "str", "at": "time:zero", "n": "number", "ok": "bool", "link": "url", "list": ["str"], "empty": []}
GOOD: dict[str, Any] = {
    "id": "",
    "at": "2026-01-02T03:04:05Z",
    "n": 0,
    "ok": False,
    "link": "http://a/b",
    "list": ["a"],
    "empty": [],
}


def test_what_fits_has_no_misfits() -> None:
    assert misfits(SHAPE, {**GOOD, "more": None}) == []


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("id", None),
        ("id", 1),
        ("at", "2026-01-02T03:04:05.5Z"),
        ("at", "2026-01-02 03:04:05"),
        ("at", ""),
        ("n", 1.0),
        ("n", "1"),
        ("n", True),
        ("ok", 0),
        ("link", "/b"),
        ("list", None),
        ("list", [1]),
        ("empty", {}),
    ],
)
def test_another_type_is_a_misfit(key: str, value: Any) -> None:
    assert len(misfits(SHAPE, {**GOOD, key: value})) == 1


@pytest.mark.parametrize("key", sorted(SHAPE))
def test_a_missing_key_is_a_misfit(key: str) -> None:
    assert misfits(SHAPE, {name: value for name, value in GOOD.items() if name != key}) == [f"$.{key} is missing"]
