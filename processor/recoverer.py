"""Closes every gap between the database and the queue, at start and every few seconds.

What waits in the database and not in the queue is queued; what was being worked on by a processor that is gone is queued again, to be
resumed by its job id; what waits for tasks that have ended is settled. Running it twice, or in two processes, does no harm.
"""

from __future__ import annotations

import logging
import threading

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from common.errors import DependencyError
from models import project_queries
from models.retrying import retrying
from models.task import OPEN, Task, TaskStatus, TaskType
from service import calling_off, films_plan, narrations_plan
from service.context import Services
from service.enqueue import enqueue

log = logging.getLogger(__name__)

PERIOD_S = 3.0
BATCH = 500


class Recoverer:
    """One thread per process."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def run(self, stopped: threading.Event) -> None:
        """Recover until stopped, beginning at once."""
        while True:
            try:
                self.recover()
            except DependencyError as error:
                log.warning("recovery has to wait: %s", error)
            except Exception:
                log.exception("recovery failed; trying again")
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
        now_ms = self._services.clock.milliseconds()
        free = or_(
            and_(Task.status == TaskStatus.PENDING, Task.not_before <= now_ms),
            and_(Task.status == TaskStatus.PROCESSING, Task.lease_until < now_ms),
        )
        rows = session.scalars(select(Task).where(free).order_by(Task.created_at, Task.seq, Task.id).limit(BATCH))
        return [task.id for task in rows if not (task.is_parent and task.depends_on)]

    def _unblock(self) -> None:
        """Settle blocked tasks none of whose dependencies is open: their last one ended without anybody there to see it."""
        with self._services.database.read() as session:
            blocked = list(session.scalars(select(Task).where(Task.status == TaskStatus.BLOCKED).limit(BATCH)))
            stuck = [task for task in blocked if not self._waits(session, task)]
        for task in stuck:
            self._settle(task)

    def _waits(self, session: Session, task: Task) -> bool:
        if not task.depends_on:
            return False
        waiting = select(Task.id).where(Task.id.in_(task.depends_on), Task.status.in_(OPEN)).limit(1)
        return session.scalar(waiting) is not None

    @retrying
    def _settle(self, stuck: Task) -> None:
        now = self._services.clock.now()
        with self._services.database.write() as session:
            project_queries.lock_project(session, stuck.project_id)
            task = project_queries.task(session, stuck.id)
            if task is None or task.status != TaskStatus.BLOCKED or self._waits(session, task):
                return
            ended: list[Task] = []
            ready: list[str] = []
            if task.type == TaskType.VIDEO:
                ready = films_plan.plan(session, task, now=now)
            elif task.is_parent:
                ready = narrations_plan.expand(session, task, now=now)
            else:
                ended, ready = self._orphan(session, task)
        calling_off.stop(self._services, ended)
        enqueue(self._services, ready)

    def _orphan(self, session: Session, task: Task) -> tuple[list[Task], list[str]]:
        """A picture task whose storyboard failed, was cancelled or is gone: it can never start."""
        ended, ready = calling_off.cancel(
            session, [task], reason="所依赖的分镜任务已结束，任务取消", now=self._services.clock.now()
        )
        return ended, ready
