"""Whether the server is there, alive, and ready: ready where the services that it depends on answer."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from http import HTTPStatus

from flask import Blueprint, Flask

from common.errors import DiskFull, StoryToVideoError
from common.host_faults import nearest, prove_space, temporary_folder
from routers import serializers
from service.container import Services

log = logging.getLogger(__name__)

SERVICE = "StoryToVideo-server"

KEEP_S = 5.0  # one check serves all requests within this time
ANSWER_WITHIN_S = 5.0

OK, FULL, DOWN = "ok", "full", "down"
NEEDED = ("database", "queue", "storage")  # without the model node stories are still taken in, and wait

States = dict[str, str]


def v1_blueprint(services: Services) -> Blueprint:
    """`/v1/api/health`: every value is a string. `nodes` is there where there are several."""
    routes = Blueprint("health", __name__)

    @routes.get("/health")
    def health() -> serializers.Json:
        nodes = _nodes(services)
        seen = {"nodes": ", ".join(f"{place} {state}" for place, state in nodes.items())} if nodes else {}
        return {"status": "ok", "service": SERVICE, **seen}

    return routes


def install(app: Flask, services: Services) -> None:
    """`/healthz`: the process answers. `/readyz`: each dependency with its state; 503 when stories could not be taken in.

    Where there are several model nodes each is named there with its own; the dependency is down when all are.
    """
    readiness = Readiness(services)

    @app.get("/healthz")
    def alive() -> serializers.Json:
        return {"status": "ok"}

    @app.get("/readyz")
    def ready() -> tuple[serializers.Json, HTTPStatus]:
        states = readiness.states()
        is_ready = readiness.is_ready(states)
        body: serializers.Json = {"status": "ready" if is_ready else "not ready", "dependencies": states}
        nodes = _nodes(services)
        return {
            **body,
            "nodes": nodes,
        } if nodes else body, HTTPStatus.OK if is_ready else HTTPStatus.SERVICE_UNAVAILABLE


def _nodes(services: Services) -> States:
    """The states of several model nodes by their place in the configuration: their addresses are nobody's business."""
    return {str(place): state for place, state in enumerate(services.node.states().values(), 1)}


class Readiness:
    """Checks all dependencies concurrently; at most one check runs, however many requests ask."""

    def __init__(self, services: Services) -> None:
        self._clock = services.clock
        self._checks: dict[str, Callable[[], object]] = {
            "database": services.database.check,
            "queue": services.queue.check,
            "storage": services.store.check,
            "node": services.node.check,
            "data_dir": lambda: prove_space(nearest(services.settings.data_dir)),
            "temporary": lambda: prove_space(temporary_folder()),
        }
        # A database that can only be read takes no story in; a film or a download that finds no room waits.
        self._needed = (*NEEDED, "data_dir") if services.database.is_sqlite else NEEDED
        self._lock = threading.Lock()
        self._states: States = {}
        self._looked_at: float | None = None

    def states(self) -> States:
        """ "ok", "full" or "down" by dependency; the reason goes to the log."""
        with self._lock:
            if self._looked_at is None or self._clock.monotonic() - self._looked_at >= KEEP_S:
                self._states = self._look()
                self._looked_at = self._clock.monotonic()
            return dict(self._states)

    def is_ready(self, states: States) -> bool:
        """Whether requests can be served in this state."""
        return all(states[name] == OK for name in self._needed)

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
        return FULL if isinstance(error, DiskFull) else DOWN
    return OK
