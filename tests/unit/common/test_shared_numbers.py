"""Numbers that processes share."""

from __future__ import annotations

import os
import threading

import pytest

from common import shared_numbers
from common.shared_numbers import SharedNumbers


def added(numbers: SharedNumbers, name: str, amount: float, times: int = 1) -> None:
    for _ in range(times):
        add(numbers, name, amount)


def add(numbers: SharedNumbers, name: str, amount: float) -> None:
    if not numbers.add(name, amount):
        numbers.cell(name, name)
        numbers.add(name, amount)


def test_every_process_sees_what_each_counts_and_a_successor_goes_on() -> None:
    numbers = SharedNumbers(3)
    for place, name in ((0, "a"), (1, "a"), (1, "live b"), (1, "a")):  # the last takes the place of the one before
        if os.fork() == 0:
            numbers.join(place)
            added(numbers, name, 2.0)
            os._exit(0)
        os.wait()
    assert numbers.each() == [{"a": 2.0}, {"a": 4.0, "live b": 2.0}, {}]
    numbers.clear(1, "live ")
    assert numbers.each()[1] == {"a": 4.0, "live b": 0.0}


def test_threads_lose_nothing_and_a_name_is_there_once() -> None:
    numbers = SharedNumbers()
    threads = [threading.Thread(target=added, args=(numbers, "a", 1.0, 2000)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert numbers.each() == [{"a": 8000.0}]


def test_what_finds_no_room_is_not_counted_and_harms_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_numbers, "CELLS", 3)
    numbers = SharedNumbers(2)
    for name in "abcde":
        added(numbers, name, 1.0)
    numbers.set("f", 1.0)
    assert numbers.each() == [{"a": 1.0, "b": 1.0, "c": 1.0}, {}]
