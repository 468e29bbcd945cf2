"""A job as a node reports it when it is polled: the words for its state, its progress, and errors in the place of a report."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from common.errors import NodeJobLost, NodeUnavailable
from service.node.interface import Job, JobState
from service.node.responses import MAX_TEXT, clean_text, reason_text, told_reason

SUCCEEDED = {"finished", "success", "successful", "completed", "complete", "succeeded", "succeed", "done", "ok"}
FAILED = {"failed", "error", "fail", "failure", "timeout", "timed out", "expired", "revoked"}
CANCELLED = {"cancelled", "canceled"}
READY = "ready"  # a result that can be fetched, or a worker that can begin
WAITING = {
    "",
    "pending",
    "queued",
    "in queue",
    "processing",
    "in progress",
    "running",
    "started",
    "starting",
    "waiting",
}
LOST = {404, 410}
TRY_AGAIN = {408, 425, 429, 502, 503, 504}
_RATIO = re.compile(r"(\d{1,9})\s*/\s*(\d{1,9})")


def read_job(answer: Mapping[str, Any], job_id: str) -> Job:
    """The job in an answer to GET /v1/jobs/{id}; keys that we do not know mean nothing.

    Some nodes answer 200 whatever happens, with an error in place of the job: that is the job's failure, unless its code says that the job
    is unknown (`NodeJobLost`) or that the node is busy (`NodeUnavailable`).
    """
    report = _report(answer)
    result = report.get("result")
    result = result if isinstance(result, dict) else {}
    said = _word(report)
    state = _state(said, result)
    error = reason_text(report.get("error"), MAX_TEXT)
    if not said:
        failure = _failure(answer)
        if failure:
            state, error = JobState.FAILED, failure
    return Job(
        id=job_id,
        state=state,
        progress=read_progress(report.get("progress")),
        message=clean_text(report.get("message"), MAX_TEXT),
        error=error,
        result=result,
        unknown_word=said[:40] if state is JobState.WAITING and said not in WAITING else "",
    )


def read_progress(value: object) -> int | None:
    """0 to 100, also from texts; None when the node does not say.

    A number with a decimal point that is at most 1 is a fraction, a whole 1 is 1 %.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    text = str(value).strip()
    ratio = _RATIO.fullmatch(text)
    try:
        if ratio:
            number = 100 * int(ratio[1]) / int(ratio[2])
        else:
            number = float(text.removesuffix("%"))
            if "." in text and not text.endswith("%") and number <= 1:
                number *= 100
        return round(min(max(number, 0.0), 100.0))
    except (ValueError, ArithmeticError):
        return None


def _report(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    """The job itself: some nodes wrap it in `data`."""
    data = answer.get("data")
    return data if not _word(answer) and isinstance(data, dict) and _word(data) else answer


def _word(report: Mapping[str, Any]) -> str:
    """The state in its usual spelling: `IN_QUEUE` is `in queue`."""
    value = report.get("status") or report.get("state")
    text = value if isinstance(value, str) else ""
    return clean_text(re.sub(r"[\s_-]+", " ", text), MAX_TEXT).lower()


def _state(word: str, result: Mapping[str, Any]) -> JobState:
    if word in SUCCEEDED or (word == READY and result):
        return JobState.SUCCEEDED
    if word in FAILED:
        return JobState.FAILED
    return JobState.CANCELLED if word in CANCELLED else JobState.WAITING


def _failure(answer: Mapping[str, Any]) -> str:
    """The reason in an answer that is an error instead of a job; "" when it is none."""
    code = answer.get("code", answer.get("status_code"))
    number = (
        int(code)
        if isinstance(code, int | str) and str(code).strip().lstrip("-").isdecimal() and len(str(code)) < 9
        else 0
    )
    why = told_reason(answer) or f"code {number}"
    if number in LOST:
        raise NodeJobLost(f"模型节点不认识该任务：{why}")
    if number in TRY_AGAIN:
        raise NodeUnavailable(f"模型节点暂时不可用（{number}）：{why}")
    if (number and not 200 <= number < 300) or answer.get("success") is False:
        return why
    return reason_text(answer.get("error"), MAX_TEXT)
