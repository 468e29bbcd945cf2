"""Whether a function's time grows no faster than what it reads: ratios of processor time, which a busy machine does not change."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable

GROWTH = 2.5  # of twice the length: between what grows with it (2) and with its square (4)
NOISE_S = 0.005
SHORT_RUNS = 2  # of the shorter text, which would hide growth if it were measured too long
TRIES = 16


def assert_time_doubles_at_most(function: Callable[[str], object], unit: str, length: int) -> None:
    """Fail unless of a text of `unit` over and over twice `length` characters take about twice the time of `length`, or less.

    What is measured is the least of this thread's processor time in some runs: another process may have had the caches meanwhile.
    """
    short, long = ((unit * size)[:size] for size in (length, 2 * length))
    short_s = long_s = float("inf")
    for _ in range(TRIES):
        short_s = min(short_s, *(_processor_s(function, short) for _ in range(SHORT_RUNS)))
        long_s = min(long_s, _processor_s(function, long))
        if long_s <= GROWTH * short_s + NOISE_S:
            return
    raise AssertionError(f"{length} characters: {short_s:.3f} s, twice as many: {long_s:.3f} s")


def _processor_s(function: Callable[[str], object], text: str) -> float:
    enabled = gc.isenabled()
    gc.disable()  # its turns come when they come
    try:
        began = time.thread_time()
        function(text)
        return time.thread_time() - began
    finally:
        if enabled:
            gc.enable()
