"""Commit the row, then enqueue: the gap between the two is closed by the processor's recoverer."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from common.errors import QueueUnavailable
from common.request_id import served, trace_of
from service.container import Services

log = logging.getLogger(__name__)


def enqueue(services: Services, task_ids: Iterable[str]) -> None:
    """Queue committed tasks. Without Redis they stay `pending` in the database until the recoverer enqueues them."""
    _keep_trace(services)
    for task_id in task_ids:
        try:
            services.queue.enqueue(task_id)
        except QueueUnavailable as error:
            log.warning("task %s not enqueued; the recoverer will enqueue it: %s", task_id, error)
            return


def _keep_trace(services: Services) -> None:
    """A row has its request's id, which says the trace where that follows from it; any other is noted for those who run what was made."""
    now = served()
    if now is not None and now.task_id and now.trace_id != trace_of(now.request_id):
        services.queue.keep_trace(now.request_id, now.trace_id)
