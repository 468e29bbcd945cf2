"""A closed server as a process: what it needs to start, whom it lets in, and that its log tells nobody how to come in."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from common.clock import Clock
from config.settings import Settings
from models.account import Scope
from models.bootstrap import open_database
from service.access import accounts
from tests.support.server_process import END_S, MainProcess, ServerUnderTest

PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerUnderTest]:
    settings = {"auth.required": "true", "log.level": "DEBUG"}
    with ServerUnderTest(tmp_path_factory.mktemp("closed"), settings) as running:
        yield running


@pytest.fixture(scope="module")
def keys(server: ServerUnderTest) -> dict[str, str]:
    database, now = open_database(Settings(data_dir=server.folder / "data")), Clock().now()
    accounts.add(database, "alice", PASSWORD, admin=False, now=now)
    made = {
        scope.value: accounts.add_key(database, "alice", "", scope, days=0, now=now)[1]
        for scope in (Scope.LEGACY, Scope.WRITE)
    }
    database.close()
    return made


def said(server: ServerUnderTest, request: bytes) -> bytes:
    """The answer to bytes that may be no request."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as client:
        client.sendall(request)
        client.shutdown(socket.SHUT_WR)
        answer = b""
        while piece := client.recv(65_536):
            answer += piece
    return answer


def test_a_client_without_headers_comes_in_by_its_address(server: ServerUnderTest, keys: dict[str, str]) -> None:
    assert requests.get(f"{server.url}/v1/api/projects", timeout=60).status_code == 401
    assert "a login or a key is needed: main.py user add" in server.lines()
    base = f"{server.url}/k/{keys['legacy']}/v1/api"
    answer = requests.get(f"{base}/projects", timeout=60)
    assert (answer.status_code, answer.headers["Referrer-Policy"]) == (200, "no-referrer")
    voices = requests.get(f"{base}/voices", timeout=120).json()["voices"]
    assert keys["legacy"] not in str(voices)
    assert all(requests.get(voice["sample"], timeout=120).status_code == 200 for voice in voices[:1])
    for changed in ("Voice=x&voice=", "voice=x"):
        other = voices[0]["sample"].replace("voice=", changed)
        assert requests.get(other, timeout=60).status_code == 401
    assert requests.request("GET", voices[0]["sample"], json={"voice": "x"}, timeout=60).status_code == 401


@pytest.mark.parametrize(
    "request_",
    [
        "GET /k/{key}/v1/api/projects HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /k/{key}/v1/api/projects HTTP/9.9\r\nHost: a\r\n\r\n",
        "GET /k/{key}/v1/api/projects\r\n\r\n",
        "GET /k/{key}/v1/api/proj ects HTTP/1.1\r\nHost: a\r\n\r\n",
        "G@T /k/{key}/v1/api/projects HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /k/{key}/v1/api/projects?token={key} HTTP/1.1\r\nHost: a\r\nbad header\r\n\r\n",
        "GET /tasks/x/wss?token={key} HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 1\r\nSec-WebSocket-Key: x\r\n\r\n",
        "POST /k/{key}/v1/api/music HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nx",
        "GET /k/{key}/nowhere HTTP/1.1\r\nHost: a b\r\n\r\n",
        "GET /v1/api/projects HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {key}\r\nTransfer-Encoding: {key}\r\n\r\n",
    ],
)
def test_no_line_of_the_log_holds_a_key(server: ServerUnderTest, keys: dict[str, str], request_: str) -> None:
    said(server, request_.format(key=keys["legacy"]).encode())
    assert keys["legacy"][4:] not in server.lines()
    assert "Traceback" not in server.lines()


def test_what_it_takes_to_start_open_where_others_reach_it(tmp_path: Path) -> None:
    settings = {"server.port": "0.0.0.0:0", "auth.required": "false"}
    with MainProcess(tmp_path, ["serve", "--config", "/dev/null"], settings) as refused:
        assert refused.process.wait(END_S) != 0
        assert "auth.allow_anonymous" in refused.lines()
        assert "Traceback" not in refused.lines()


def test_a_key_for_tokens_that_is_none_ends_the_start(tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_text("no key")
    settings = {"auth.required": "true", "auth.algorithm": "RS256", "auth.private_key": tmp_path / "key.pem"}
    with ServerUnderTest(tmp_path, settings, wait=False) as refused:
        assert refused.process.wait(END_S) != 0
        assert "auth.private_key" in refused.lines()
        assert "Traceback" not in refused.lines()
