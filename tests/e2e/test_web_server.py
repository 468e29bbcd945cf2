"""The real web server in front of the real application: long requests, sockets, and a clean end."""

from __future__ import annotations

import signal
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing
from http.client import HTTPConnection
from pathlib import Path

import psutil
import pytest
import requests
import websocket

from config.settings import RedisSettings
from tests.e2e.web_server import MAX_SOCKETS, Server, running_server
from tests.support.wait import wait_until
from tests.support.web_app import closed_with, connecting, hear

V1 = "/v1/api"


@pytest.fixture
def server(request: pytest.FixtureRequest, tmp_path: Path, redis_settings: RedisSettings) -> Iterator[Server]:
    """`@pytest.mark.parametrize("server", [{"server_threads": "4"}], indirect=True)` says what differs."""
    with running_server(tmp_path, redis_settings, **getattr(request, "param", {})) as running:
        yield running


def test_whole_stories_travel_in_the_query_string(server: Server) -> None:
    for story in ("从前有一只狐狸。" * 75, "字" * 20_000):
        status, created = server.ask("POST", f"{V1}/projects", Title="狐狸", StoryText=story, Style="水彩")
        assert status == 200, created
        _, project = server.ask("GET", f"{V1}/projects/{created['project_id']}")
        assert project["project_detail"]["storyText"] == story
    status, refusal = server.ask("POST", f"{V1}/projects", StoryText="字" * 30_000)
    assert (status, refusal["code"]) == (414, 414)


def test_sockets_have_a_cap_that_plain_requests_do_not_feel(server: Server) -> None:
    _, created = server.ask("POST", f"{V1}/projects", StoryText="从前。", ShotCount="1")
    task_id = created["text_task_id"]
    with connecting(server.address) as connect:
        clients = [connect(task_id) for _ in range(MAX_SOCKETS)]
        for client in clients:
            assert hear(client)["status"] == "pending"
        with pytest.raises(websocket.WebSocketBadStatusException) as refusal:
            connect(task_id)
        assert refusal.value.status_code == 503
        status, _ = server.ask("POST", f"{V1}/tasks/{task_id}/cancel")
        assert status == 200
        for client in clients:
            assert hear(client)["status"] == "cancelled"
            assert closed_with(client) == 1000


@pytest.mark.parametrize(
    "server", [{"files": (300, 4096)}, {"files": (300, 600)}], indirect=True, ids=["raised", "not enough"]
)
def test_more_connections_than_files_do_not_end_the_server(server: Server) -> None:
    """gunicorn's worker ends when it can accept no more for lack of files, and takes every socket with it."""
    workers = psutil.Process(server.process.pid).children()
    host, _, port = server.address.partition(":")
    with ExitStack() as idle:
        for _ in range(400):
            idle.enter_context(socket.create_connection((host, int(port)), timeout=60))
    wait_until(server.is_alive, timeout=60)
    assert psutil.Process(server.process.pid).children() == workers
    with closing(HTTPConnection(host, int(port), timeout=60)) as kept:
        for _ in range(2):
            kept.request("GET", "/healthz")
            answer = kept.getresponse()
            assert (answer.read(), answer.headers["Connection"])[1] == "keep-alive"


def test_a_server_that_is_told_to_end_says_goodbye_to_its_sockets(server: Server) -> None:
    _, created = server.ask("POST", f"{V1}/projects", StoryText="从前。", ShotCount="1")
    with connecting(server.address) as connect:
        client = connect(created["text_task_id"])
        hear(client)
        server.process.send_signal(signal.SIGTERM)
        assert closed_with(client) == 1001
    assert server.process.wait(50) == 0


@pytest.mark.parametrize(
    ("server", "base"),
    [
        ({}, "http://127.0.0.1:"),
        ({"server_trusted_proxies": "192.0.2.0/24"}, "http://127.0.0.1:"),
        ({"server_trusted_proxies": "127.0.0.1"}, "https://film.example/"),
    ],
    indirect=["server"],
    ids=["none", "another", "this one"],
)
def test_links_follow_what_a_trusted_proxy_says_and_nobody_else(server: Server, base: str) -> None:
    _, created = server.ask("POST", f"{V1}/projects", StoryText="从前。", ShotCount="1")
    with closing(sqlite3.connect(server.data / "storytovideo.db", timeout=60)) as connection, connection:
        connection.execute("UPDATE project SET cover_image = 'projects/p/films/1.jpg'")
    said = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "film.example"}
    answer = requests.get(f"http://{server.address}{V1}/projects/{created['project_id']}", headers=said, timeout=60)
    assert answer.json()["project_detail"]["coverImage"].startswith(base)
