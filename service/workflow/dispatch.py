"""Commit the row, then enqueue: the gap between the two is closed by the processor's recoverer."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from common.errors import QueueUnavailable
from service.container import Services

log = logging.getLogger(__name__)


def enqueue(services: Services, task_ids: Iterable[str]) -> None:
    """Queue committed tasks. Without Redis they stay `pending` in the database until the recoverer enqueues them."""
    for task_id in task_ids:
        try:
            services.queue.enqueue(task_id)
        except QueueUnavailable as error:
            log.warning("task %s not enqueued; the recoverer will enqueue it: %s", task_id, error)
            return
