"""The processor: workers on the queue, the heartbeat, the recoverer, the remover, who deletes stray jobs, sends webhooks, and tidies."""

from __future__ import annotations

import logging
import os
import socket
import threading

from common.errors import DependencyError
from models import task_transitions
from processor.cancellation import CancellationRegistry
from processor.heartbeat import Heartbeat
from processor.housekeeper import Housekeeper
from processor.recoverer import Recoverer
from processor.removals import Remover
from processor.runner import Runner
from processor.stray_jobs import StrayJobs
from processor.webhooks import WebhookSender
from processor.worker import ThreadWorker
from service.container import Services

log = logging.getLogger(__name__)


class Processor:
    """Runs `settings.worker.concurrency` tasks at a time in threads of this process."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self.owner = f"{socket.gethostname()[:20]}:{os.getpid()}:{os.urandom(6).hex()}"
        self.registry = CancellationRegistry()
        self._runner = Runner(services, self.registry, self.owner)
        self._stopped = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Start all threads; returns at once."""
        self._services.events.listen(self.registry.on_event)
        heartbeat = Heartbeat(self._services, self.registry, self.owner)
        recoverer = Recoverer(self._services)
        remover, strays, sender = Remover(self._services), StrayJobs(self._services), WebhookSender(self._services)
        housekeeper = Housekeeper(self._services)
        count = self._services.settings.worker.concurrency
        workers = [
            ThreadWorker(self._services.queue, self._runner.run, self._stopped, number) for number in range(count)
        ]
        self._threads = [
            threading.Thread(target=heartbeat.run, args=(self._stopped,), name="heartbeat", daemon=True),
            threading.Thread(target=recoverer.run, args=(self._stopped,), name="recoverer", daemon=True),
            *(
                threading.Thread(target=worker.run_until_stopped, name=f"worker-{number}", daemon=True)
                for number, worker in enumerate(workers)
            ),
            # The last to be waited for when all stop: a receiver, a node or storage may hold them up.
            threading.Thread(target=sender.run, args=(self._stopped,), name="webhooks", daemon=True),
            threading.Thread(target=strays.run, args=(self._stopped,), name="stray-jobs", daemon=True),
            threading.Thread(target=remover.run, args=(self._stopped,), name="remover", daemon=True),
            threading.Thread(target=housekeeper.run, args=(self._stopped,), name="housekeeper", daemon=True),
        ]
        for thread in self._threads:
            thread.start()
        log.info("processor %s started with %d workers", self.owner, count)

    def stop(self, timeout: float = 4.0) -> None:
        """Stop within `timeout` seconds.

        Running tasks stay `processing`; their leases are released, so that the next processor resumes them.
        """
        self._stopped.set()
        self.registry.cancel_all()
        deadline = self._services.clock.monotonic() + timeout
        for thread in self._threads:
            thread.join(max(0.0, deadline - self._services.clock.monotonic()))
        try:
            with self._services.database.write() as session:
                task_transitions.release(session, owner=self.owner)
        except DependencyError as error:
            log.warning("cannot release the leases, they will expire: %s", error)
        log.info("processor %s stopped", self.owner)
