"""How many calls of one provider run at once, over all worker processes: a lock file for each, which a killed process lets go of."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

POLL_S = 0.05


class ProviderSlots:
    """The slots of a kind's providers, as files in one folder."""

    def __init__(self, folder: Path, kind: str) -> None:
        self._folder, self._kind = folder, kind

    @contextmanager
    def one_of(self, label: str, count: int | None) -> Iterator[None]:
        """Hold one of `count` slots, waiting for a free one; None is no bound."""
        if count is None:
            yield
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        descriptor = self._acquire(label, count)
        try:
            yield
        finally:
            os.close(descriptor)

    def _acquire(self, label: str, count: int) -> int:
        while True:
            for number in range(count):
                path = self._folder / f"{self._kind}-{label}.{number}"
                descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    os.close(descriptor)
                    continue
                return descriptor
            time.sleep(POLL_S)  # a lock that wakes by itself would be one file's, not any of them
