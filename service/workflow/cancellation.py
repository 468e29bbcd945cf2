"""Ending the work on tasks that were cancelled: the local poll, a running ffmpeg, and the model node's job."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from models.task import Task
from service.container import Services


def stop_work(services: Services, cancelled: Iterable[Task]) -> None:
    """End the work on tasks whose end is committed. Answers at once: the node is told on a thread of its own."""
    tasks = list(cancelled)
    services.events.cancelled(task.id for task in tasks)
    jobs = [(task.node, task.job_id) for task in tasks if task.job_id]
    if jobs:
        threading.Thread(target=_cancel_jobs, args=(services, jobs), name="cancel-jobs", daemon=True).start()


def _cancel_jobs(services: Services, jobs: list[tuple[str | None, str]]) -> None:
    for name, job_id in jobs:
        node = services.node.of_row(name)
        if node is not None:
            node.cancel(job_id)
