"""A disk that fills up between a story and its film stops everything and breaks nothing: with room again, all of it goes on by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil
import pytest

from config.settings import RedisSettings
from tests.e2e import deployment, film_facts
from tests.e2e.client import Client
from tests.support.server_process import MainProcess, ProcessorUnderTest, ServerUnderTest
from tests.support.servers.node_server import NodeServer
from tests.support.small_disk import SmallDisk, small_disk
from tests.support.wait import wait_until

STORY = "小狐狸在森林里散步。太阳照在雪山上。月亮落进湖中。"
SHOTS = 3
FPS = 15
PATIENCE_S = 60.0
SETTINGS: dict[str, object] = {"film.resolution": "320x180", "film.fps": FPS}
FULL = "磁盘空间不足"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with small_disk(tmp_path / "disk", megabytes=256) as made:
        yield made


def everybody(*running: MainProcess) -> list[psutil.Process]:
    """The processes and all that they have started."""
    return [found for each in running for found in (psutil.Process(each.process.pid), *each.family())]


def begun(client: Client) -> tuple[str, str]:
    """A project whose storyboard is there, and its film, which waits for images in the making; returns their ids."""
    created = client.create("湖", STORY, SHOTS)
    client.wait(created["text_task_id"])
    return created["project_id"], client.post(f"/v1/api/projects/{created['project_id']}/video")["task_id"]


def readiness(client: Client, wanted: Callable[[int, dict[str, str]], bool]) -> dict[str, str]:
    """The states of the dependencies, once /readyz answers as wanted."""

    def look() -> dict[str, str] | None:
        answer = client.request("GET", "/readyz")
        states: dict[str, str] = answer.json()["dependencies"]
        return states if wanted(answer.status_code, states) else None

    return wait_until(look, PATIENCE_S, "readiness") or {}


def shows_its_pictures(client: Client, project: str, task: Any) -> None:
    """The film has each shot's image in it, and nothing had to be replaced."""
    film = client.get(f"/v1/api/projects/{project}/films")["films"][0]
    assert film["warnings"] == [], film["warnings"]
    assert "占位" not in task["message"]
    timings = client.request("GET", film["log"].removeprefix(client.urls[0])).json()["shots"]
    shots = client.get(f"/v1/api/projects/{project}/shots")["shots"]
    images = film_facts.frames(client.fetch(film["url"]))
    assert len(timings) == len(shots) == SHOTS
    for shot, timing in zip(shots, timings, strict=True):
        middle = images[int((timing["start"] + timing["end"]) / 2 * FPS)]
        assert film_facts.best_match(middle, client.fetch(shot["imagePath"])) > 0.8, shot["order"]


def all_ended_well(client: Client, project: str) -> None:
    tasks = client.tasks(project)
    assert {task["status"] for task in tasks} == {"finished"}, tasks


def test_a_full_data_dir_stops_the_intake_in_words_and_the_film_is_whole_once_there_is_room(
    disk: SmallDisk, tmp_path: Path
) -> None:
    with deployment.embedded(tmp_path, {**SETTINGS, "data_dir": disk.folder / "data"}) as running:
        [server] = running.servers
        client = Client([server.url], tmp_path)
        project, film = begun(client)
        disk.fill(everybody(server))
        states = readiness(client, lambda status, _: status == 503)
        assert states["data_dir"] == "full"
        refused = client.request("POST", "/v1/api/projects", json={"Title": "二", "StoryText": STORY})
        assert (refused.status_code, FULL in refused.json()["message"]) == (503, True), refused.text
        assert refused.headers["Retry-After"]
        if disk.mounted:  # else there is no room for the log either
            wait_until(lambda: server.lines().count(FULL) > 3, PATIENCE_S, "tasks that met the full disk")
        assert client.get("/healthz") == {"status": "ok"}
        assert client.task(film)["status"] not in ("finished", "failed")

        disk.free(everybody(server))
        readiness(client, lambda status, states: status == 200 and states["data_dir"] == "ok")
        shows_its_pictures(client, project, client.wait(film))
        all_ended_well(client, project)
        client.wait(client.create("三", "一条龙飞过城堡。", 1)["text_task_id"])


@pytest.fixture
def apart(disk: SmallDisk, tmp_path: Path, redis_settings: RedisSettings, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A server and a processor over one SQLite file, whose temporary files go to the small disk."""
    monkeypatch.setenv("TMPDIR", str(disk.folder))
    settings = {
        **SETTINGS,
        "data_dir": tmp_path / "data",
        "redis.addr": redis_settings.addr,
        "redis.password": redis_settings.password,
        "redis.db": redis_settings.db,
    }
    (tmp_path / "server").mkdir()
    (tmp_path / "processor").mkdir()
    with closing(NodeServer()) as node:
        settings["worker.addr"] = node.addr
        with (
            ServerUnderTest(tmp_path / "server", settings, "--no-processor") as server,
            ProcessorUnderTest(tmp_path / "processor", settings) as processor,
        ):
            yield server, processor


@pytest.mark.soak
def test_a_full_tmpdir_is_told_without_stopping_the_intake_and_the_film_is_whole_once_there_is_room(
    disk: SmallDisk, apart: tuple[ServerUnderTest, ProcessorUnderTest], tmp_path: Path
) -> None:
    server, processor = apart
    client = Client([server.url], tmp_path)
    project, film = begun(client)
    disk.fill(everybody(processor))

    def waits() -> bool:
        return any(FULL in task["message"] and task["status"] == "pending" for task in client.tasks(project))

    if disk.mounted:  # else the processor has no room for its log and the rows either, and the server has
        wait_until(waits, PATIENCE_S, "a task that waits for room")
        states = readiness(client, lambda _, states: states["temporary"] == "full")
        assert {**states, "temporary": "ok"} == dict.fromkeys(states, "ok")
    assert client.request("GET", "/readyz").status_code == 200
    second = client.create("二", "一条龙飞过城堡。", 1)
    if disk.mounted:
        wait_until(lambda: processor.lines().count(FULL) > 3 * 3, PATIENCE_S, "more tries than a node has")
    assert client.task(film)["status"] not in ("finished", "failed")

    disk.free(everybody(processor))
    readiness(client, lambda _, states: states["temporary"] == "ok")
    shows_its_pictures(client, project, client.wait(film))
    all_ended_well(client, project)
    for task_id in (second["text_task_id"], *second["shot_task_ids"]):
        client.wait(task_id)
