"""What all benchmarks share: contenders by turns, the memory of a process tree, claims and their table.

Absolute times drift on any machine that does other things too, so that contenders take turns and only ratios are compared.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import psutil
from rich.console import Console
from rich.table import Table

SAMPLE_S = 0.05
MIB = 1 << 20


@dataclass(frozen=True)
class Claim:
    """One line of the table. `relation` is "<=" or ">=": how `us` must stand to `limit`; `peer` says what it is measured against."""

    name: str
    peer: str
    relation: str
    limit: float
    us: float
    unit: str = ""

    @property
    def holds(self) -> bool:
        """False also for a measurement that came out as NaN."""
        return self.us <= self.limit if self.relation == "<=" else self.us >= self.limit

    def say(self) -> str:
        """On one line, for whoever waits."""
        return f"{self.name}: {self.us:.4g}{self.unit} ({self.relation} {self.limit:g})"


class Cost(NamedTuple):
    """Seconds of wall and of processor time (children included)."""

    wall: float
    cpu: float


Contender = Callable[[], Cost]


def take_turns(contenders: Mapping[str, Contender], rounds: int) -> dict[str, list[Cost]]:
    """Every contender once per round, in the order given (backwards in every second round); progress on standard error."""
    costs: dict[str, list[Cost]] = {name: [] for name in contenders}
    for number in range(rounds):
        names = list(contenders)
        for name in names if number % 2 == 0 else reversed(names):
            cost = contenders[name]()
            costs[name].append(cost)
            note(f"  round {number + 1}/{rounds}  {name}: {cost.wall:.2f} s, {cost.cpu:.2f} s of processor time")
    return costs


def wall_ratio(costs: Mapping[str, Sequence[Cost]], one: str, other: str) -> float:
    """Median over the rounds of how many times as long `one` took as `other` did in the same round."""
    pairs = zip(costs[one], costs[other], strict=True)
    return statistics.median(a.wall / b.wall for a, b in pairs)


def cpu_ratio(costs: Mapping[str, Sequence[Cost]], one: str, other: str) -> float:
    """The same for processor time, which suffers less from what else the machine does."""
    pairs = zip(costs[one], costs[other], strict=True)
    return statistics.median(a.cpu / b.cpu for a, b in pairs)


def run_timed(command: Sequence[str], cwd: Path | None = None) -> Cost:
    """Run a program to its end. Raises CalledProcessError when it fails."""
    before, started = os.times(), time.monotonic()
    subprocess.run(command, check=True, cwd=cwd, stdin=subprocess.DEVNULL)
    wall, after = time.monotonic() - started, os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return Cost(wall, cpu)


class TreeMemory:
    """The greatest memory (bytes) of a process and its descendants while the `with` block runs, sampled 20 times a second.

    `pss` shares out what several processes map; `rss` counts it for each of them.
    """

    def __init__(self, pid: int) -> None:
        self.pss = self.rss = 0
        self._root = psutil.Process(pid)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> TreeMemory:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(SAMPLE_S):
            pss = rss = 0
            try:
                for process in [self._root, *self._root.children(recursive=True)]:
                    try:
                        rss += process.memory_info().rss
                        pss += process.memory_full_info().pss
                    except (psutil.NoSuchProcess, psutil.AccessDenied, FileNotFoundError, ProcessLookupError):
                        continue
            except psutil.NoSuchProcess:
                return
            self.pss, self.rss = max(self.pss, pss), max(self.rss, rss)


def report(claims: Sequence[Claim], title: str) -> int:
    """Print the table; returns the exit status, 1 when a claim does not hold."""
    table = Table(title=title)
    for heading in ("claim", "peer", "limit", "us", "holds"):
        table.add_column(heading, justify="right" if heading in ("limit", "us") else "left")
    for claim in claims:
        mark = "yes" if claim.holds else "NO"
        limit, us = f"{claim.relation} {claim.limit:g}{claim.unit}", f"{claim.us:.4g}{claim.unit}"
        table.add_row(claim.name, claim.peer, limit, us, mark)
    Console(width=None if sys.stdout.isatty() else 140).print(table)
    missed = [claim.name for claim in claims if not claim.holds]
    if missed:
        print(f"missed: {', '.join(missed)}")
    return 1 if missed else 0


def machine() -> str:
    """What the figures were measured on."""
    model = "processor"
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        model = lines[0].partition(":")[2].strip() if lines else model
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{count} cores, {model}, load {os.getloadavg()[0]:.1f}"


def note(text: str) -> None:
    """Progress, beside the results."""
    print(text, file=sys.stderr, flush=True)
