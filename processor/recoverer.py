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
                log.exception("recovery failed; retrying")  # without this thread nothing stuck would ever end
            if self._services.clock.wait(stopped, PERIOD_S):
                return

    def recover(self) -> None:
        """One round."""
        self._unblock()
        with self._services.database.read() as session:
            due = queries.due_tasks(session, limit=BATCH)
        enqueue(self._services, due)

    def _unblock(self) -> None:
        """Resume blocked tasks none of whose dependencies is open: their last one ended without anybody there to see it."""
        with self._services.database.read() as session:
            stuck = queries.stuck_tasks(session)
        for task in stuck:
            try:
                self._resume(task)
            except DependencyError:
                raise
            except Exception:
                log.exception("task %s cannot be resumed; retrying", task.id)  # the others can

    @retrying
    def _resume(self, stuck: queries.BlockedTask) -> None:
        with project_unit(self._services, stuck.project_id) as unit:
            task = queries.task(unit.session, stuck.id)
            if task is not None and task.status == TaskStatus.BLOCKED and not _waits(unit.session, task):
                completion.resume_blocked(unit, task)


def _waits(session: Session, task: Task) -> bool:
    others = task.depends_on
    waiting = select(Task.id).where(Task.id.in_(others), Task.status.in_(OPEN)).limit(1)
    return bool(others) and session.scalar(waiting) is not None
