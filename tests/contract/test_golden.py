"""Every answer that was recorded from the Go backend, asked of this server: one walk over each column, tasks run by the real processor."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from tests.contract.shape import misfits
from tests.contract.story import CREATE
from tests.e2e import deployment
from tests.e2e.client import Client
from tests.support import openapi
from tests.support.node.stand_in import StandInNode
from tests.support.web_app import closed_with, connecting, hear

GOLDEN: dict[str, Any] = {
    name: recorded["answer"]
    for name, recorded in json.loads((Path(__file__).parent / "golden.json").read_text("utf-8")).items()
}
HTTP = sorted(name for name, answer in GOLDEN.items() if isinstance(answer, dict) and "body" in answer)
V1 = "/v1/api"


@dataclass
class Walk:
    """What was answered, by the recording's name."""

    client: Client
    seen: dict[str, Any] = field(default_factory=dict)

    def ask(self, name: str, method: str, path: str, **params: str) -> Any:
        """Ask once; the body."""
        answer = self.client.request(method, V1 + path, params=params)
        body = answer.json()
        openapi.check(method, V1 + path, answer.status_code, answer.headers["Content-Type"], body)
        kind = answer.headers["Content-Type"].partition(";")[0]
        self.seen[name] = {"status": answer.status_code, "type": kind, "body": body}
        return body

    def watch(self, name: str, task_id: str, between: Callable[[], object] = lambda: None) -> None:
        """Follow a task's socket to its end; `between` is called once the first message has come."""
        with connecting(urlsplit(self.client.urls[0]).netloc) as connect:
            socket = connect(task_id)
            socket.send('{"type":"hello"}')
            first = message = hear(socket)
            between()
            openapi.check_message(first)
            while message.get("status") in ("pending", "processing"):
                message = hear(socket)
                openapi.check_message(message)
            assert closed_with(socket) == 1000
            self.seen[name] = {"first": first, "last_status": message.get("status"), "end": "closed"}

    def walk(self, node: StandInNode) -> None:
        """The whole life of a project, in the order in which it was recorded."""
        held = node.held_storyboard()
        made = self.ask("create", "POST", "/projects", **CREATE)
        project, images = made["project_id"], made["shot_task_ids"]
        self.ask("project-fresh", "GET", f"/projects/{project}")
        self.watch("ws-storyboard", made["text_task_id"], held.set)
        self.seen["statuses"] = [self.client.wait(id_)["status"] for id_ in (made["text_task_id"], *images)]
        self.ask("task-storyboard", "GET", f"/tasks/{made['text_task_id']}")
        image = self.ask("task-image", "GET", f"/tasks/{images[0]}")["task"]
        self.seen["image-bytes"] = requests.get(image["result"]["resource_url"], timeout=60)
        self.ask("project-done", "GET", f"/projects/{project}")
        shots = self.ask("shots", "GET", f"/projects/{project}/shots")["shots"]
        self.seen["shot-order"] = [shot["order"] for shot in shots]
        shot = shots[0]["id"]
        self.ask("shot", "GET", f"/projects/{project}/shots/{shot}")
        change = {"title": "新", "prompt": "a red fox", "transition": "fade"}
        again = self.ask("shot-update", "POST", f"/projects/{project}/shots/{shot}", **change)["task_id"]
        self.seen["shot-update-final"] = [self.client.wait(again)["status"]]
        for noun in ("tts", "video"):
            self.ask(noun, "POST", f"/projects/{project}/{noun}")
        self._unknown(project)
        self.ask("shot-delete", "DELETE", f"/shots/{shot}")
        update = {"Title": "新", "StoryText": "新的故事。", "ShotCount": "3"}
        self.ask("project-update", "PUT", f"/projects/{project}", **update)
        self.ask("project-delete", "DELETE", f"/projects/{project}")

    def _unknown(self, project: str) -> None:
        self.ask("404-delete", "DELETE", "/projects/nobody")
        self.ask("404-delete-shot", "DELETE", "/shots/nobody")
        self.ask("404-project", "GET", "/projects/nobody")
        self.ask("404-put", "PUT", "/projects/nobody", Title="x")
        self.ask("404-shot", "GET", f"/projects/{project}/shots/nobody")
        self.ask("404-shots", "GET", "/projects/nobody/shots")
        self.ask("404-task", "GET", "/tasks/nobody")
        self.ask("404-tts", "POST", "/projects/nobody/tts")
        self.ask("404-update-shot", "POST", f"/projects/{project}/shots/nobody", prompt="x")
        self.ask("404-video", "POST", "/projects/nobody/video")
        self.watch("ws-unknown", "nobody")


@pytest.fixture(scope="module", params=["embedded", "production", "production_on_postgresql"])
def seen(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """What one walk over the column was answered."""
    folder = tmp_path_factory.mktemp("golden")
    with StandInNode() as node:
        settings = {"worker.addr": node.addr}
        if request.param == "embedded":
            running = deployment.embedded(folder, settings)
        else:
            running = deployment.all_in_one(folder, request.getfixturevalue(request.param), settings)
        with running as deployed:
            walk = Walk(Client([deployed.servers[0].url], folder))
            walk.walk(node)
            yield walk.seen


def test_every_recorded_answer_is_asked_for(seen: dict[str, Any]) -> None:
    assert seen.keys() == GOLDEN.keys()
    assert len(HTTP) == 23


@pytest.mark.parametrize("name", HTTP)
def test_an_answer_has_the_recorded_status_type_and_shape(name: str, seen: dict[str, Any]) -> None:
    expected, answer = GOLDEN[name], seen[name]
    assert (answer["status"], answer["type"]) == (expected["status"], expected["type"]), answer
    assert misfits(expected["body"], answer["body"]) == []


def test_an_images_link_is_readable_without_a_header(seen: dict[str, Any]) -> None:
    expected, answer = GOLDEN["image-bytes"], seen["image-bytes"]
    assert (answer.status_code, answer.headers["Content-Type"]) == (expected["status"], expected["type"])
    assert answer.content.startswith(b"\x89PNG\r\n\x1a\n") == expected["png"]


@pytest.mark.parametrize("name", ["shot-order", "statuses", "shot-update-final"])
def test_a_list_is_as_it_was_recorded(name: str, seen: dict[str, Any]) -> None:
    assert seen[name] == GOLDEN[name]


def test_the_socket_of_a_storyboard_has_the_recorded_shape_and_end(seen: dict[str, Any]) -> None:
    expected, heard = GOLDEN["ws-storyboard"], seen["ws-storyboard"]
    assert misfits(expected["first"], heard["first"]) == []
    assert (heard["last_status"], heard["end"]) == (expected["last_status"], expected["end"])


def test_the_socket_of_an_unknown_task_has_the_recorded_shape_and_end(seen: dict[str, Any]) -> None:
    expected, heard = GOLDEN["ws-unknown"], seen["ws-unknown"]
    assert misfits(expected["first"], heard["first"]) == []
    assert heard["end"] == expected["end"]


def test_the_recordings_hold_an_answer_to_their_shape(seen: dict[str, Any]) -> None:
    """Proof that the comparison can fail: the answers of one route do not fit another's shape."""
    assert misfits(GOLDEN["shots"]["body"], seen["project-done"]["body"]) != []
    assert misfits(GOLDEN["task-image"]["body"], seen["create"]["body"]) != []
