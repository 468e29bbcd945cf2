"""The video server: jobs ordered, polled, paid for, fetched, cancelled."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import av
import pytest
import requests

from tests.support.model_servers.openai_videos import JOBS, OpenAIVideos
from tests.support.model_servers.pictures import encoded, picture

PICTURE = encoded(picture(64, 48, "a street"))


@pytest.fixture
def server() -> Iterator[OpenAIVideos]:
    with OpenAIVideos() as running:
        yield running


def order(
    server: OpenAIVideos, content: bytes | None = PICTURE, name: str = "input_reference", **fields: Any
) -> requests.Response:
    data = {"prompt": "it rains", "size": "64x48", "num_frames": "6", "fps": "6", **fields}
    used = {name: value for name, value in data.items() if value != ...}
    files = {name: ("a.png", io.BytesIO(content), "image/png")} if content is not None else {"x": None}
    return requests.post(f"{server.base}/videos", data=used, files=files, timeout=10)  # type: ignore[arg-type] # none


def poll(server: OpenAIVideos, job: str = "video_1") -> Any:
    return requests.get(f"{server.base}/videos/{job}", timeout=10).json()


def fetch(server: OpenAIVideos, job: str = "video_1") -> requests.Response:
    return requests.get(f"{server.base}/videos/{job}/content", timeout=10)


def shape(content: bytes) -> tuple[int, int, int]:
    with av.open(io.BytesIO(content)) as container:
        frames = [*container.decode(video=0)]
        return frames[0].width, frames[0].height, len(frames)


def test_a_job_goes_from_queued_to_a_clip_as_it_was_ordered(server: OpenAIVideos) -> None:
    assert order(server, seed="7").json()["status"] == "queued"
    assert fetch(server).status_code == 404
    assert [poll(server)["status"] for _ in range(2)] == ["queued", "in_progress"]
    assert fetch(server).status_code == 404
    assert [poll(server)["progress"] for _ in range(2)] == [100, 100]
    assert shape(fetch(server).content) == (64, 48, 6)
    assert (server.jobs["video_1"].seed, server.jobs["video_1"].reference) == (7, PICTURE)
    assert server.charged == {"": 1}


def test_seconds_and_sides_say_the_same(server: OpenAIVideos) -> None:
    order(server, size=..., num_frames=..., seconds="2", width="32", height="16")
    job = server.jobs["video_1"]
    assert (job.width, job.height, job.frames) == (32, 16, 12)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"steps": "4"}, "steps"),
        ({"prompt": ...}, "prompt"),
        ({"num_frames": "six"}, "num_frames"),
        ({"fps": "0"}, "fps"),
        ({"size": "large"}, "size"),
        ({"size": "63x48"}, "size"),
        ({"content": b"no picture"}, "input_reference"),
        ({"content": None}, "input_reference"),
        ({"name": "image"}, "image"),
    ],
)
def test_what_is_not_as_documented_is_refused(server: OpenAIVideos, fields: Any, param: str) -> None:
    response = order(server, **fields)
    assert (response.status_code, response.json()["error"]["param"]) == (400, param)
    assert not server.jobs


def test_some_want_a_picture_of_the_clips_own_size() -> None:
    with OpenAIVideos(exact_reference=True) as server:
        assert [order(server, size=size).status_code for size in ("64x48", "64x64")] == [200, 400]


@pytest.mark.parametrize("name", sorted(JOBS))
def test_a_job_reports_what_it_was_told_to(server: OpenAIVideos, name: str) -> None:
    server.script(name)
    told = order(server).json()
    assert ("data" in told) == (name == "wrapped_in_data")
    if name == "lost":
        poll(server)
        assert poll(server)["error"]["code"] == "not_found"
        return
    for report in [*JOBS[name], JOBS[name][-1]]:
        said = poll(server)
        assert report.items() <= said.get("data", said).items()
    done = JOBS[name][-1].get("status") in ("completed", "succeeded", "SUCCESS")
    assert fetch(server).ok == done


def test_a_cancelled_job_is_gone(server: OpenAIVideos) -> None:
    order(server)
    assert requests.delete(f"{server.base}/videos/video_1", timeout=10).json()["deleted"]
    assert poll(server)["error"]["code"] == "not_found"
    assert requests.delete(f"{server.base}/videos/video_2", timeout=10).status_code == 404
    assert server.cancelled == ["video_1"]


def test_what_a_proxy_cuts_off_is_done_and_paid_for(server: OpenAIVideos) -> None:
    server.script("html_504", "html_524", "html_502", "id_missing")
    assert [order(server).status_code for _ in range(4)] == [504, 524, 502, 200]
    assert (len(server.jobs), sum(server.charged.values())) == (3, 3)


def test_a_key_that_comes_again_gets_the_job_that_a_proxy_had_cut_off() -> None:
    with OpenAIVideos(honours_keys=True, faults=["html_504"]) as server:
        for _ in range(3):
            files = {"input_reference": ("a.png", PICTURE, "image/png")}
            headers = {"Idempotency-Key": "task-1"}
            last = requests.post(
                f"{server.base}/videos", {"prompt": "it rains"}, files=files, headers=headers, timeout=10
            )
        assert last.json()["id"] == "video_1"
        assert server.charged == {"task-1": 1}
        assert len(server.jobs) == 1


def test_polls_fail_and_one_starts_another_paid_job(server: OpenAIVideos) -> None:
    order(server)
    server.script("server_error_500", "rate_limited_429", "new_job", on=server.poll)
    codes = [poll(server)["error"]["code"] for _ in range(2)]
    assert codes == ["server_error", "rate_limit_exceeded"]
    assert poll(server)["id"] == "video_2"
    assert (len(server.jobs), sum(server.charged.values())) == (2, 2)


def test_files_are_no_clips(server: OpenAIVideos) -> None:
    server.script("done_at_once")
    order(server)
    whole = fetch(server).content
    names = ["black", "empty_file", "cut_off_file", "no_clip", "error_with_200", "one_frame", "other_size"]
    server.script(*names, on=server.file)
    files = {name: fetch(server).content for name in names}
    assert (files["empty_file"], files["cut_off_file"]) == (b"", whole[:-200])
    assert shape(files["black"]) == (64, 48, 6)
    with av.open(io.BytesIO(files["black"])) as container:
        assert max(int(frame.to_ndarray(format="gray").max()) for frame in container.decode(video=0)) < 8
    assert files["no_clip"].startswith(b"<html>")
    assert b"expired" in files["error_with_200"]
    assert (shape(files["one_frame"]), shape(files["other_size"])) == ((64, 48, 1), (32, 24, 6))
