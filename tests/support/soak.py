"""Which parameters of a dear test run with all tests, and which by `make soak`."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import pytest


def soaking(values: Iterable[Any], keep: int | Collection[Any]) -> list[Any]:
    """These parameters: the first so many of them, or those that are named, stand for the rest, which is marked as `soak`.

    Of each class of inputs one is to be kept.
    """
    listed = list(values)
    kept = listed[:keep] if isinstance(keep, int) else keep
    return [pytest.param(value, marks=() if value in kept else pytest.mark.soak) for value in listed]


def soaking_rows(rows: Iterable[tuple[Any, ...]], keep: int | Collection[tuple[Any, ...]]) -> list[Any]:
    """The same for parameters that come several at a time."""
    listed = list(rows)
    kept = listed[:keep] if isinstance(keep, int) else keep
    return [pytest.param(*row, marks=() if row in kept else pytest.mark.soak) for row in listed]
