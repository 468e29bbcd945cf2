"""Cancelling tasks: the row, the local poll, the model node's job and a running ffmpeg."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy.orm import Session

from models import project_queries, task_moves
from models.task import Task, TaskStatus
from service import settling
from service.context import Services

log = logging.getLogger(__name__)


def cancel(session: Session, tasks: Iterable[Task], *, reason: str, now: datetime) -> tuple[list[Task], list[str]]:
    """Move open tasks, and the tasks that are part of them, to `cancelled` in the caller's unit of work.

    The project must be locked. Returns the tasks that this call cancelled, whose work `stop` then ends once the unit of work is committed,
    and the ids of tasks that became ready by it.
    """
    cancelled: list[Task] = []
    ready: list[str] = []
    for task in tasks:
        if not task_moves.end(session, task.id, TaskStatus.CANCELLED, reason=reason, now=now):
            continue
        cancelled.append(task)
        parts = [
            part for part in project_queries.children(session, task.id) if part.status not in settling.ENDED_VALUES
        ]
        session.refresh(task)
        below, woken = cancel(session, parts, reason=reason, now=now)
        cancelled += below
        settled = settling.settle(session, task, now=now)
        cancelled += settled.ended
        ready += woken + settled.ready
    return cancelled, ready


def stop(services: Services, cancelled: Iterable[Task]) -> None:
    """End the work of tasks whose cancellation is committed. Answers at once: the node is told on a thread of its own."""
    tasks = list(cancelled)
    services.events.cancelled(task.id for task in tasks)
    jobs = [task.job_id for task in tasks if task.job_id]
    if jobs:
        threading.Thread(target=_cancel_jobs, args=(services, jobs), name="cancel-jobs", daemon=True).start()


def _cancel_jobs(services: Services, jobs: list[str]) -> None:
    for job_id in jobs:
        services.node.cancel(job_id)
