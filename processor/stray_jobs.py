"""Deletes what was left on model nodes that were away (`models.stray_job`), once they are back, in a thread of its own.

Any number of processes may do it: deleting a job twice does no harm.
"""

from __future__ import annotations

import logging
import threading

from common.errors import DependencyError
from models import stray_job
from models.db import retrying
from models.stray_job import StrayJob
from service.container import Services

log = logging.getLogger(__name__)

PERIOD_S = 3.0
SETTLE_MS = 10_000  # after which a node that hung has read what had been sent to it before
BATCH = 100


class StrayJobs:
    """One thread per process."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def run(self, stopped: threading.Event) -> None:
        """Delete until stopped; the first round is at once."""
        while True:
            try:
                self.delete()
            except DependencyError as error:
                log.warning("deletion of stray jobs postponed: %s", error)
            except Exception:
                log.exception("deletion of stray jobs failed; retrying")  # without this thread they would run on
            if self._services.clock.wait(stopped, PERIOD_S):
                return

    def delete(self) -> None:
        """One round. A node that does not answer is asked no more in it."""
        away = self._services.node.away()
        with self._services.database.read() as session:
            due = stray_job.due(session, away=away, limit=BATCH)
        for stray in due:
            node = self._services.node.named(stray.node)
            if node is None:
                self._note(stray, is_ours=False)
            elif stray.node not in away and node.cancel(stray.job_id):
                log.info("job %s of task %s is deleted on %s", stray.job_id, stray.task_id, stray.node)
                self._note(stray, is_ours=True)
            else:
                away.add(stray.node)

    @retrying
    def _note(self, stray: StrayJob, *, is_ours: bool) -> None:
        with self._services.database.write() as session:
            if is_ours:
                stray_job.deleted(session, stray, again_ms=SETTLE_MS)
            else:
                stray_job.forget(session, stray)
