"""Named numbers of several processes, which all of them see: what they count, for whoever asks any of them.

The memory is made before the processes are forked. Each has a place of its own, writes there alone, and so needs no lock between processes;
one that takes the place of another that died goes on with its numbers, so that sums never go back.
"""

from __future__ import annotations

import mmap
import threading
from collections.abc import Hashable

CELLS = 4096  # numbers of one process
NAMES = 1 << 19  # bytes of their names
LENGTH = 2  # bytes in front of a name


class SharedNumbers:
    """Numbers of `processes` processes. Thread-safe. What finds no room, of which there is far more than is needed, is not counted."""

    def __init__(self, processes: int = 1) -> None:
        self._counts = memoryview(mmap.mmap(-1, 8 * processes)).cast("q")
        self._cells = memoryview(mmap.mmap(-1, 8 * CELLS * processes)).cast("d")
        self._names = mmap.mmap(-1, NAMES * processes)
        self._processes = processes
        self.join(0)

    def join(self, place: int) -> None:
        """This process has that place from now on, and goes on with what it finds there."""
        self._place, self._lock = place, threading.Lock()
        self._known: dict[Hashable, int] = {}
        self._found, self._end = self._read(place)

    def cell(self, key: Hashable, name: str) -> int:
        """Where the number of this name lies, which begins at 0; -1 where there is no room. `key` is what it is looked up by again."""
        with self._lock:
            at = self._found.get(name)
            if at is None:
                at = self._found[name] = self._add(name.encode())
            self._known[key] = at
            return at

    def add(self, key: Hashable, amount: float) -> bool:
        """Add to the number that `cell` was asked for under this key; False where it was not yet."""
        at = self._known.get(key)
        if at is None:
            return False
        if at >= 0:
            with self._lock:
                self._cells[self._place * CELLS + at] += amount
        return True

    def set(self, name: str, value: float) -> None:
        """Set a number."""
        at = self.cell(name, name)
        if at >= 0:
            self._cells[self._place * CELLS + at] = value

    def clear(self, place: int, beginning: str) -> None:
        """Whoever had that place is gone: its numbers whose names begin so are 0."""
        for name, at in self._read(place)[0].items():
            if name.startswith(beginning):
                self._cells[place * CELLS + at] = 0.0

    def each(self) -> list[dict[str, float]]:
        """The numbers of each process, by name."""
        return [
            {name: self._cells[place * CELLS + at] for name, at in self._read(place)[0].items()}
            for place in range(self._processes)
        ]

    def _read(self, place: int) -> tuple[dict[str, int], int]:
        """The names of a place with their numbers' places, and where the next name goes."""
        found: dict[str, int] = {}
        at = place * NAMES
        for number in range(self._counts[place]):
            length = int.from_bytes(self._names[at : at + LENGTH], "big")
            found[self._names[at + LENGTH : at + LENGTH + length].decode()] = number
            at += LENGTH + length
        return found, at

    def _add(self, name: bytes) -> int:
        number, end = self._counts[self._place], self._end + LENGTH + len(name)
        if number >= CELLS or end > (self._place + 1) * NAMES:
            return -1
        self._names[self._end : end] = len(name).to_bytes(LENGTH, "big") + name
        self._end = end
        self._counts[self._place] = number + 1  # from here on others see it
        return number
