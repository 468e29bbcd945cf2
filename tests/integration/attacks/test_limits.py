"""What is embedded, what is long, and what the server says of itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests
from flask.testing import FlaskClient

from models.shot import ShotStatus
from routers.app import create_app
from service.container import Services
from tests.integration.attacks.raw_http import exchange
from tests.integration.models import rows
from tests.support.node.server import Exchange, Node
from tests.support.server_process import ServerUnderTest
from tests.support.soak import soaking
from tests.support.web_app import make_settings, open_services


def node_port(server: ServerUnderTest) -> int:
    """Where the embedded node listens."""
    (port,) = {
        connection.laddr.port
        for process in server.named("worker_node")
        for connection in process.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    }
    return port


PATHS = [
    "/health",
    "//health",
    "/health/",
    "/%68ealth",
    "/v1/jobs/x",
    "/v1/generate",
    "/files/x",
    "/docs",
    "/openapi.json",
    "/redoc",
    "/",
    "/nowhere",
    "/../health",
]


@pytest.mark.parametrize("path", PATHS)
def test_nothing_of_the_embedded_node_answers_without_its_token(server: ServerUnderTest, path: str) -> None:
    port = node_port(server)
    for method in ("GET", "POST", "DELETE", "HEAD", "OPTIONS", "PUT"):
        for lines in (
            "",
            "Authorization: Bearer \r\n",
            "Authorization: Basic Og==\r\n",
            "Authorization: Basic \xff\r\n",
            "Authorization: Bearer null\r\n",
            "Authorization: bearer\r\n",
            "X-Forwarded-For: 127.0.0.1\r\nHost: localhost\r\n",
        ):
            head = f"{method} {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 0\r\n{lines}\r\n"
            assert exchange(port, head.encode("latin-1"), end=False).status in (400, 401), (method, path, lines)


def test_only_the_server_and_its_node_listen(server: ServerUnderTest) -> None:
    listening = {
        connection.laddr.port
        for process in [psutil.Process(server.process.pid), *server.family()]
        for connection in process.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    }
    assert listening == {server.port, node_port(server)}


@pytest.fixture
def services(tmp_path: Path, redis_url: str) -> Iterator[Services]:
    with open_services(make_settings(tmp_path), redis_url) as parts:
        yield parts


@pytest.fixture
def client(services: Services, tmp_path: Path) -> FlaskClient:
    return create_app(services, tmp_path / "static").test_client()


def project_of(services: Services, count: int, **values: Any) -> str:
    """A project with so many shots; returns its id."""
    project = rows.project()
    common: dict[str, Any] = {"status": ShotStatus.COMPLETED, "image_path": "a.png", **values}
    with services.database.write() as session:
        session.add(project)
        session.flush()
        session.add_all([rows.shot(project.id, order=number, **common) for number in range(1, count + 1)])
    return project.id


@pytest.mark.parametrize(
    "text",
    soaking(
        [
            "字" * 20_000,
            "ก" * 20_000,
            "ក" * 20_000,
            "😀字" * 9_000,
        ],
        keep=2,
    ),
)
def test_sixty_long_narrations_of_any_script_are_too_long_a_film(
    services: Services, client: FlaskClient, text: str
) -> None:
    answer = client.post(f"/v1/api/projects/{project_of(services, 60, narration=text)}/video")
    assert answer.status_code == 409, answer.text


@pytest.mark.parametrize("seconds", [2**31 - 1, 3601])
def test_long_narrations_that_are_there_count(services: Services, client: FlaskClient, seconds: int) -> None:
    project_id = project_of(services, 5, narration="a", audio_path="a.mp3", duration=seconds)
    assert client.post(f"/v1/api/projects/{project_id}/video").status_code == 409


@pytest.mark.parametrize(
    "values",
    [
        {"duration": None},
        {"duration": -5},
        {"narration": None},
        {"narration": "\u200b" * 20_000},
        {"narration": " \n" * 10_000},
    ],
)
def test_a_film_of_odd_rows_can_be_asked_for(services: Services, client: FlaskClient, values: dict[str, Any]) -> None:
    project_id = project_of(services, 3, **{"narration": "a", "audio_path": "a.mp3", "duration": 2, **values})
    answer = client.post(f"/v1/api/projects/{project_id}/video")
    assert answer.status_code == 200, answer.text


def test_the_limit_counts_what_stands_before_and_after(services: Services, client: FlaskClient) -> None:
    project_id = project_of(services, 4, narration="a", audio_path="a.mp3", duration=3590)
    assert client.post(f"/v1/api/projects/{project_id}/video").status_code == 200
    assert client.post(f"/v1/api/projects/{project_id}/video?intro=30&outro=30").status_code == 409


def _nothing(exchange: Exchange) -> None:
    exchange.raw(b"")


ANSWERS = {
    "nothing": _nothing,
    "no JSON": lambda exchange: exchange.answer(200, b"<html>"),
    "deep JSON": lambda exchange: exchange.answer(200, b"[" * 100_000),
    "a header for ever": lambda exchange: exchange.trickle(b"HTTP/1.1 200 OK\r\nX: ", b"a"),
    "a body for ever": lambda exchange: exchange.trickle(b"HTTP/1.1 200 OK\r\nContent-Length: 999999\r\n\r\n{", b" "),
    "another place": lambda exchange: exchange.answer(302, b"", Location="http://127.0.0.1:1/health"),
}


@pytest.fixture(scope="module")
def strange() -> Iterator[Node]:
    with Node() as running:
        yield running


@pytest.fixture(scope="module")
def beside_it(strange: Node, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerUnderTest]:
    with ServerUnderTest(tmp_path_factory.mktemp("beside"), {"worker.addr": f"http://{strange.addr}"}) as running:
        yield running


@pytest.mark.parametrize("kind", ANSWERS)
def test_a_node_that_says_nonsense_is_down_and_stories_are_taken_in(
    beside_it: ServerUnderTest, strange: Node, kind: str
) -> None:
    strange.routes["GET /health"] = ANSWERS[kind]

    answer = requests.get(f"{beside_it.url}/readyz", timeout=20)

    assert answer.status_code == 200, answer.text
    assert answer.json()["dependencies"]["node"] in ("ok", "down")
    assert requests.post(f"{beside_it.url}/v1/api/projects?story_text=a", timeout=20).ok
