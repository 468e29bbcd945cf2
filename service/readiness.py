"""Whether the services that the server depends on answer."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait

from common.errors import StoryToVideoError
from service.context import Services

log = logging.getLogger(__name__)

KEEP_S = 5.0  # one look serves everybody who asks within this time
ANSWER_WITHIN_S = 5.0

OK, DOWN = "ok", "down"
NEEDED = ("database", "queue", "storage")  # without the model node stories are still taken in, and wait

States = dict[str, str]


class Readiness:
    """Looks at every dependency at once; at most one look runs, however many ask."""

    def __init__(self, services: Services) -> None:
        self._clock = services.clock
        self._checks: dict[str, Callable[[], object]] = {
            "database": services.database.check,
            "queue": services.queue.check,
            "storage": services.store.check,
            "node": services.node.check,
        }
        self._lock = threading.Lock()
        self._states: States = {}
        self._looked_at: float | None = None

    def states(self) -> States:
        """ "ok" or "down" by dependency; the reason goes to the log."""
        with self._lock:
            if self._looked_at is None or self._clock.monotonic() - self._looked_at >= KEEP_S:
                self._states = self._look()
                self._looked_at = self._clock.monotonic()
            return dict(self._states)

    def is_ready(self, states: States) -> bool:
        """Whether requests can be served in this state."""
        return all(states[name] == OK for name in NEEDED)

    def _look(self) -> States:
        pool = ThreadPoolExecutor(len(self._checks), thread_name_prefix="readiness")
        futures = {name: pool.submit(_state, name, check) for name, check in self._checks.items()}
        wait(futures.values(), timeout=ANSWER_WITHIN_S)
        pool.shutdown(wait=False)
        return {name: future.result() if future.done() else DOWN for name, future in futures.items()}


def _state(name: str, check: Callable[[], object]) -> str:
    try:
        check()
    except StoryToVideoError as error:
        log.warning("%s is not ready: %s", name, error)
        return DOWN
    return OK
