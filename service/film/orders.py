"""What a child process of the film is told: an order a line, as JSON, on its standard input."""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
from collections.abc import Iterator
from typing import Any


def orders() -> Iterator[dict[str, Any]]:
    """Orders as they come in. The process ends with its standard input, so with whoever started it, however that dies.

    A thread waits for them, so that the end is seen in the middle of an order too.
    """
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()

    def listen() -> None:
        for line in sys.stdin:
            lines.put(line)
        os._exit(0)

    threading.Thread(target=listen, daemon=True).start()
    while True:
        yield json.loads(lines.get())
