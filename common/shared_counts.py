"""A count for each of several processes, which all of them see.

It is made before they are forked, in memory that they share, and needs no lock: each process writes its own count alone. Whoever looks
after the processes takes away what a dead one had counted.
"""

from __future__ import annotations

import mmap

AWAY = -1


class SharedCounts:
    """Counts of `processes` processes, numbered from 0. Within a process one thread at a time may change its count."""

    def __init__(self, processes: int = 1) -> None:
        self._cells = memoryview(mmap.mmap(-1, 8 * processes)).cast("q")
        self._own = 0

    def join(self, number: int) -> None:
        """This process is the one of that number from now on, and begins at 0."""
        self._own = number
        self._cells[number] = 0

    def leave(self, number: int) -> None:
        """The process of that number is gone, and what it had counted with it."""
        self._cells[number] = AWAY

    @property
    def own(self) -> int:
        """This process's count."""
        return self._cells[self._own]

    @own.setter
    def own(self, count: int) -> None:
        self._cells[self._own] = count

    @property
    def total(self) -> int:
        """Of all processes."""
        return sum(max(0, count) for count in self._cells)

    def each(self) -> list[int]:
        """By the processes' numbers; `AWAY` for one that is not there."""
        return list(self._cells)

    @property
    def number(self) -> int:
        """This process's number."""
        return self._own
