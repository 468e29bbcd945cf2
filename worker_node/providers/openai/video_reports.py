"""What a video server says of a job, in all the words that servers have for it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum
from typing import Any, NamedTuple

from worker_node.providers.http_errors import clean, is_unsafe

MAX_ID = 200  # characters


class State(Enum):
    """Where a job is; a word that nobody knows means that it goes on."""

    WAITING = "waiting"
    DONE = "done"
    FAILED = "failed"
    EXPIRED = "expired"
    UNSAFE = "unsafe"


WORDS = {
    **dict.fromkeys(("completed", "complete", "succeeded", "succeed", "success", "finished", "done"), State.DONE),
    **dict.fromkeys(("failed", "fail", "failure", "error", "rejected", "timeout"), State.FAILED),
    **dict.fromkeys(("cancelled", "canceled", "revoked", "deleted"), State.FAILED),
    "expired": State.EXPIRED,
}


class Report(NamedTuple):
    """A job at one moment; `progress` is in percent, `reason` says why it failed."""

    id: str = ""
    state: State = State.WAITING
    progress: int = 0
    reason: str = ""


def read_report(found: Any) -> Report:
    """The report in an answer, which some servers wrap in `data`."""
    if isinstance(found, Mapping) and "id" not in found and isinstance(found.get("data"), Mapping):
        found = found["data"]
    if not isinstance(found, Mapping):
        return Report()
    word = str(found.get("status") or found.get("task_status") or "").strip().lower()
    state = WORDS.get(word, State.WAITING)
    code, reason = _reason(found)
    if state is State.FAILED and is_unsafe(code):
        state = State.UNSAFE
    if not reason and state is State.FAILED and word not in ("failed", "error"):
        reason = word
    name = found.get("id") or found.get("task_id") or ""
    return Report(str(name)[:MAX_ID] if isinstance(name, str | int) else "", state, _percent(found), reason)


def _reason(found: Mapping[str, Any]) -> tuple[str, str]:
    error = found.get("error")
    if isinstance(error, Mapping):
        code = " ".join(str(error.get(name) or "") for name in ("code", "type"))
        return code, clean(str(error.get("message") or code))
    words = error or found.get("message") or ""
    return "", clean(words) if isinstance(words, str) else ""


def _percent(found: Mapping[str, Any]) -> int:
    """A number of percent, a fraction with a decimal point, or either as text."""
    given = found.get("progress")
    match = re.search(r"[0-9]{1,4}(?:\.[0-9]{1,20})?", str(given)) if given is not True else None
    if match is None:
        return 0
    value = float(match[0])
    if "." in match[0] and value <= 1:
        value *= 100
    return int(min(100.0, value))
