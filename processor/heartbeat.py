"""Renews the leases of the running tasks, and notices those that were lost.

The database is checked besides the events: a task cancelled while Redis is down still stops within one beat.
"""

from __future__ import annotations

import logging
import threading

from common.errors import DependencyError
from models import task_transitions
from models.db import retrying
from processor.cancellation import CancellationRegistry
from service.container import Services

log = logging.getLogger(__name__)

BEAT_S = 3.0
LEASE_MS = 15_000


class Heartbeat:
    """One thread per process; `owner` names the process in the rows."""

    def __init__(self, services: Services, registry: CancellationRegistry, owner: str) -> None:
        self._services = services
        self._registry = registry
        self._owner = owner

    def run(self, stopped: threading.Event) -> None:
        """Beat until stopped."""
        while not self._services.clock.wait(stopped, BEAT_S):
            try:
                self.beat()
            except DependencyError as error:
                log.warning("cannot renew leases: %s", error)
            except Exception:
                log.exception("cannot renew leases; retrying")  # without this thread every lease would expire

    @retrying
    def beat(self) -> None:
        """Renew every lease once; tasks whose lease was lost are cancelled here."""
        asked = self._registry.leased()
        if not asked:
            return
        with self._services.database.write() as session:
            held = task_transitions.renew(session, asked, owner=self._owner, lease_ms=LEASE_MS)
        self._registry.cancel_missing(asked, held)
