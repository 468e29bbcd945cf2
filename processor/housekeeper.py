"""Tidies once a day (`service.tidying`), by one of all processes: rows and cached files that are kept no longer go. Objects that no row
names are told in the log and stay, since only a person knows what else is in the bucket.
"""

from __future__ import annotations

import logging
import threading

from common.errors import DependencyError
from models import turns
from service import tidying
from service.container import Services
from service.tidying import Stores

log = logging.getLogger(__name__)

TURN = "tidy_at"
DAY_MS = 86_400_000
PERIOD_S = 600.0


class Housekeeper:
    """One thread per process."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._stores = Stores(services.settings, services.database, services.store)
        self._cached_at = float("-inf")

    def run(self, stopped: threading.Event) -> None:
        """Look whether it is time until stopped."""
        while not self._services.clock.wait(stopped, PERIOD_S):
            try:
                self.tidy(stopped)
            except DependencyError as error:
                log.warning("tidying goes on tomorrow: %s", error)
            except Exception:
                log.exception("tidying failed; again tomorrow")  # without this thread nothing would be tidied

    def tidy(self, stopped: threading.Event) -> bool:
        """Tidy if it is this process's turn, and say so; False where it is not."""
        if not turns.take(self._services.database, TURN, every_ms=DAY_MS):
            self._tidy_caches()
            return False
        for found in tidying.tidy(self._stores, rows=True, objects=False):
            if found.found:
                log.info("tidied: %s", found.in_words())
            if stopped.is_set():
                break
        return True

    def _tidy_caches(self) -> None:
        """Of this machine, which the one whose turn it is does not know."""
        now = self._services.clock.monotonic()
        if now - self._cached_at > DAY_MS / 1000:
            self._cached_at = now
            for _ in tidying.caches(self._services.settings, remove=True):
                pass
