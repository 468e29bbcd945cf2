"""Jobs as nodes in the field report them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import NodeRejected
from service.node.interface import JobState
from service.node.responses import read_job, read_job_id
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
            for word in ("finished", "success", "completed", "succeeded", "SUCCESS", " Finished ")
        ),
        *((word, JobState.FAILED) for word in ("failed", "error", "FAILED")),
        *((word, JobState.CANCELLED) for word in ("cancelled", "canceled")),
        *(
            (word, JobState.WAITING)
            for word in ("pending", "processing", "queued", "warming up", "", None, 3, {"a": 1})
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
    st.dictionaries(st.sampled_from(["id", "status", "progress", "message", "error", "result", "more"]), json_values)
)
def test_no_answer_breaks_the_reading(answer: dict[str, Any]) -> None:
    job = read_job(answer, "j1")
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
