"""A job as a node reports it when it is polled: the words for its state, its progress, and errors in the place of a report."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from common.errors import NodeJobLost, NodeUnavailable
from service.node.interface import Job, JobState
from service.node.responses import MAX_TEXT, clean_text, reason_text, told_reason

SUCCEEDED = {
    *("finished", "success", "successful", "completed", "complete", "succeeded", "succeed", "done", "ok"),
    *("完成", "已完成", "成功", "已成功"),
}
FAILED = {
    *(
        "failed",
        "error",
        "fail",
        "failure",
        "timeout",
        "timed out",
        "expired",
        "revoked",
        "aborted",
        "killed",
        "crashed",
    ),
    *("terminated", "rejected", "interrupted", "失败", "已失败", "超时", "已超时"),
}
CANCELLED = {"cancelled", "canceled", "已取消"}
READY = "ready"  # a result that can be fetched, or a worker that can begin
WAITING = {
    *("", "pending", "queued", "in queue", "processing", "in progress", "running", "started", "starting", "waiting"),
    *("排队中", "等待中", "处理中", "运行中", "生成中"),
}
WRAPPERS = ("data", "output", "job", "task", "result")
STATUS = ("status", "state", "task_status", "job_status")
MAX_WORD = 40  # characters
LOST = {404, 410}
TRY_AGAIN = {408, 425, 429, 502, 503, 504}
_LONGEST_NUMBER = 64  # characters: combining marks take time by the square of their number
_RATIO = re.compile(r"(\d{1,9})\s*/\s*(\d{1,9})")


def read_job(answer: Mapping[str, Any], job_id: str) -> Job:
    """The job in an answer to GET /v1/jobs/{id}; keys that we do not know mean nothing.

    Some nodes answer 200 whatever happens, with an error in place of the job: that is the job's failure, unless its code says that the job
    is unknown (`NodeJobLost`) or that the node is busy (`NodeUnavailable`).
    """
    report = _report(answer)
    result = _result(report.get("result"))
    said = _said(report)
    word = _folded(said)
    state = _state(word, result)
    error = reason_text(report.get("error"), MAX_TEXT)
    if state is JobState.FAILED and not error:
        error = told_reason({"error": result.get("error")}) or _reason_elsewhere(report)
    if not word:
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
        code=_number(report.get("code")) or 0,
        unknown_word=said[:MAX_WORD] if state is JobState.WAITING and word not in WAITING else "",
    )


def _reason_elsewhere(report: Mapping[str, Any]) -> str:
    """Why a job failed, by other names than the usual; of a traceback its last line."""
    for name in (
        "detail",
        "reason",
        "fail_reason",
        "failure_reason",
        "error_message",
        "error_msg",
        "errors",
        "exception",
        "traceback",
    ):
        found = reason_text(report.get(name), MAX_TEXT)
        if found:
            return found.splitlines()[-1] if name == "traceback" else found
    return ""


def read_progress(value: object) -> int | None:
    """0 to 100, also from texts; None when the node does not say.

    A number with a decimal point that is at most 1 is a fraction, a whole 1 is 1 %.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        text = unicodedata.normalize("NFKC", str(value)[:_LONGEST_NUMBER]).strip()
        ratio = _RATIO.fullmatch(text)
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
    """The job itself: some nodes wrap it."""
    if _said(answer):
        return answer
    inner = [answer.get(name) for name in WRAPPERS]
    return next((report for report in inner if isinstance(report, dict) and _said(report)), answer)


def _said(report: Mapping[str, Any]) -> str:
    """The state as the node says it; "" where it says none. A number is a code, see `_failure`."""
    found = (report.get(name) for name in STATUS)
    value = next((value for value in found if value not in (None, "")), "")
    if isinstance(value, dict):  # the word stands within
        value = next(
            (value[name] for name in ("status_str", "name", *STATUS) if isinstance(value.get(name), str)), value
        )
    if isinstance(value, int | float) and not isinstance(value, bool) and value >= 100:
        return ""
    return clean_text(value if isinstance(value, str) else str(value), MAX_TEXT)


def _folded(said: str) -> str:
    """A state in its usual spelling: `IN_QUEUE` is `in queue`."""
    return re.sub(r"[\s_-]+", " ", said).strip().lower()


def _result(value: object) -> Mapping[str, Any]:
    """The result; one that is a list holds scenes, one that is a text names a file."""
    if isinstance(value, list):
        return {"storyboard": value}
    if isinstance(value, str) and value.strip():
        return {"resource_url": value}
    return value if isinstance(value, dict) else {}


def _state(word: str, result: Mapping[str, Any]) -> JobState:
    if word in SUCCEEDED or (word == READY and result):
        return JobState.SUCCEEDED
    if word in FAILED:
        return JobState.FAILED
    return JobState.CANCELLED if word in CANCELLED else JobState.WAITING


def _failure(answer: Mapping[str, Any]) -> str:
    """The reason in an answer that is an error instead of a job; "" when it is none."""
    code = next((answer[name] for name in ("code", "status_code", "status") if answer.get(name) not in (None, "")), 0)
    number, word = _number(code), code if isinstance(code, str) else ""
    data = answer.get("data")
    why = (
        told_reason(answer)
        or (told_reason(data) if isinstance(data, dict) else "")
        or f"code {clean_text(str(code), 40)}"
    )
    if number in LOST:
        raise NodeJobLost(f"模型节点不认识该任务：{why}")
    if number in TRY_AGAIN:
        raise NodeUnavailable(f"模型节点暂时不可用（{number}）：{why}")
    is_error = number is None and bool(word) and _folded(word) not in SUCCEEDED
    if is_error or (number and not 200 <= number < 300) or answer.get("success") is False:
        return why
    return reason_text(answer.get("error"), MAX_TEXT)


def _number(code: object) -> int | None:
    """A code's number, None where it is a word."""
    if isinstance(code, bool) or not isinstance(code, int | float | str):
        return 0
    try:
        return int(float(str(code)[:20]))
    except (ValueError, OverflowError):
        return None
