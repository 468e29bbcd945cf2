"""What RQ calls. A job carries a task's id and nothing else."""

from __future__ import annotations

import threading
from collections.abc import Callable

_thread = threading.local()


def bind(run: Callable[[str], None]) -> None:
    """Let jobs of this thread be run by `run`: the thread belongs to one processor."""
    _thread.run = run


def run_task(task_id: str) -> None:
    """Run a task (the dotted path of this function is in the queue; see `service.queue.JOB`)."""
    run: Callable[[str], None] = _thread.run
    run(task_id)
