"""Reading a job as nodes in the field report it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from service.errors import BadNodeResult
from service.node.job import Job, JobState

SUCCEEDED = {"finished", "success", "completed", "succeeded"}
FAILED = {"failed", "error"}
CANCELLED = {"cancelled", "canceled"}
MAX_TEXT = 2000  # characters


def read_job(answer: Mapping[str, Any], job_id: str) -> Job:
    """The job in an answer to GET /v1/jobs/{id}; keys that we do not know mean nothing."""
    status = str(answer.get("status") or "").strip().lower()
    result = answer.get("result")
    return Job(
        id=job_id,
        state=_state(status),
        progress=_progress(answer.get("progress")),
        message=text(answer.get("message")),
        error=text(answer.get("error")),
        result=result if isinstance(result, dict) else {},
    )


def read_job_id(answer: Mapping[str, Any]) -> str:
    """The job's id in an answer to POST /v1/generate: `id`, else `job_id`. Raises `BadNodeResult` when it has none that can be used."""
    for name in ("id", "job_id"):
        value = answer.get(name)
        if isinstance(value, str | int) and not isinstance(value, bool) and str(value).strip():
            job_id = str(value).strip()
            if len(job_id) > 128 or not job_id.isprintable() or "/" in job_id or job_id in (".", ".."):
                raise BadNodeResult("模型节点给出的任务编号无法使用")
            return job_id
    reason = text(answer.get("error")) or text(answer.get("message"))
    raise BadNodeResult(f"模型节点没有给出任务编号{'：' + reason if reason else ''}")


def text(value: object) -> str:
    """A text for a row: no NUL bytes, bounded; "" for what is none."""
    return value.replace("\x00", "").strip()[:MAX_TEXT] if isinstance(value, str) else ""


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
        return round(min(max(float(value), 0.0), 100.0))
    except (ValueError, OverflowError):
        return None
