"""How long what reads a text takes for texts that no person writes: `python -m bench.text [--length 20000] [--only cues] [--seconds 5]`.

Every function of server, film and node that reads or cleans a text which others wrote, by kinds of text (combining marks, endless words,
blanks, halves of pairs ...) of so many characters. Prints processor time in milliseconds: of the median kind, and of the slowest. A call
ends after `--seconds`, unless it is inside one call of C. Ends with 1 where one takes longer than 0.2 s.
`tests/integration/texts/test_growth.py` holds the ones that once did to growing no faster than the text.
"""

from __future__ import annotations

import argparse
import gc
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from rich.console import Console
from rich.table import Table

from bench.harness import machine, note
from bench.text_material import KINDS, REFUSALS, functions, text_of

LENGTH, LIMIT_S, LONGEST_S = 20_000, 0.2, 5.0
AGAIN = 2  # tries more for what seems slow: another process may have had the caches


class OutOfTimeError(BaseException):
    """Raised into the function under measurement, past whatever it catches."""


def main() -> int:
    """Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench.text", description=__doc__)
    parser.add_argument("--length", type=int, default=LENGTH, help="characters of each text")
    parser.add_argument("--only", default="", help="functions whose name has this in it")
    parser.add_argument("--seconds", type=float, default=LONGEST_S, help="of processor time for one call, at most")
    chosen = parser.parse_args()
    table = Table(title=f"{chosen.length} characters, milliseconds; {machine()}")
    for heading in ("function", "median kind", "slowest kind", "which"):
        table.add_column(heading, justify="right" if heading.endswith("kind") else "left")
    slow = []
    for name, function in functions().items():
        if chosen.only in name:
            times = of_all_kinds(function, chosen.length, chosen.seconds)
            worst, median = max(times, key=lambda kind: times[kind]), sorted(times.values())[len(times) // 2]
            note(f"  {name}: {times[worst] * 1000:.1f} ms, {worst}")
            table.add_row(name, f"{median * 1000:.1f}", f"{times[worst] * 1000:.1f}", worst)
            slow += [f"{name}, {kind}: {took:.2f} s" for kind, took in times.items() if took > LIMIT_S]
    Console(width=None if sys.stdout.isatty() else 140).print(table)
    for line in slow:
        print(f"over {LIMIT_S:g} s: {line}")
    return 1 if slow else 0


def of_all_kinds(function: Callable[[str], object], length: int, longest_s: float) -> dict[str, float]:
    """Seconds of processor time by kind of text."""
    answer(function, "春天来了。")  # what is made once is made now
    with undisturbed():
        return {kind: best_s(function, text_of(kind, length), longest_s) for kind in KINDS}


def best_s(function: Callable[[str], object], text: str, longest_s: float) -> float:
    """Seconds of one call, or the least of three where the first is over the limit; `longest_s` or more where it did not end."""
    took = cpu_s(function, text, longest_s)
    for _ in range(AGAIN if LIMIT_S < took < longest_s else 0):
        took = min(took, cpu_s(function, text, longest_s))
    return took


def cpu_s(function: Callable[[str], object], text: str, longest_s: float) -> float:
    """Seconds of this thread's processor time for one call."""
    started = time.thread_time()
    with suppress(OutOfTimeError), bounded(longest_s):
        answer(function, text)
    return time.thread_time() - started


def answer(function: Callable[[str], object], text: str) -> None:
    """Call it; that it refuses the text is as good."""
    with suppress(*REFUSALS):
        function(text)


@contextmanager
def bounded(seconds: float) -> Iterator[None]:
    """Raise `OutOfTimeError` after so many seconds of processor time."""

    def stop(*_signal: object) -> None:
        raise OutOfTimeError

    signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Without the garbage collector, whose turns come when they come."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


if __name__ == "__main__":
    sys.exit(main())
