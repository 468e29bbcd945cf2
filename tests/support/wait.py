"""Waiting for a condition instead of for a time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Value = TypeVar("Value")
INTERVAL_S = 0.02


def wait_until(predicate: Callable[[], Value], timeout: float = 60.0, what: str = "") -> Value:
    """The first true value of the predicate; an assertion error when none came within `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while True:
        late = time.monotonic() > deadline  # asked before the look, so that the last look comes after the time
        value = predicate()
        if value:
            return value
        if late:
            raise AssertionError(f"{what or predicate} did not come true within {timeout} s, last: {value!r}")
        time.sleep(INTERVAL_S)
