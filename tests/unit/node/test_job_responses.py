"""Jobs as nodes in the field report them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import NodeJobLost, NodeRejected, NodeUnavailable
from service.node.interface import JobState
from service.node.job_report import read_job
from service.node.responses import read_job_id
from tests.support.node.gateway import gateway_job

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@pytest.mark.parametrize(
    ("said", "state"),
    [
        *(
            (word, JobState.SUCCEEDED)
            for word in (
                *("finished", "success", "completed", "succeeded", "SUCCESS", " Finished "),
                *("done", "Done", "succeed", "complete", "OK", "successful"),
            )
        ),
        *(
            (word, JobState.FAILED)
            for word in ("failed", "error", "FAILED", "Fail", "failure", "timeout", "TIMED_OUT", "expired", "revoked")
        ),
        *((word, JobState.CANCELLED) for word in ("cancelled", "canceled")),
        *(
            (word, JobState.WAITING)
            for word in ("pending", "processing", "queued", "warming up", "ready", "", None, 3, {"a": 1})
        ),
    ],
)
def test_known_words_end_a_job_and_anything_else_means_wait(said: object, state: JobState) -> None:
    assert read_job({"status": said}, "j1").state is state


@pytest.mark.parametrize(
    ("said", "progress"),
    [
        (40, 40),
        (40.4, 40),
        ("40", 40),
        (" 40 % ", 40),
        (0.35, 35),
        ("0.35", 35),
        (0.005, 0),
        (1.0, 100),
        ("1.0", 100),
        (1, 1),
        ("1", 1),
        (1.5, 2),
        ("0.5%", 0),
        ("3/4", 75),
        ("3/0", None),
        ("50％", 50),
        pytest.param(10**6000, None, id="endless"),
        (-3, 0),
        (250, 100),
        (None, None),
        ("half", None),
        (True, None),
        (float("nan"), None),
        ([], None),
    ],
)
def test_progress_is_read_from_numbers_and_texts(said: object, progress: int | None) -> None:
    assert read_job({"status": "processing", "progress": said}, "j1").progress == progress


def test_ready_is_an_end_only_where_there_is_a_result() -> None:
    assert read_job({"status": "Ready", "result": {"resource_url": "/a.png"}}, "j1").state is JobState.SUCCEEDED
    assert read_job({"status": "ready", "result": {}}, "j1").state is JobState.WAITING


@pytest.mark.parametrize(
    ("said", "unknown"), [("warming_up", "warming_up"), ("IN_QUEUE", ""), ("", ""), ("x" * 99, "x" * 40)]
)
def test_a_word_that_is_not_known_is_kept_for_the_time_limits_message(said: str, unknown: str) -> None:
    assert read_job({"status": said}, "j1").unknown_word == unknown


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"code": 500, "message": "CUDA out of memory"}, "CUDA out of memory"),
        ({"code": "500", "msg": "显存不足"}, "显存不足"),
        ({"code": -1, "data": None, "msg": "内容违规"}, "内容违规"),
        ({"code": 1001, "detail": "bad prompt", "data": {}}, "bad prompt"),
        ({"success": False, "message": "no such workflow"}, "no such workflow"),
        ({"error": {"type": "OutOfMemoryError"}}, '{"type": "OutOfMemoryError"}'),
        ({"code": 500}, "code 500"),
        ({"status": "", "error": "worker died"}, "worker died"),
        ({"code": "InternalError", "message": "worker crashed"}, "worker crashed"),
        ({"status": 500, "message": "CUDA OOM"}, "CUDA OOM"),
        ({"code": 500.0, "data": {"message": "CUDA OOM"}}, "CUDA OOM"),
        ({"status": "failed", "result": {"error": "OOM deep"}}, "OOM deep"),
    ],
)
def test_an_error_in_place_of_a_job_is_its_failure_with_the_nodes_reason(answer: dict[str, Any], reason: str) -> None:
    job = read_job(answer, "j1")
    assert (job.state, job.error) == (JobState.FAILED, reason)


def test_an_error_that_says_try_again_or_unknown_job_is_no_failure() -> None:
    with pytest.raises(NodeUnavailable, match="busy"):
        read_job({"code": 503, "message": "busy"}, "j1")
    with pytest.raises(NodeJobLost, match="no such job"):
        read_job({"code": 404, "message": "no such job"}, "j1")


@pytest.mark.parametrize(
    "answer",
    [
        {"code": 200, "message": "ok", "data": {"status": "processing", "progress": 40}},
        {"code": 0, "data": {"state": "RUNNING", "progress": "40"}},
        {"code": 500, "status": "processing", "progress": 0.4},
        {"output": {"task_status": "RUNNING", "progress": 40}},
    ],
)
def test_a_job_in_an_envelope_is_a_job(answer: dict[str, Any]) -> None:
    job = read_job(answer, "j1")
    assert (job.state, job.progress) == (JobState.WAITING, 40)


def test_a_gateways_job_is_understood() -> None:
    job = read_job(gateway_job(status="failed", progress=40, error={"code": 7, "detail": "显存不足"}), "j1")
    assert (job.state, job.progress, job.message) == (JobState.FAILED, 40, "")
    assert "显存不足" in job.error


def test_texts_are_made_fit_for_a_row() -> None:
    job = read_job(
        json.loads('{"status": "failed", "message": " a\\u0000b\\ud800 ", "error": "' + "x" * 5000 + '"}'), "j1"
    )
    assert job.message == "ab?"
    assert len(job.error) == 2000


@given(
    st.dictionaries(
        st.sampled_from(["id", "status", "progress", "message", "error", "result", "code", "data"]), json_values
    )
)
def test_no_answer_breaks_the_reading(answer: dict[str, Any]) -> None:
    try:
        job = read_job(answer, "j1")
    except (NodeJobLost, NodeUnavailable):
        return
    assert job.id == "j1"
    assert job.progress is None or 0 <= job.progress <= 100
    job.message.encode()
    assert "\x00" not in job.message + job.error


@pytest.mark.parametrize(
    ("answer", "job_id"),
    [
        ({"job_id": "a", "message": "", "error": ""}, "a"),
        ({"id": "b", "job_id": "a"}, "b"),
        ({"id": "", "job_id": "a"}, "a"),
        ({"id": None, "job_id": 17}, "17"),
        ({"id": 0}, "0"),
    ],
)
def test_id_wins_over_job_id(answer: dict[str, Any], job_id: str) -> None:
    assert read_job_id(answer) == job_id


@pytest.mark.parametrize("job_id", ["", "..", ".", "a/b", "a\nb", "x" * 129, True, ["a"], {"a": 1}, 1.5, "../../admin"])
def test_an_id_that_cannot_stand_in_a_path_is_refused(job_id: object) -> None:
    with pytest.raises(NodeRejected):
        read_job_id({"id": job_id})


def test_the_nodes_reason_for_giving_no_id_is_passed_on() -> None:
    with pytest.raises(NodeRejected, match="queue is broken"):
        read_job_id({"job_id": "", "message": "x", "error": "queue is broken"})


@pytest.mark.parametrize("said", [["done"], {"done": 1}, True, 7])
def test_a_state_that_is_no_text_is_kept_too(said: object) -> None:
    job = read_job({"status": said}, "j1")
    assert (job.state, job.unknown_word) == (JobState.WAITING, str(said))


@pytest.mark.parametrize(
    ("said", "result"),
    [([{"narration": "n"}], {"storyboard": [{"narration": "n"}]}), ("/a.png", {"resource_url": "/a.png"})],
)
def test_a_result_that_is_no_object_is_kept(said: object, result: dict[str, Any]) -> None:
    assert read_job({"status": "done", "result": said}, "j1").result == result
