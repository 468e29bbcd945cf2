"""Closes every gap between the database and the queue, at start and every few seconds.

What waits in the database and not in the queue is queued; what was being worked on by a processor that is gone is queued again, to be
resumed by its job id; what waits for tasks that have ended is resumed. Running it twice, or in two processes, does no harm.
"""

from __future__ import annotations

import logging
import threading

from sqlalchemy import select
from sqlalchemy.orm import Session

from common.errors import DependencyError
from models import queries
from models.db import retrying
from models.task import OPEN, Task, TaskStatus
from models.task_transitions import claimable
from service.container import Services
from service.workflow import completion
from service.workflow.dispatch import enqueue
from service.workflow.unit_of_work import project_unit

log = logging.getLogger(__name__)

PERIOD_S = 3.0
BATCH = 500


class Recoverer:
    """One thread per process."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def run(self, stopped: threading.Event) -> None:
        """Recover until stopped; the first round is at once."""
        while True:
            try:
                self.recover()
            except DependencyError as error:
                log.warning("recovery postponed: %s", error)
            except Exception:
                log.exception("recovery failed; retrying")
            if self._services.clock.wait(stopped, PERIOD_S):
                return

    def recover(self) -> None:
        """One round."""
        self._unblock()
        with self._services.database.read() as session:
            due = self._due(session)
        enqueue(self._services, due)

    def _due(self, session: Session) -> list[str]:
        """Tasks that a processor may claim now, oldest first. Parents run nowhere and are left out once they have children."""
        due = claimable()
        rows = session.scalars(select(Task).where(due).order_by(Task.created_at, Task.seq, Task.id).limit(BATCH))
        return [task.id for task in rows if not (task.is_parent and task.depends_on)]

    def _unblock(self) -> None:
        """Resume blocked tasks none of whose dependencies is open: their last one ended without anybody there to see it."""
        with self._services.database.read() as session:
            blocked = list(session.scalars(select(Task).where(Task.status == TaskStatus.BLOCKED).limit(BATCH)))
            stuck = [task for task in blocked if not self._waits(session, task)]
        for task in stuck:
            self._resume(task)

    def _waits(self, session: Session, task: Task) -> bool:
        if not task.depends_on:
            return False
        waiting = select(Task.id).where(Task.id.in_(task.depends_on), Task.status.in_(OPEN)).limit(1)
        return session.scalar(waiting) is not None

    @retrying
    def _resume(self, stuck: Task) -> None:
        with project_unit(self._services, stuck.project_id) as unit:
            task = queries.task(unit.session, stuck.id)
            if task is not None and task.status == TaskStatus.BLOCKED and not self._waits(unit.session, task):
                completion.resume_blocked(unit, task)
