"""How things stand: sockets, queue, tasks, model nodes, disks; asked when somebody wants to know, and kept for a while."""

from __future__ import annotations

import logging
import shutil
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait

from prometheus_client.core import GaugeMetricFamily, Metric
from redis.exceptions import RedisError

from common.errors import StoryToVideoError
from common.host_faults import nearest, temporary_folder
from models import queries
from models.database_clock import database_now
from models.task import TaskStatus, TaskType
from service.container import Services
from service.metrics.instruments import PREFIX

log = logging.getLogger(__name__)

KEEP_S = 10.0  # one look serves all who ask within this time
ANSWER_WITHIN_S = 5.0  # half of what Prometheus waits: a part that hangs is left out
KINDS = {
    TaskType.STORYBOARD.value: "storyboard",
    TaskType.IMAGE.value: "image",
    TaskType.NARRATION.value: "narration",
    TaskType.FILM.value: "film",
}

Part = Callable[[], list[Metric]]


def _gauge(name: str, text: str, labels: Iterable[str], values: Iterable[tuple[tuple[str, ...], float]]) -> Metric:
    family = GaugeMetricFamily(PREFIX + name, text, labels=list(labels))
    for own, value in values:
        family.add_metric(own, value)
    return family


class State:
    """A collector for prometheus-client. What does not answer is not there.

    `sockets` says how many are open in all processes; None: this is a processor alone, which knows of its disks only.
    """

    def __init__(self, services: Services, sockets: Callable[[], int] | None) -> None:
        self._services, self._sockets = services, sockets
        self._lock = threading.Lock()
        self._kept: list[Metric] = []
        self._looked_at: float | None = None
        self._parts: list[Part] = [self._disks]
        if sockets is not None:
            self._parts += [self._queue, self._tasks, self._nodes]

    def collect(self) -> Iterator[Metric]:
        """All of it; sockets as they are now."""
        if self._sockets is not None:
            yield _gauge("sockets", "Open WebSockets of all processes.", (), [((), float(self._sockets()))])
        clock = self._services.clock
        with self._lock:
            if self._looked_at is None or clock.monotonic() - self._looked_at >= KEEP_S:
                self._kept = self._look()
                self._looked_at = clock.monotonic()
            kept = list(self._kept)
        yield from kept

    def _look(self) -> list[Metric]:
        pool = ThreadPoolExecutor(len(self._parts), thread_name_prefix="metrics")
        futures = [pool.submit(_safely, part) for part in self._parts]
        wait(futures, timeout=ANSWER_WITHIN_S)
        pool.shutdown(wait=False)
        return [metric for future in futures if future.done() for metric in future.result()]

    def _disks(self) -> list[Metric]:
        folders = {"data_dir": nearest(self._services.settings.data_dir), "temporary": temporary_folder()}
        free = [((name,), float(shutil.disk_usage(folder).free)) for name, folder in folders.items()]
        return [_gauge("disk_free_bytes", "Room on the disks.", ("path",), free)]

    def _queue(self) -> list[Metric]:
        return [
            _gauge("queue_depth", "Task ids that wait in Redis.", (), [((), float(self._services.queue.waiting()))])
        ]

    def _tasks(self) -> list[Metric]:
        with self._services.database.read() as session:
            counts, oldest = queries.tasks_by_kind(session)
            clips = queries.clips_by_status(session)
            age = 0.0 if oldest is None else max(0.0, (database_now(session) - oldest).total_seconds())
        kinds = {(KINDS[type_], state): count for (type_, state), count in counts.items() if type_ in KINDS}
        for state, count in clips.items():
            kinds["clip", state] = count
            kinds["film", state] = max(0, kinds.get(("film", state), 0) - count)
        rows = [
            ((kind, state.value), float(kinds.get((kind, state.value), 0)))
            for kind in (*KINDS.values(), "clip")
            for state in TaskStatus
        ]
        return [
            _gauge("tasks", "Rows of tasks.", ("kind", "state"), rows),
            _gauge("oldest_waiting_seconds", "Age of the oldest task that waits.", (), [((), age)]),
        ]

    def _nodes(self) -> list[Metric]:
        """By their place in the configuration, as `/readyz` has them."""
        pool = self._services.node
        with self._services.database.read() as session:
            jobs = queries.jobs_by_node(session)
        names = pool.names()
        at_work = [jobs.get(name, 0) for name in names] if pool.several else [sum(jobs.values())]
        places = [(str(place),) for place in range(1, len(names) + 1)]
        up = [float(there) for there in pool.there(within_s=ANSWER_WITHIN_S - 1)]
        return [
            _gauge("node_jobs", "Jobs on model nodes.", ("node",), zip(places, map(float, at_work), strict=True)),
            _gauge("node_up", "1 where a model node answers.", ("node",), zip(places, up, strict=True)),
        ]


def _safely(part: Part) -> list[Metric]:
    try:
        return part()
    except (StoryToVideoError, RedisError, OSError) as error:
        log.warning("not measured: %s", error)
    except Exception:
        log.exception("not measured")  # the others are
    return []
