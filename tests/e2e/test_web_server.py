"""The real web server in front of the real application: long requests, sockets, and a clean end."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import psutil
import pytest
import requests
import websocket

from config.settings import RedisSettings
from tests.conftest import ROOT
from tests.wait import wait_until
from tests.web_app import closed_with, connecting, hear

V1 = "/v1/api"
MAX_SOCKETS = 2


@dataclass
class Server:
    """A running `serve --no-processor`."""

    address: str
    process: subprocess.Popen[bytes]
    data: Path

    def ask(self, method: str, path: str, **params: str) -> tuple[int, dict[str, Any]]:
        """Ask with the parameters in the query string, and a JSON content type without a body, as the phone does."""
        connection = HTTPConnection(self.address, timeout=60)
        try:
            target = f"{path}?{urlencode(params)}" if params else path
            connection.request(method, target, headers={"Content-Type": "application/json"})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    def is_alive(self) -> bool:
        assert self.process.poll() is None, "the server has ended"
        try:
            return self.ask("GET", "/healthz")[0] == 200
        except OSError:
            return False


@pytest.fixture
def server(request: pytest.FixtureRequest, tmp_path: Path, redis_settings: RedisSettings) -> Iterator[Server]:
    """`@pytest.mark.parametrize("server", ["10.0.0.0/8"], indirect=True)` names its trusted proxies, a pair its limits on open files."""
    given = getattr(request, "param", "")
    proxies, files = (given, None) if isinstance(given, str) else ("", given)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        fd = listener.fileno()
        environment = {
            **os.environ,
            "S2V_DATA_DIR": str(tmp_path / "data"),
            "S2V_REDIS_ADDR": redis_settings.addr,
            "S2V_REDIS_PASSWORD": redis_settings.password,
            "S2V_REDIS_DB": str(redis_settings.db),
            "S2V_WORKER_ADDR": "127.0.0.1:9",
            "S2V_SERVER_MAX_SOCKETS": str(MAX_SOCKETS),
            "S2V_SERVER_TRUSTED_PROXIES": proxies,
        }
        command = [sys.executable, str(ROOT / "main.py"), "serve", "--no-processor", "--fd", str(fd)]
        if files:
            command = ["prlimit", f"--nofile={files[0]}:{files[1]}", *command]
        process = subprocess.Popen(command, env=environment, cwd=tmp_path, pass_fds=[fd])
        server = Server(f"127.0.0.1:{listener.getsockname()[1]}", process, tmp_path / "data")
    try:
        wait_until(server.is_alive, timeout=60)
        yield server
    finally:
        process.terminate()
        process.wait(60)


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


@pytest.mark.parametrize("server", [(300, 4096), (300, 600)], indirect=True, ids=["raised", "not enough"])
def test_more_connections_than_files_do_not_end_the_server(server: Server) -> None:
    """gunicorn's worker ends when it can accept no more for lack of files, and takes every socket with it."""
    workers = psutil.Process(server.process.pid).children()
    host, _, port = server.address.partition(":")
    with ExitStack() as idle:
        for _ in range(400):
            idle.enter_context(socket.create_connection((host, int(port)), timeout=60))
    wait_until(server.is_alive, timeout=60)
    assert psutil.Process(server.process.pid).children() == workers


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
    [("", "http://127.0.0.1:"), ("192.0.2.0/24", "http://127.0.0.1:"), ("127.0.0.1", "https://film.example/")],
    indirect=["server"],
)
def test_links_follow_what_a_trusted_proxy_says_and_nobody_else(server: Server, base: str) -> None:
    _, created = server.ask("POST", f"{V1}/projects", StoryText="从前。", ShotCount="1")
    with closing(sqlite3.connect(server.data / "storytovideo.db", timeout=60)) as connection, connection:
        connection.execute("UPDATE project SET cover_image = 'projects/p/films/1.jpg'")
    said = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "film.example"}
    answer = requests.get(f"http://{server.address}{V1}/projects/{created['project_id']}", headers=said, timeout=60)
    assert answer.json()["project_detail"]["coverImage"].startswith(base)
