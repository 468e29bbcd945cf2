"""Reading a job as nodes in the field report it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from common.errors import NodeRejected
from service.node.job import Job, JobState
from service.node.text import clean, reason

SUCCEEDED = {"finished", "success", "completed", "succeeded"}
FAILED = {"failed", "error"}
CANCELLED = {"cancelled", "canceled"}
MAX_TEXT = 2000  # characters
MAX_ID = 128  # characters


def read_job(answer: Mapping[str, Any], job_id: str) -> Job:
    """The job in an answer to GET /v1/jobs/{id}; keys that we do not know mean nothing."""
    status = str(answer.get("status") or "").strip().lower()
    result = answer.get("result")
    return Job(
        id=job_id,
        state=_state(status),
        progress=_progress(answer.get("progress")),
        message=clean(answer.get("message"), MAX_TEXT),
        error=reason(answer.get("error"), MAX_TEXT),
        result=result if isinstance(result, dict) else {},
    )


def read_job_id(answer: Mapping[str, Any]) -> str:
    """The job's id in an answer to POST /v1/generate: `id`, else `job_id`. Raises `NodeRejected` when it has none that can be used."""
    for name in ("id", "job_id"):
        value = answer.get(name)
        if isinstance(value, str | int) and not isinstance(value, bool) and str(value).strip():
            job_id = str(value).strip()
            usable = len(job_id) <= MAX_ID and job_id.isprintable() and "/" not in job_id and job_id not in (".", "..")
            if not usable:
                raise NodeRejected("模型节点给出的任务编号无法使用")
            return job_id
    why = reason(answer.get("error"), MAX_TEXT) or clean(answer.get("message"), MAX_TEXT)
    raise NodeRejected(f"模型节点没有给出任务编号{'：' + why if why else ''}")


def _state(status: str) -> JobState:
    if status in SUCCEEDED:
        return JobState.SUCCEEDED
    if status in FAILED:
        return JobState.FAILED
    return JobState.CANCELLED if status in CANCELLED else JobState.WAITING


def _progress(value: object) -> int | None:
    """0 to 100, also from text and from fractions; None when the node does not say."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value.strip().removesuffix("%") if isinstance(value, str) else value)
        return round(min(max(number, 0.0), 100.0))
    except (ValueError, OverflowError):
        return None
