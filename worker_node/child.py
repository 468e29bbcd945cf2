"""Entry of a worker process: `python -m worker_node.child PARENT_PID`. See `process` for the protocol."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

from worker_node.chain import Chain
from worker_node.errors import DISK_FULL, Cancelled, NoneAble, ProviderError, means_full
from worker_node.hidden_credentials import hide
from worker_node.job_notes import JobNotes
from worker_node.lifeline import die_with_starting_thread
from worker_node.log import bound_request_id, set_up_logging
from worker_node.providers.base import Report
from worker_node.providers.settings import ProviderSettings
from worker_node.stopping import STOPPING

log = logging.getLogger(__name__)


def main(parent_pid: int) -> None:
    """Serve jobs until standard input ends. The first line says what kind of them, and by which providers.

    A line `{"ask": "voices"}` in a job's stead is answered with the voices of those; `{"ask": "cancel", "notes"}` has the provider of a job
    that was killed end its own part of it.
    """
    die_with_starting_thread(parent_pid)
    STOPPING.listen()
    # Native libraries print to descriptor 1 as they please: keep the real one for ourselves and give them standard error.
    events = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    first = sys.stdin.readline()
    if not first:
        return
    begin = json.loads(first)
    providers = [ProviderSettings.model_validate(each) for each in begin["providers"]]
    hide(provider.key.get_secret_value() for provider in providers)
    set_up_logging(begin.get("log_format", "text"), logging.WARNING)
    chain = Chain(begin["kind"], providers, Path(begin["slots"]))
    while line := sys.stdin.readline():
        job = json.loads(line)
        with bound_request_id(*job.get("log_ids", ("-",))):
            _say(events, _answer(chain, job, events))


def _answer(chain: Chain, job: dict[str, Any], events: TextIO) -> dict[str, Any]:
    def report(progress: int, message: str) -> None:
        _say(events, {"progress": progress, "message": message})

    def note(notes: JobNotes) -> None:
        _say(events, {"notes": notes.model_dump()})
        if not sys.stdin.readline():  # the node says that they are on disk
            raise SystemExit(0)

    try:
        return {"result": _result(chain, job, report, note)}
    except Cancelled:
        return {"cancelled": True}
    except ProviderError as error:
        return {"error": DISK_FULL if means_full(error) else str(error), "none_able": isinstance(error, NoneAble)}
    except Exception as error:
        log.exception("a job failed")
        if means_full(error):
            return {"error": DISK_FULL}
        return {"error": f"模型出错：{type(error).__name__}: {error}"}


def _result(chain: Chain, job: dict[str, Any], report: Report, note: Callable[[JobNotes], None]) -> dict[str, Any]:
    if job.get("ask") == "cancel":
        chain.cancel(JobNotes.model_validate(job["notes"]))
        return {}
    if job.get("ask") == "voices":
        return {"voices": chain.voices()}
    return chain.perform(job, JobNotes.model_validate(job["notes"]), report, note)


def _say(events: TextIO, event: dict[str, Any]) -> None:
    events.write(json.dumps(event) + "\n")
    events.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]))
