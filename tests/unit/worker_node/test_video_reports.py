"""What video servers call the states of a job."""

from __future__ import annotations

from typing import Any

import pytest

from worker_node.providers.openai.video_reports import Report, State, read_report


@pytest.mark.parametrize("word", ["completed", "succeeded", "SUCCESS", " Finished ", "done", "complete"])
def test_every_word_for_success_is_one(word: str) -> None:
    assert read_report({"id": "v", "status": word}).state is State.DONE
    assert read_report({"data": {"task_id": 7, "task_status": word}}) == Report("7", State.DONE)


@pytest.mark.parametrize("word", ["failed", "ERROR", "cancelled", "canceled", "rejected", "timeout"])
def test_every_word_for_failure_is_one(word: str) -> None:
    assert read_report({"id": "v", "status": word}).state is State.FAILED


@pytest.mark.parametrize("found", [{}, {"status": "warming up"}, {"status": None}, None, "text", [1], {"data": [1]}])
def test_anything_else_means_wait(found: Any) -> None:
    assert read_report(found).state is State.WAITING


@pytest.mark.parametrize(
    ("given", "percent"),
    [
        (50, 50), ("37.5", 37), ("100%", 100), (0.25, 25), (1.0, 100), (1, 1), (99.9, 99), (1000, 100), (None, 0), ("x", 0),
        (True, 0), ([], 0),
    ],
)  # fmt: skip
def test_progress_is_a_percentage_a_fraction_or_text(given: Any, percent: int) -> None:
    assert read_report({"id": "v", "status": "in_progress", "progress": given}).progress == percent


@pytest.mark.parametrize(
    ("error", "state", "reason"),
    [
        ({"code": "moderation_blocked", "message": "no"}, State.UNSAFE, "no"),
        ({"type": "content_policy_violation"}, State.UNSAFE, "content_policy_violation"),
        ({"code": "server_error", "message": "it\nbroke"}, State.FAILED, "it broke"),
        ("CUDA out of memory", State.FAILED, "CUDA out of memory"),
        (None, State.FAILED, ""),
        ([1], State.FAILED, ""),
    ],
)
def test_why_it_failed_is_told(error: Any, state: State, reason: str) -> None:
    found = read_report({"id": "v", "status": "failed", "error": error})
    assert (found.state, found.reason.strip()) == (state, reason)


def test_an_expired_job_is_none_that_failed() -> None:
    assert read_report({"id": "v", "status": "EXPIRED"}) == Report("v", State.EXPIRED)
