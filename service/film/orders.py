"""What a child process of the film is told: an order a line, as JSON, on its standard input. And how the decoder answers."""

from __future__ import annotations

import json
import os
import queue
import struct
import sys
import threading
from collections.abc import Iterator
from typing import Any

# The decoder's messages: a kind, a size and so many bytes; what is no block ends the answer to an order.
HEAD = struct.Struct(">cI")
BLOCK, VALUE, ERROR, NO_MEMORY, FAULT = b"B", b"V", b"E", b"M", b"F"


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
