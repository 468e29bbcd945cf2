"""`main.py processor`: tasks without a web server."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import ExitStack

from config.settings import Settings
from processor.processor import Processor
from runtime import metrics_server
from runtime.data_dir import protect
from runtime.memory import hold_less
from runtime.site import STOP_WORK_S
from runtime.wiring import open_services


def run(settings: Settings) -> None:
    """Run tasks until a signal, and end the process with it. Raises `DependencyError`."""
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    protect(settings)
    hold_less()
    services = open_services(settings)
    processor = Processor(services)
    processor.start()
    with ExitStack() as serving:
        if settings.metrics.processor_port:
            serving.enter_context(metrics_server.serving(services))
        stopped.wait()
    processor.stop(STOP_WORK_S)
    services.close()
    os._exit(0)  # a thread that could not stop in time must not hold up the end
