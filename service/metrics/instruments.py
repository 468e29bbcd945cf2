"""Counters, histograms and gauges over numbers that all processes of a server share (`common.shared_numbers`).

prometheus-client writes them down; its own way over several processes is a file for each in a folder, which a full disk would turn into the
end of the process that counts.
"""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Iterator, Sequence

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from common.shared_numbers import SharedNumbers

PREFIX = "storytovideo_"
LIVE = "live "  # how the names of numbers begin that end with their process
SEPARATOR = "\x1f"

_shared = [SharedNumbers()]


def share(processes: int) -> SharedNumbers:
    """Count in memory that so many processes will share, which are about to be forked."""
    _shared[0] = SharedNumbers(processes)
    return _shared[0]


def ended(place: int) -> None:
    """The process of that place is gone, and what it had in use with it."""
    _shared[0].clear(place, LIVE)


def _add(key: tuple[str, ...], amount: float) -> None:
    numbers = _shared[0]
    if not numbers.add(key, amount):
        numbers.cell(key, SEPARATOR.join(key))
        numbers.add(key, amount)


def _sums(name: str) -> Iterator[tuple[tuple[str, ...], float]]:
    """Labels and sums of all processes, in order."""
    sums: dict[tuple[str, ...], float] = {}
    for numbers in _shared[0].each():
        for key, value in numbers.items():
            found, *labels = key.split(SEPARATOR)
            if found == name:
                sums[tuple(labels)] = sums.get(tuple(labels), 0.0) + value
    yield from sorted(sums.items())


class Counter:
    """`name` is without our prefix, and without the `_total` that Prometheus adds."""

    def __init__(self, name: str, text: str, labels: Sequence[str] = ()) -> None:
        self.name, self._text, self._labels = name, text, labels

    def add(self, amount: float = 1.0, *labels: str) -> None:
        """Count more."""
        _add((self.name, *labels), amount)

    def collect(self) -> Metric:
        """For prometheus-client."""
        family = CounterMetricFamily(PREFIX + self.name, self._text, labels=self._labels)
        for labels, value in _sums(self.name):
            family.add_metric(labels, value)
        return family


class Histogram:
    """`bounds` are the upper ends of its buckets, in seconds."""

    def __init__(self, name: str, text: str, bounds: Sequence[float], labels: Sequence[str] = ()) -> None:
        self.name, self._text, self._labels, self._bounds = name, text, labels, tuple(bounds)
        self._buckets = [*map(str, map(float, bounds)), "+Inf"]

    def observe(self, seconds: float, *labels: str) -> None:
        """One more that took so long."""
        _add((self.name, self._buckets[bisect.bisect_left(self._bounds, seconds)], *labels), 1.0)
        _add((self.name, "sum", *labels), seconds)

    def begin(self, *labels: str) -> None:
        """Be there with nothing, so that the first one is seen to be more than none."""
        _add((self.name, "sum", *labels), 0.0)

    def collect(self) -> Metric:
        """For prometheus-client."""
        found: dict[tuple[str, ...], dict[str, float]] = {}
        for (part, *labels), value in _sums(self.name):
            found.setdefault(tuple(labels), {})[part] = value
        family = HistogramMetricFamily(PREFIX + self.name, self._text, labels=self._labels)
        for own, parts in found.items():
            counts = itertools.accumulate(parts.get(bucket, 0.0) for bucket in self._buckets)
            family.add_metric(own, list(zip(self._buckets, counts, strict=True)), parts.get("sum", 0.0))
        return family


class InUse:
    """A gauge of what processes hold, and give back by ending."""

    def __init__(self, name: str, text: str) -> None:
        self.name, self._text = name, text

    def set(self, amount: float, part: str) -> None:
        """This process holds so many of a part of them."""
        _shared[0].set(f"{LIVE}{self.name}{SEPARATOR}{part}", amount)

    def collect(self) -> Metric:
        """For prometheus-client."""
        return GaugeMetricFamily(
            PREFIX + self.name, self._text, value=sum(value for _, value in _sums(LIVE + self.name))
        )


class Latest:
    """A gauge of the value that was set last, by whichever process."""

    def __init__(self, name: str, text: str) -> None:
        self.name, self._text = name, text

    def set(self, value: float, at: float) -> None:
        """`at` is the time, by which the last one is known."""
        _shared[0].set(f"{self.name}{SEPARATOR}value", value)
        _shared[0].set(f"{self.name}{SEPARATOR}at", at)

    def collect(self) -> Metric:
        """For prometheus-client; 0 where there is none yet."""
        value, at = f"{self.name}{SEPARATOR}value", f"{self.name}{SEPARATOR}at"
        _, last = max((numbers.get(at, 0.0), numbers.get(value, 0.0)) for numbers in _shared[0].each())
        return GaugeMetricFamily(PREFIX + self.name, self._text, value=last)
