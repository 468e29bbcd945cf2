"""Entry of a worker process: `python -m worker_node.child KIND PROVIDER PARENT_PID`. See `process` for the protocol."""

from __future__ import annotations

import json
import os
import sys
import traceback
from typing import Any, TextIO

from worker_node.errors import DISK_FULL, ProviderError, means_full
from worker_node.lifeline import die_with_starting_thread
from worker_node.providers.registry import make_provider
from worker_node.work import perform


def main(kind: str, provider_name: str, parent_pid: int) -> None:
    """Serve jobs until standard input ends."""
    die_with_starting_thread(parent_pid)
    # Native libraries print to descriptor 1 as they please: keep the real one for ourselves and give them standard error.
    events = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    provider = make_provider(kind, provider_name)
    for line in sys.stdin:
        _say(events, _answer(kind, provider, json.loads(line), events))


def _answer(kind: str, provider: Any, job: dict[str, Any], events: TextIO) -> dict[str, Any]:
    def report(progress: int, message: str) -> None:
        _say(events, {"progress": progress, "message": message})

    try:
        return {"result": perform(kind, provider, job, report)}
    except ProviderError as error:
        return {"error": DISK_FULL if means_full(error) else str(error)}
    except Exception as error:  # noqa: BLE001 - the boundary: a bug in one job must not take the worker along unexplained
        traceback.print_exc()
        if means_full(error):
            return {"error": DISK_FULL}
        return {"error": f"模型出错：{type(error).__name__}: {error}"}


def _say(events: TextIO, event: dict[str, Any]) -> None:
    events.write(json.dumps(event) + "\n")
    events.flush()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
