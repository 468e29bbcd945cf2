"""`/api` as the design document has it: its bodies to the key, its words, and a story's whole life by these routes alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import requests
from flask.testing import FlaskClient

from models.task import TaskStatus, TaskType
from service.container import Services
from tests.contract.story import Told, create, finish
from tests.e2e import deployment
from tests.e2e.client import Client
from tests.integration.film import material
from tests.support import openapi
from tests.support.node.scripts import finished
from tests.support.node.stand_in import StandInNode
from tests.support.wait import wait_until
from tests.support.web_app import change, new_task

STORY = "从前有一只狐狸。它住在森林里。"
CREATE = {"title": "狐狸", "style": "movie", "story": STORY, "shot_count": 2}
ENVELOPE = {"code", "request_id"}
RESULTS = {
    "storyboard": {"shots"},
    "image": {"image_url"},
    "narration": {"audio_url", "duration"},
    "clip": {"video_url", "duration"},
    "film": {"video_url", "duration"},
}
PATIENCE_S = 240.0


def ok(answer: Any) -> dict[str, Any]:
    """A success's body without what all successes have."""
    body = answer.get_json() if hasattr(answer, "get_json") else answer.json()
    assert answer.status_code == 200, body
    assert body.pop("code") == 0
    assert body.pop("request_id") == answer.headers["X-Request-ID"]
    assert isinstance(body, dict)
    return body


@dataclass
class Walk:
    """A story from the gateway's side; `seen` is what was answered, `tasks` the ids by kind."""

    client: Client
    node: StandInNode
    seen: dict[str, Any] = field(default_factory=dict)
    tasks: dict[str, str] = field(default_factory=dict)

    def ask(self, name: str, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        self.seen[name] = ok(self._checked(method, f"/api{path}", body))
        return self.seen[name]

    def _checked(self, method: str, path: str, body: dict[str, Any] | None = None) -> requests.Response:
        answer = self.client.request(method, path, json=body)
        openapi.check(method, path.partition("?")[0], answer.status_code, answer.headers["Content-Type"], answer.json())
        return answer

    def status(self, task_id: str) -> Any:
        return ok(self._checked("GET", f"/api/tasks/{task_id}/status"))

    def wait(self, kind: str) -> None:
        """Until the task of this kind has succeeded; its first and its last status are kept."""
        task_id = self.tasks[kind]
        self.seen[f"{kind}-first"] = self.status(task_id)
        wait_until(lambda: self.status(task_id)["status"] in ("SUCCESS", "FAILED"), PATIENCE_S, kind)
        self.seen[f"{kind}-last"] = self.status(task_id)

    def walk(self, clip: bytes) -> None:
        held = self.node.held_storyboard()
        made = self.ask("create", "POST", "/projects/create", CREATE)
        project, self.tasks["storyboard"] = made["project_id"], made["task_id"]
        self.ask("storyboard-waiting", "GET", f"/projects/{project}/storyboard")
        self.seen["too-early"] = self.client.request("POST", f"/api/shots/{made['shots'][0]['id']}/generate_image")
        held.set()
        self.wait("storyboard")
        images = [task["id"] for task in self.client.tasks(project) if task["type"] == "generate_shot"]
        for task_id in images:
            self.client.wait(task_id)
        self.ask("storyboard", "GET", f"/projects/{project}/storyboard")
        shot = made["shots"][0]["id"]
        before = len(self.client.tasks(project))
        self.ask("update_prompt", "POST", f"/shots/{shot}/update_prompt", {"prompt": "sunset", "narration": "voice"})
        self.seen["started"] = len(self.client.tasks(project)) - before
        wanted = {"model": "sd_turbo", "seed": 123, "cfg_scale": 5.5, "steps": 6}
        self.tasks["image"] = self.ask("generate_image", "POST", f"/shots/{shot}/generate_image", wanted)["task_id"]
        self.wait("image")
        self.node.script("generate_video", lambda _envelope: finished(clip))
        wanted = {"model": "svd_img2vid", "fps": 24, "duration": 3}
        self.tasks["clip"] = self.ask("generate_video", "POST", f"/shots/{shot}/generate_video", wanted)["task_id"]
        self.wait("clip")
        self.tasks["narration"] = self.ask("tts", "POST", f"/projects/{project}/tts", {"speed": 1.5})["task_id"]
        self.wait("narration")
        options = {"mode": "preview", "subtitles": "off"}
        self.tasks["film"] = self.ask("compose", "POST", f"/projects/{project}/compose", options)["task_id"]
        self.wait("film")
        self.ask("list", "GET", "/projects?page_size=1")


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walk]:
    folder = tmp_path_factory.mktemp("gateway")
    grey = np.full((180, 320, 3), 128, np.uint8)
    clip = material.clip(folder / "clip.mp4", [grey] * 10).read_bytes()
    settings = {"film.resolution": "320x180", "film.fps": 15}
    with StandInNode() as node:
        node.health["providers"] = {"i2v": "svd"}  # before anybody asks: the server keeps the answer for a minute
        with deployment.embedded(folder, {"worker.addr": node.addr, **settings}) as deployed:
            walked = Walk(Client([deployed.servers[0].url], folder), node)
            walked.walk(clip)
            yield walked


def test_a_new_project_is_answered_with_its_shots_and_its_task(walk: Walk) -> None:
    made = walk.seen["create"]
    assert set(made) == {"project_id", "shots", "task_id"}
    assert [{**shot, "id": ""} for shot in made["shots"]] == [
        {"id": "", "order": order, "prompt": "", "narration": "", "status": "PENDING"} for order in (1, 2)
    ]


def test_the_shots_that_were_promised_are_those_of_the_storyboard(walk: Walk) -> None:
    made, waiting, done = (walk.seen[name] for name in ("create", "storyboard-waiting", "storyboard"))
    for board in (waiting, done):
        assert set(board) == {"project_id", "shots", "updated_at"}
        assert [shot["id"] for shot in board["shots"]] == [shot["id"] for shot in made["shots"]]
    files = dict.fromkeys(("image_url", "audio_url", "video_url"))
    assert waiting["shots"] == [shot | files for shot in made["shots"]]
    assert [shot["prompt"] for shot in done["shots"]] == ["prompt 1", "prompt 2"]
    assert [shot["narration"] for shot in done["shots"]] == ["旁白1。", "旁白2。"]
    assert {shot["status"] for shot in done["shots"]} == {"SUCCESS"}
    assert requests.get(done["shots"][0]["image_url"], timeout=60).ok


def test_new_words_start_nothing(walk: Walk) -> None:
    shot = walk.seen["create"]["shots"][0]["id"]
    assert walk.seen["update_prompt"] == {"id": shot, "prompt": "sunset", "narration": "voice"}
    assert walk.seen["started"] == 0


@pytest.mark.parametrize("name", ["generate_image", "generate_video", "tts", "compose"])
def test_what_becomes_a_task_is_queued(walk: Walk, name: str) -> None:
    assert set(walk.seen[name]) == {"task_id", "status"}
    assert walk.seen[name]["status"] == "QUEUED"


@pytest.mark.parametrize("kind", RESULTS)
def test_a_task_ends_well_with_the_keys_of_its_kind(walk: Walk, kind: str) -> None:
    for moment in ("first", "last"):
        status = walk.seen[f"{kind}-{moment}"]
        assert set(status) == {"task_id", "status", "result", "err_msg"}
        assert set(status["result"]) == RESULTS[kind]
        assert (status["task_id"], status["err_msg"]) == (walk.tasks[kind], None)
    assert walk.seen[f"{kind}-first"]["status"] in ("PENDING", "RUNNING", "SUCCESS")
    assert status["status"] == "SUCCESS"


@pytest.mark.parametrize(("kind", "name"), [("image", "image_url"), ("clip", "video_url"), ("film", "video_url")])
def test_a_result_can_be_fetched_without_a_header(walk: Walk, kind: str, name: str) -> None:
    answer = requests.get(walk.seen[f"{kind}-last"]["result"][name], timeout=60)
    assert (answer.status_code, bool(answer.content)) == (200, True)


def test_results_tell_lengths_in_seconds(walk: Walk) -> None:
    assert walk.seen["clip-last"]["result"]["duration"] == pytest.approx(1, abs=0.1)
    assert walk.seen["narration-last"]["result"] == {"audio_url": None, "duration": 2.0}  # a file for each of two shots
    assert walk.seen["film-last"]["result"]["duration"] > 2
    [spoken, *_] = [task for task in walk.client.tasks(walk.seen["create"]["project_id"]) if _speaks_one_shot(task)]
    one = walk.status(spoken["id"])["result"]
    assert one == {"audio_url": spoken["result"]["resource_url"], "duration": 1.0}


def _speaks_one_shot(task: dict[str, Any]) -> bool:
    return task["type"] == "generate_audio" and "shotId" in task


def test_what_a_model_is_asked_for_is_stored_and_reaches_the_node(walk: Walk) -> None:
    image, clip = (_started(walk, kind)["parameters"] for kind in ("image", "clip"))
    assert image["shot"] | {"model": "sd_turbo", "seed": 123, "cfg_scale": 5.5, "steps": 6} == image["shot"]
    assert image["shot"]["prompt"] == "sunset"
    assert clip["video"] | {"fps": 24, "duration": 3} == clip["video"]
    assert clip["shot"]["model"] == "svd_img2vid"
    for kind, group in (("image", image["shot"]), ("clip", clip["video"])):
        stored = walk.client.task(walk.tasks[kind])["parameters"]["shot" if kind == "image" else "video"]
        assert stored | group == stored
    narrations = [job.envelope["parameters"]["tts"] for job in walk.node.of_type("generate_audio")]
    assert {tts["speed"] for tts in narrations} == {1.5}
    assert "voice" in {tts["text"] for tts in narrations}


def _started(walk: Walk, kind: str) -> dict[str, Any]:
    [job] = [job for job in walk.node.started if job.envelope["id"] == walk.tasks[kind]]
    return job.envelope


def test_projects_are_listed(walk: Walk) -> None:
    listed = walk.seen["list"]
    assert set(listed) == {"items", "page", "page_size", "total"}
    [item] = listed["items"]
    keys = ("id", "title", "style", "stage", "shot_count", "cover_url", "video_url", "created_at", "updated_at")
    assert set(item) == set(keys)
    assert (item["id"], item["title"], item["shot_count"]) == (walk.seen["create"]["project_id"], "狐狸", 2)
    assert (listed["page"], listed["page_size"], listed["total"]) == (1, 1, 1)


def test_a_shot_that_is_only_promised_cannot_be_painted_yet(walk: Walk) -> None:
    answer = walk.seen["too-early"]
    assert answer.status_code == 409
    assert answer.json()["code"] == 409


@pytest.fixture
def told(client: FlaskClient, services: Services) -> Told:
    return finish(services, create(client))


BAD_IMAGES: dict[str, tuple[Any, ...]] = {
    "seed": (-1, 2**53, "x", 1.5, True),
    "steps": (-1, 201, "many"),
    "cfg_scale": (-0.1, 50.5, "x", []),
    "model": ("m" * 201, 5),
}
BAD_CLIPS: dict[str, tuple[Any, ...]] = {
    "fps": (0, 61, "x"),
    "duration": (0, 0.4, 61, "x"),
    "model": ("m" * 201,),
}
REFUSED: list[tuple[str, str, dict[str, Any], str]] = [
    ("POST", "/projects/create", {"title": "x"}, "story"),
    ("POST", "/projects/create", {"story": " \n"}, "story"),
    ("POST", "/projects/create", {"story": "字" * 501}, "500"),
    ("POST", "/projects/create", {"story_text": "字" * 501}, "500"),
    ("POST", "/projects/create", {"story": 5}, "文本"),
    ("POST", "/projects/create", {"story": STORY, "title": "t" * 201}, "200"),
    ("POST", "/projects/create", {"story": STORY, "shot_count": 61}, "60"),
    ("GET", "/projects?page=0", {}, "page"),
    ("GET", "/projects?page_size=101", {}, "100"),
    ("POST", "/projects/{project}/compose", {"fps": 61}, "60"),
    ("POST", "/projects/{project}/tts", {"speed": 3}, "2"),
    ("POST", "/shots/{shot}/update_prompt", {"prompt": "p" * 4001}, "4000"),
    ("POST", "/shots/{shot}/update_prompt", {"narration": "字" * 20_001}, "20000"),
    *(("POST", "/shots/{shot}/generate_image", {name: bad}, name) for name in BAD_IMAGES for bad in BAD_IMAGES[name]),
    *(("POST", "/shots/{shot}/generate_video", {name: bad}, name) for name in BAD_CLIPS for bad in BAD_CLIPS[name]),
]


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: f"{case[1]} {json.dumps(case[2])[:40]}")
def test_what_is_wrong_is_refused_in_the_documents_words(
    client: FlaskClient, services: Services, told: Told, case: tuple[str, str, dict[str, Any], str]
) -> None:
    method, path, body, word = case
    before = client.get(f"/v1/api/projects/{told.project_id}/tasks").get_json()["total_tasks"]
    where = "/api" + path.format(project=told.project_id, shot=told.shot_ids[0])
    answer = client.open(where, method=method, json=body if method == "POST" else None)
    error = answer.get_json()
    assert (answer.status_code, set(error), error["code"]) == (400, {"code", "message", "request_id"}, 400)
    assert word in error["message"]
    assert client.get(f"/v1/api/projects/{told.project_id}/tasks").get_json()["total_tasks"] == before
    assert client.get("/v1/api/projects").get_json()["total"] == 1


UNKNOWN = [
    ("GET", "/projects/nobody/storyboard"),
    ("POST", "/projects/nobody/compose"),
    ("POST", "/projects/nobody/tts"),
    ("POST", "/shots/nobody/update_prompt"),
    ("POST", "/shots/nobody/generate_image"),
    ("POST", "/shots/nobody/generate_video"),
    ("GET", "/tasks/nobody/status"),
    ("GET", f"/tasks/{'x' * 65}/status"),
    ("GET", "/nothing"),
    ("DELETE", "/projects"),
]


@pytest.mark.parametrize(("method", "path"), UNKNOWN)
def test_what_is_not_there_has_the_documents_error(client: FlaskClient, method: str, path: str) -> None:
    answer = client.open(f"/api{path}", method=method)
    error = answer.get_json()
    assert answer.status_code == (405 if method == "DELETE" else 404)
    assert set(error) == {"code", "message", "request_id"}
    assert (error["code"], error["request_id"]) == (answer.status_code, answer.headers["X-Request-ID"])


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"headers": {"Host": "a b"}}, 400),
        ({"environ_overrides": {"RAW_URI": "/" + "x" * 300_000}}, 414),
        ({"data": b"x", "headers": {"Content-Encoding": "br"}}, 415),
        ({"data": b"{" * 300_000, "content_type": "application/json"}, 413),
    ],
    ids=["host", "line", "coding", "body"],
)
def test_what_never_gets_to_a_route_has_the_documents_error_too(
    client: FlaskClient, sent: dict[str, Any], status: int
) -> None:
    answer = client.post("/api/projects/create", **sent)
    assert (answer.status_code, set(answer.get_json())) == (status, {"code", "message", "request_id"})


STATUSES = {
    TaskStatus.BLOCKED: "PENDING",
    TaskStatus.PENDING: "PENDING",
    TaskStatus.PROCESSING: "RUNNING",
    TaskStatus.FINISHED: "SUCCESS",
    TaskStatus.FAILED: "FAILED",
    TaskStatus.CANCELLED: "FAILED",
}


@pytest.mark.parametrize("status", TaskStatus)
@pytest.mark.parametrize("kind", TaskType)
def test_a_task_of_any_kind_in_any_state_has_a_status_and_its_keys(
    client: FlaskClient, services: Services, kind: TaskType, status: TaskStatus
) -> None:
    task_id = new_task(services, type=kind, status=status, error="显存不足" if status == TaskStatus.FAILED else "")
    body = ok(client.get(f"/api/tasks/{task_id}/status"))
    assert body["status"] == STATUSES[status]
    assert bool(body["err_msg"]) == (body["status"] == "FAILED")
    name = {TaskType.STORYBOARD: "storyboard", TaskType.IMAGE: "image", TaskType.NARRATION: "narration"}.get(
        kind, "film"
    )
    assert set(body["result"]) == RESULTS[name]


def test_a_failed_tasks_reason_names_no_folder(client: FlaskClient, services: Services) -> None:
    task_id = new_task(services, status=TaskStatus.FAILED, error="/srv/data/a.png 已损坏")
    assert ok(client.get(f"/api/tasks/{task_id}/status"))["err_msg"] == "a.png 已损坏"


def test_what_an_older_backend_left_as_a_result_is_no_fault(client: FlaskClient, services: Services) -> None:
    films: list[Any] = [{}, {"task_video": {}}, {"task_video": {"duration": "?"}}, {"task_video": 5}]
    for result in [*films, {"resource_url": None}]:
        task_id = new_task(services, type=TaskType.FILM, status=TaskStatus.FINISHED, result=result)
        body = ok(client.get(f"/api/tasks/{task_id}/status"))
        assert body["result"] == {"video_url": None, "duration": None}


def test_a_story_of_the_surfaces_own_limit_is_taken_in_either_spelling(client: FlaskClient) -> None:
    for name in ("story", "story_text", "StoryText"):
        made = ok(client.post("/api/projects/create", json={name: "字" * 500}))
        stored = client.get(f"/v1/api/projects/{made['project_id']}").get_json()["project_detail"]
        assert stored["storyText"] == "字" * 500
        [first, *_] = client.get(f"/v1/api/projects/{made['project_id']}/tasks").get_json()["tasks"]
        assert first["id"] == made["task_id"]
    assert client.post("/v1/api/projects", json={"story_text": "字" * 501}).status_code == 200


def test_both_surfaces_show_the_same_shots(client: FlaskClient, told: Told) -> None:
    here = ok(client.get(f"/api/projects/{told.project_id}/storyboard"))["shots"]
    there = client.get(f"/v1/api/projects/{told.project_id}/shots").get_json()["shots"]
    assert [shot["id"] for shot in here] == [shot["id"] for shot in there]
    assert [shot["image_url"] for shot in here] == [shot["imagePath"] for shot in there]


def test_new_words_keep_the_picture_and_drop_the_voice_of_the_old_ones(
    client: FlaskClient, services: Services, told: Told
) -> None:
    shot = told.shot_ids[0]
    ok(client.post(f"/api/shots/{shot}/update_prompt", json={"narration": "新的旁白"}))
    [first, *_] = client.get(f"/v1/api/projects/{told.project_id}/shots").get_json()["shots"]
    assert (first["narration"], first["description"], first["prompt"]) == ("新的旁白", "新的旁白", "fox")
    assert (first["status"], bool(first["imagePath"]), first["audioPath"]) == ("completed", True, "")
    silent = ok(client.post(f"/api/shots/{shot}/update_prompt", json={"narration": "", "prompt": ""}))
    assert silent == {"id": shot, "prompt": "fox", "narration": ""}


def test_a_replaced_storyboards_task_shows_no_shots_of_the_new_one(client: FlaskClient, told: Told) -> None:
    answer = client.put(f"/v1/api/projects/{told.project_id}", json={"story_text": "新的故事。"}).get_json()
    assert ok(client.get(f"/api/tasks/{told.text_task_id}/status"))["result"] == {"shots": []}
    assert ok(client.get(f"/api/tasks/{answer['text_task']}/status"))["status"] == "PENDING"


def test_answers_are_kept_to_their_client(client: FlaskClient) -> None:
    assert client.get("/api/projects").headers["Cache-Control"] == "private, no-cache"
    assert client.get("/api/projects/").status_code == 200


def test_the_webhook_wakes_a_poll_and_changes_no_row(client: FlaskClient, services: Services) -> None:
    """A deviation from the design document, which has the row written by what the node says here."""
    task_id = new_task(services, status=TaskStatus.PROCESSING)
    change(services, task_id, message="运行中")
    assert client.post("/api/webhook/task_complete", json={"task_id": task_id, "status": "SUCCESS"}).status_code == 403
    assert ok(client.get(f"/api/tasks/{task_id}/status"))["status"] == "RUNNING"
