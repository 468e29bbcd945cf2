"""The Go backend is stopped, this server starts in its folder, on its configuration, database and bucket; nobody notices."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
import requests
from sqlalchemy import URL, text

from config.go_dsn import parse
from config.settings import MinioSettings
from models.migrations import SQL, run_script
from service.oss.minio import MinioStore
from tests.e2e.client import Client
from tests.support import go_backend
from tests.support.columns import Production
from tests.support.go_backend import PROJECT, SHOT, TASK
from tests.support.node.scripts import finished, png, scenes
from tests.support.node.stand_in import StandInNode
from tests.support.server_process import ServerUnderTest
from tests.support.wait import wait_until
from tests.support.web_app import closed_with, connecting, hear

PATIENCE_S = 120.0
RED, GREEN, BLUE, GREY = (png(colour) for colour in ((200, 0, 0), (0, 200, 0), (0, 0, 200), (9, 9, 9)))
YEAR_ONE = "0001-01-01T00:00:00Z"
GO_STATES = {"pending", "blocked", "processing", "finished", "failed", "cancelled"}
GO_FILE = """
server:
  port: ":8080"
mysql:
  dsn: "{dsn}"
redis:
  addr: "{redis_addr}"
  password: "{redis_password}"
  db: {redis_db}
worker:
  addr: "http://{node}"
  timeout_minutes: 20
minio:
  endpoint: "{endpoint}"
  access_key: "{access_key}"
  secret_key: "{secret_key}"
  bucket: "{bucket}"
  use_ssl: false
  domain: "{domain}"
ai:
  llm_url: "http://127.0.0.1:1/llm"
  image_url: "http://127.0.0.1:1/image"
jwt:
  secret: nobody-uses-it
"""


@dataclass
class GoBackend:
    """What it leaves: a folder, a database, a bucket, and two jobs on the node."""

    folder: Path
    url: URL
    node: StandInNode
    settings: dict[str, object] = field(default_factory=dict)


@contextmanager
def go_backend_left(production: Production, folder: Path) -> Iterator[GoBackend]:
    with production.fresh() as values, StandInNode() as node:
        dsn = str(values["mysql.dsn"]).replace("loc=UTC", f"loc={quote(go_backend.ZONE, safe='')}")
        given: dict[str, Any] = {key[6:]: value for key, value in values.items() if key.startswith("minio.")}
        minio, url = MinioSettings(**given), parse(dsn).url
        go_backend.load(url, minio.bucket)
        store = MinioStore(minio)
        store.check()
        for shot, image in (("31", RED), ("41", GREEN)):
            store.put(f"shots/{SHOT.format(shot)}/image.png", io.BytesIO(image))
        node.add_job("job-storyboard-1", finished(json.dumps(scenes(3)).encode(), 50))
        node.add_job("job-image-32", finished(BLUE, 50))
        redis = {key.replace(".", "_"): value for key, value in values.items() if key.startswith("redis.")}
        configuration = GO_FILE.format(dsn=dsn, node=node.addr, **redis, **minio.model_dump())
        for name, content in (("config/config.yaml", configuration.encode()), ("static/images/5-1.png", GREY)):
            (folder / name).parent.mkdir(parents=True)
            (folder / name).write_bytes(content)
        settings = {"redis.queue": values["redis.queue"], "film.resolution": "128x72", "film.fps": 10}
        yield GoBackend(folder, url, node, settings)
        store.remove_prefix("projects/")


@pytest.fixture(scope="module")
def left(production: Production, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GoBackend]:
    with go_backend_left(production, tmp_path_factory.mktemp("go")) as found:
        yield found


@pytest.fixture(scope="module")
def client(left: GoBackend) -> Iterator[Client]:
    """Of two servers that started at once in the Go backend's folder; one of them runs tasks."""
    first = ServerUnderTest(left.folder, left.settings, wait=False, config=None)
    with first, ServerUnderTest(left.folder, left.settings, "--no-processor", config=None) as second:
        first.wait_until(first.serves)
        yield Client([first.url, second.url], left.folder)
        assert second.lines().count("jwt is not a setting") == 2, "a key that nobody knows is a warning"
        assert "Traceback" not in second.lines()


def states(client: Client, number: str) -> dict[str, str]:
    """Of the tasks that the Go backend left; other tests ask for films."""
    left = [task for task in client.tasks(PROJECT.format(number)) if task["id"] == TASK.format(task["id"][-2:])]
    return {task["id"][-2:]: task["status"] for task in left}


def test_what_the_go_backend_left_goes_on_and_what_had_ended_stays(client: Client, left: GoBackend) -> None:
    wait_until(lambda: set(states(client, "1").values()) == {"finished"}, PATIENCE_S, "the storyboard and its images")
    wait_until(lambda: set(states(client, "2").values()) == {"finished"}, PATIENCE_S, "what waited, what was sent")
    wait_until(lambda: states(client, "3")["32"] == "finished", PATIENCE_S, "what ran under its job")
    wait_until(lambda: states(client, "7")["72"] == "finished", PATIENCE_S, "what waited since the year 0")
    assert states(client, "4") == {"41": "cancelled", "42": "failed"}
    assert [*states(client, "5").values(), *states(client, "6").values(), *states(client, "8").values()] == [
        "failed"
    ] * 3
    assert {id_[-2:] for id_ in left.node.starts("generate_shot")} == {"12", "13", "14", "22", "23", "72"}, (
        "jobs were resumed, not begun anew"
    )
    shots = client.get(f"/v1/api/projects/{PROJECT.format('1')}/shots")["shots"]
    assert [(shot["order"], shot["status"]) for shot in shots] == [(number, "completed") for number in (1, 2, 3)]
    resumed = client.task(TASK.format("32"))
    assert client.fetch(resumed["result"]["resource_url"]).read_bytes() == BLUE
    assert resumed["shotId"] == SHOT.format("32")


def test_old_rows_read_as_clients_know_them(client: Client, left: GoBackend) -> None:
    listed = client.get("/v1/api/projects?page_size=50")
    assert {project["id"][-1] for project in listed["items"]} == set("12345678")
    view = client.get(f"/v1/api/projects/{PROJECT.format('4')}")
    assert view["project_detail"]["createdAt"] == "2025-03-03T01:00:00Z", "local time, as loc says"
    for dead in (view["project_detail"]["coverImage"], view["shots"][0]["imagePath"]):
        assert client.fetch(dead).read_bytes() == GREEN, "a link that had died opens again"
        assert urlsplit(dead).netloc.startswith("localhost:"), "minio.domain is the host that clients see"
    old = client.get(f"/v1/api/projects/{PROJECT.format('5')}/shots")["shots"][0]["imagePath"]
    assert old == "/static/images/5-1.png"
    assert requests.get(client.urls[1] + old, timeout=60).content == GREY
    untimed = client.task(TASK.format("71"))
    assert (untimed["startedAt"], untimed["finishedAt"]) == (YEAR_ONE, YEAR_ONE)
    broken = [row[0] for row in go_backend.rows(left.url, "task") if row[0] == TASK.format("73")]  # none on MySQL
    assert all(client.task(task)["parameters"] == {"depends_on": []} for task in broken), "broken JSON reads as empty"
    with connecting(urlsplit(client.urls[1]).netloc) as connect:
        socket = connect(TASK.format("41"))
        assert hear(socket)["status"] == "cancelled"
        assert closed_with(socket) == 1000, "where the Go backend hangs"


@pytest.mark.parametrize("number", ["3", "5"], ids=["behind a dead link", "in static"])
def test_an_old_project_becomes_a_film(client: Client, number: str) -> None:
    client.wait(TASK.format("32"))
    path, task = client.film(PROJECT.format(number))
    assert path.read_bytes()[4:8] == b"ftyp"
    assert "占位" not in task["message"], "its image is found"
    assert client.get(f"/v1/api/projects/{PROJECT.format(number)}")["project_detail"]["status"] == "ready"


def test_the_way_back_stays_open_while_this_server_works(production: Production, tmp_path: Path) -> None:
    """The Go backend's INSERT into the upgraded tables is a task that runs, and its reads find what it can read."""
    values = (
        f"'by-go', '{PROJECT.format('4')}', '{SHOT.format('41')}', 'generate_shot', 'pending', 0, '', "
        """:parameters, '{"resource_type":"","resource_id":"","resource_url":""}', '', 0, NULL, NULL, :now, :now"""
    )
    given = {
        "parameters": json.dumps({"shot": {"shotId": SHOT.format("41"), "prompt": "dog"}}),
        "now": "2025-04-01 08:00:00",
    }
    with go_backend_left(production, tmp_path) as left:
        with ServerUnderTest(tmp_path, left.settings, config=None) as server:
            with go_backend.foreign_engine(left.url).begin() as connection:
                connection.execute(text(f"INSERT INTO task ({go_backend.COLUMNS['task']}) VALUES ({values})"), given)
            Client([server.url], tmp_path).wait("by-go")
        with go_backend.foreign_engine(left.url).begin() as connection:
            run_script(connection, SQL / "to-go-backend.sql")
        rows = {table: go_backend.rows(left.url, table) for table in go_backend.COLUMNS}
    names = go_backend.COLUMNS["task"].split(", ")
    tasks = {row[0]: dict(zip(names, row, strict=True)) for row in rows["task"]}
    assert {row["status"] for row in tasks.values()} <= GO_STATES
    made = tasks["by-go"]
    result: dict[str, Any] = json.loads(made["result"])
    assert result["resource_type"] == "image"
    assert result["resource_url"].startswith("http://127.0.0.1:9000/")
    assert result["resource_url"].endswith(".png")
    assert json.loads(made["parameters"])["shot"]["prompt"] == "dog"
    assert all(made[name].microsecond == 0 for name in ("started_at", "finished_at", "created_at", "updated_at"))
    assert str(made["created_at"]) == "2025-04-01 08:00:00"
    shots = {row[0]: row for row in rows["shot"]}
    assert shots[SHOT.format("41")][7].startswith("http://127.0.0.1:9000/storytovideo/projects/")
