"""The node's HTTP contract, against the real node with the offline providers."""

from __future__ import annotations

import base64
import io
import json
import re
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import av
import pytest
import requests
from PIL import Image

from tests.integration.worker_node.conftest import PATIENCE_S, NodeProcess, StartNode, image_base64
from tests.support.model_servers.openai_images import OpenAIImages
from tests.support.wait import wait_until

JOB_KEYS = (
    "id projectId shotId type status progress message parameters result error estimatedDuration "
    "startedAt finishedAt createdAt updatedAt"
)
STORY = "海边有一座灯塔。老人点亮了灯。小船回来了。"


def jobs_known(node: NodeProcess) -> int:
    health = node.get("/health").json()
    return int(health["queued"] + health["running"] + health["kept"])


def test_health_names_the_provider_of_each_kind(node: NodeProcess) -> None:
    health = node.get("/health").json()
    assert health["status"] == "ok"
    assert health["providers"] == dict.fromkeys(("llm", "t2i", "i2v", "tts"), "offline")


def test_a_storyboard(node: NodeProcess) -> None:
    job = node.ended(node.submit("storyboard", shot_defaults={"storyText": STORY, "shot_count": 3, "style": "水彩"}))
    assert (job["status"], job["progress"], job["error"]) == ("finished", 100, "")
    assert job["startedAt"]
    assert job["finishedAt"]
    result = job["result"]
    assert result["resource_type"] == "storyboard"
    scenes = node.get(result["resource_url"]).json()
    assert [scene["scene_id"] for scene in scenes] == ["1", "2", "3"]
    assert "".join(scene["narration"] for scene in scenes) == STORY
    assert all(scene["title"] and scene["prompt"] and scene["bgm"] for scene in scenes)
    assert [shot["narration"] for shot in result["task_shots"]["generated_shots"]] == [s["narration"] for s in scenes]


def test_an_image_by_both_ways_to_fetch_it(node: NodeProcess) -> None:
    job = node.ended(node.submit("shot", shot={"prompt": "夜晚的灯塔", "image_width": "320", "image_height": "201"}))
    path = job["result"]["task_shots"]["generated_shots"][0]["path"]
    downloaded = node.get("/v1/download", params={"path": path})
    by_url = node.get(job["result"]["resource_url"])
    assert downloaded.headers["content-type"] == by_url.headers["content-type"] == "image/png"
    assert downloaded.content == by_url.content
    with Image.open(io.BytesIO(by_url.content)) as image:
        assert (image.format, image.size) == ("PNG", (320, 201))
    assert "image_base64" not in json.dumps(job["parameters"])


def test_reference_pictures_reach_the_provider_and_are_shown_to_nobody(start_node: StartNode) -> None:
    pictures = [image_base64(), image_base64(64), base64.b64encode(b"no picture").decode()]
    shot = {"prompt": "狐狸", "image_width": "512", "image_height": "512", "reference_images": pictures}
    with OpenAIImages(key="k") as server:
        named = {"BASE": f"{server.url}/v1", "MODEL": "stand-in", "KEY": "k"}
        env = {f"S2V_NODE_T2I_OPENAI_{name}": value for name, value in named.items()}
        node = start_node("--t2i-provider", "openai", env=env)
        job_id = node.submit("shot", shot=shot)
        job = node.ended(job_id)
        assert job["status"] == "finished", job["error"]
        [sent] = server.references
        assert [Image.open(io.BytesIO(content)).size for content in sent] == [(96, 96), (64, 64)]
        assert "reference_images" not in json.dumps(job["parameters"])
        beside = job["result"]["resource_url"].rpartition("/")[0]
        assert node.get(job["result"]["resource_url"]).status_code == 200
        assert node.get(f"{beside}/reference-1").status_code == 404


@pytest.mark.parametrize(("form", "kind"), [("mp3", "audio/mpeg"), ("wav", "audio/wav")])
def test_speech(node: NodeProcess, form: str, kind: str) -> None:
    job = node.ended(
        node.submit("audio", tts={"text": "你好，灯塔。", "format": form, "sample_rate": 16000, "speed": 1.2})
    )
    answer = node.get(job["result"]["resource_url"])
    assert answer.headers["content-type"] == kind
    with av.open(io.BytesIO(answer.content)) as container:
        assert container.streams.audio[0].rate == 16000


def test_what_a_speech_leaves_out_is_in_its_jobs_message(node: NodeProcess) -> None:
    job = node.ended(node.submit("audio", tts={"text": "他今年１８岁，说ꦲꦏ。"}))
    assert "ꦲꦏ" in job["message"]
    assert job["result"]["unread"] == ["ꦲꦏ"]
    assert node.ended(node.submit("audio", tts={"text": "他今年１８岁。"}))["message"] == "完成"


def test_a_clip(node: NodeProcess) -> None:
    job = node.ended(
        node.submit(
            "video", shot={"image_base64": image_base64()}, video={"resolution": "160x90", "fps": 10, "duration": 0.5}
        )
    )
    video = job["result"]["task_video"]
    assert (video["fps"], video["resolution"], video["duration"]) == ("10", "160x90", "0.500")
    answer = node.get("/v1/download", params={"path": video["path"]})
    with av.open(io.BytesIO(answer.content)) as container:
        assert sum(1 for _ in container.decode(video=0)) == 5


def test_a_clip_shorter_than_a_frame_is_one_frame(node: NodeProcess) -> None:
    size = {"resolution": "64x64", "fps": 10, "duration": 0.001}
    job = node.ended(node.submit("video", shot={"image_base64": image_base64()}, video=size))
    assert job["result"]["task_video"]["duration"] == "0.100"
    with av.open(io.BytesIO(node.get(job["result"]["resource_url"]).content)) as container:
        assert sum(1 for _ in container.decode(video=0)) == 1


def test_a_job_has_every_key_of_the_contract_and_the_parameters_as_they_came(node: NodeProcess) -> None:
    parameters: dict[str, Any] = {"shot_defaults": {"storyText": STORY, "shot_count": 2}}
    job = node.ended(node.submit("storyboard", **parameters))
    assert set(job) == set(JOB_KEYS.split())
    assert job["parameters"] == parameters
    times = [job[key] for key in ("createdAt", "startedAt", "finishedAt")]
    assert times == sorted(times)
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", moment) for moment in times)


def test_envelopes_of_one_id_that_come_at_once_are_one_job(node: NodeProcess) -> None:
    def submit(_: int) -> str:
        return str(node.post("storyboard", task="at-once", shot_defaults={"storyText": STORY}).json()["job_id"])

    before = jobs_known(node)
    with ThreadPoolExecutor(8) as threads:
        assert len(set(threads.map(submit, range(24)))) == 1
    assert jobs_known(node) == before + 1


def test_the_wrong_method_is_told_the_right_one(node: NodeProcess) -> None:
    answer = node.get("/v1/generate")
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "POST"
    assert answer.json()["error"]


def test_the_same_envelope_id_is_one_job(node: NodeProcess) -> None:
    first = node.submit("storyboard", task="task-of-this-test", shot_defaults={"storyText": STORY})
    assert node.submit("storyboard", task="task-of-this-test", shot_defaults={"storyText": STORY}) == first
    node.ended(first)
    assert node.submit("storyboard", task="task-of-this-test", shot_defaults={"storyText": STORY}) == first


@pytest.mark.parametrize(
    ("kind", "parameters", "field"),
    [
        ("shot", {"shot": {"image_width": 1024}}, "image_width"),
        ("shot", {"shot": {"prompt": "x", "image_width": "63"}}, "image_width"),
        ("shot", {"shot": {"prompt": "x", "image_height": "2049"}}, "image_height"),
        ("shot", {"shot": {"prompt": "a\0b"}}, "prompt"),
        ("shot", {"shot": {"prompt": "x", "reference_images": ["%%%"]}}, "reference_images"),
        ("shot", {"shot": {"prompt": "x", "reference_images": ["AAAA"] * 17}}, "reference_images"),
        ("video", {"video": {"fps": ""}}, "fps"),
        ("video", {"video": {"fps": 24}}, "image_base64"),
        ("video", {"shot": {"image_base64": "%%%"}}, "image_base64"),
        ("video", {"shot": {"image_base64": "AAAA"}, "video": {"resolution": "101x100"}}, "resolution"),
        ("audio", {}, "text"),
        ("audio", {"tts": {"text": "x", "speed": 9.0}}, "speed"),
        ("audio", {"tts": {"text": "x", "sample_rate": 12345}}, "sample_rate"),
        ("audio", {"tts": {"text": "x", "format": "ogg"}}, "format"),
        ("storyboard", {"shot_defaults": {"storyText": "  "}}, "storyText"),
        ("storyboard", {"shot_defaults": {"storyText": "x", "shot_count": 201}}, "shot_count"),
        ("storyboard", {"shot_defaults": {"storyText": "x", "shot_count": "6"}}, "shot_count"),
        ("poem", {}, "type"),
    ],
)
def test_what_cannot_be_worked_on_is_a_422_that_names_the_key(
    node: NodeProcess, kind: str, parameters: dict[str, Any], field: str
) -> None:
    before = jobs_known(node)
    answer = node.post(kind, **parameters)
    assert answer.status_code == 422
    assert field in answer.json()["error"]
    assert any(field in detail["loc"] for detail in answer.json()["detail"])
    assert jobs_known(node) == before, "no job came of it"


def test_bytes_that_are_no_image_fail_the_job_in_words(node: NodeProcess) -> None:
    job_id = node.submit("video", shot={"image_base64": "AAAAAAAA"}, video={"duration": 1.0})
    job = node.ended(job_id)
    assert job["status"] == "failed"
    assert "图片无法读取" in job["error"]
    assert not node.left_over(job_id)


def test_broken_json_and_unknown_keys(node: NodeProcess) -> None:
    headers = {"Content-Type": "application/json"}
    assert node.http.post(f"{node.url}/v1/generate", data=b"{", headers=headers, timeout=60).status_code == 422
    assert node.http.post(f"{node.url}/v1/generate", data=b"[]", headers=headers, timeout=60).status_code == 422
    assert node.post("storyboard", shot_defaults={"storyText": STORY, "unheard_of": 1}).status_code == 202


@pytest.mark.parametrize("announced", [True, False])
def test_a_body_over_the_limit_is_refused(node: NodeProcess, announced: bool) -> None:
    chunk = b" " * (1 << 20)
    body: Any = chunk * 53 if announced else (chunk for _ in range(53))
    answer = node.http.post(
        f"{node.url}/v1/generate", data=body, headers={"Content-Type": "application/json"}, timeout=60
    )
    assert answer.status_code == 413
    assert "上限" in answer.json()["error"]


def test_bodies_that_come_at_once_are_bounded_together(node: NodeProcess) -> None:
    def clip() -> requests.Response:
        return node.post("video", shot={"image_base64": "%" * (20 << 20)})

    half = b"POST /v1/generate HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    with ExitStack() as senders:
        for _ in range(4):
            sender = senders.enter_context(
                socket.create_connection(("127.0.0.1", urlsplit(node.url).port or 0), PATIENCE_S)
            )
            sender.sendall(half % (52 << 20) + b" " * (50 << 20))
        refused = wait_until(lambda: [answer for answer in [clip()] if answer.status_code == 503], PATIENCE_S)[0]
        assert int(refused.headers["Retry-After"]) > 0
        assert "过多数据" in refused.json()["error"]
        assert node.post("storyboard", shot_defaults={"storyText": STORY}).status_code == 202
    wait_until(lambda: clip().status_code == 422, PATIENCE_S, "room for another body")


def test_unknown_jobs(node: NodeProcess) -> None:
    assert node.get("/v1/jobs/nobody").status_code == 404
    assert node.http.delete(f"{node.url}/v1/jobs/nobody", timeout=60).status_code == 404


def test_deleting_an_ended_job_leaves_its_file(node: NodeProcess) -> None:
    job = node.ended(node.submit("storyboard", shot_defaults={"storyText": STORY}))
    answer = node.http.delete(f"{node.url}/v1/jobs/{job['id']}", timeout=60)
    assert answer.status_code == 200
    assert answer.json()["success"] is True
    assert answer.json()["error"] == ""
    assert node.job(job["id"])["status"] == "finished"
    assert node.get(job["result"]["resource_url"]).status_code == 200


def test_only_results_are_served(node: NodeProcess, tmp_path: Path) -> None:
    job = node.ended(node.submit("storyboard", shot_defaults={"storyText": STORY}))
    own = node.output / job["id"]
    secret = tmp_path / "secret.json"
    secret.write_text("{}")
    (own / "link.json").symlink_to(secret)
    (node.output / "linked").symlink_to(tmp_path)
    hidden = node.output / ".work" / "unfinished.json"
    hidden.write_text("{}")
    (own / "inner.json").symlink_to(hidden)
    (own / "notes.txt").write_text("not a result")
    bad = [
        "",
        ".",
        "..",
        "../secret.json",
        f"{job['id']}/../../secret.json",
        str(secret),
        f"//{secret}",
        str(own / "storyboard.json"),
        f"{job['id']}/link.json",
        f"{job['id']}/inner.json",
        "linked/secret.json",
        f"{job['id']}/notes.txt",
        f"{job['id']}",
        ".lock",
        ".work/x",
        "a\0b",
        "x" * 5000,
        f"{job['id']}\\storyboard.json",
        "%2e%2e/secret.json",
        f"{job['id']}/./storyboard.json",
    ]
    for path in bad:
        assert node.get("/v1/download", params={"path": path}).status_code == 404, path
    for path in (
        "../secret.json",
        "%2e%2e/secret.json",
        f"{job['id']}/%2e%2e/%2e%2e/secret.json",
        "linked/secret.json",
        "%2Fetc%2Fpasswd",
    ):
        assert node.get(f"/files/{path}").status_code == 404, path
    assert node.get(f"/files/{job['id']}/storyboard.json").status_code == 200


def test_progress_rises_while_a_job_runs(node: NodeProcess) -> None:
    """It is cancelled once enough was seen: a shorter one could end between two looks."""
    job_id = node.submit(
        "video", shot={"image_base64": image_base64()}, video={"resolution": "640x360", "fps": 60, "duration": 60.0}
    )
    seen: list[int] = []

    def rising() -> bool:
        job = node.job(job_id)
        assert job["status"] in ("pending", "processing")
        seen.append(job["progress"])
        return len({percent for percent in seen if 0 < percent < 100}) >= 3

    wait_until(rising, PATIENCE_S, "three steps")
    assert seen == sorted(seen)
    assert node.http.delete(f"{node.url}/v1/jobs/{job_id}", timeout=PATIENCE_S).status_code == 200
