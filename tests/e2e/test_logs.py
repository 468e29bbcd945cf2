"""What every log says of a story, from the request to the model node; and that none of them tells a secret, whatever goes wrong."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import redis
import requests

from common.clock import Clock
from config.settings import MinioSettings, Settings
from models.account import Scope
from models.bootstrap import open_database
from service.access import accounts
from tests.support.server_process import ROOT, ServerUnderTest, clean_environment
from tests.support.servers.node_server import NodeServer
from tests.support.servers.process import silent_port
from tests.support.servers.redis_server import RedisServer
from tests.support.wait import wait_until

SOON_S = 120.0
TRACE, REQUEST = "4bf92f3577b34da6a3ce929d0e0e4736", "story-of-a-fox"
TRACEPARENT = f"00-{TRACE}-00f067aa0ba902b7-01"
SECRETS = {
    "password in the DSN": "Planted-dsn-1#x",
    "password of Redis": "Planted-redis-2",
    "secret of MinIO": "Planted-minio-3/x+y",
    "token of the node": "Planted-node-token-4",
    "address of the node": "Planted-node-5",
    "secret of the node's webhook": "Planted-hook-secret-6",
    "secret of tokens": "Planted-auth-secret-7-of-more-than-32",
    "password of an account": "Planted login 8",
    "receiver": "Planted-userinfo-9",
    "key of a provider": "sk-Planted-provider-10",
    "key of Sentry": "Planted0sentry0key11",
    "cookie": "Planted-cookie-12",
}


class _Repeats(BaseHTTPRequestHandler):
    """A provider that refuses a key, and says which."""

    def do_POST(self) -> None:
        said = {"error": {"message": f"Incorrect API key: {self.headers['Authorization']} at {self.path}"}}
        body = json.dumps(said).encode()
        self.send_response(401)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        return


@contextmanager
def provider() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Repeats) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/v1"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ServerUnderTest, dict[str, str]]]:
    """A closed server at its most talkative, and what lets somebody in to it."""
    with provider() as address, silent_port() as port:
        chat = {"base": address, "key": SECRETS["key of a provider"], "model": "m"}
        settings = {
            "auth.required": "true",
            "auth.secret": SECRETS["secret of tokens"],
            "log.level": "DEBUG",
            "log.format": "json",
            "log.sentry_dsn": f"http://{SECRETS['key of Sentry']}@127.0.0.1:{port}/1",
            "worker.webhook_secret": SECRETS["secret of the node's webhook"],
            "webhooks.allow_networks": "127.0.0.0/8",
            "node_config": json.dumps({"llm": [{"openai": chat}, "offline"]}),
        }
        with ServerUnderTest(tmp_path_factory.mktemp("logs"), settings) as server:
            database, now = open_database(Settings(data_dir=server.folder / "data")), Clock().now()
            password = SECRETS["password of an account"]
            accounts.add(database, "alice", password, admin=False, now=now)
            _, key = accounts.add_key(database, "alice", "", Scope.WRITE, days=0, now=now)
            database.close()
            body = {"username": "alice", "password": password}
            login = requests.post(f"{server.url}/v1/api/auth/login", json=body, timeout=60).json()
            yield server, {"key": key, "token": login["access_token"], "password": password}


def lines(server: ServerUnderTest) -> list[dict[str, Any]]:
    """Of the server, its processor and its node, which write into one log."""
    return [json.loads(line) for line in server.lines().splitlines() if line.startswith("{")]


def access(server: ServerUnderTest, request: str) -> dict[str, Any]:
    return next(line for line in lines(server) if line["logger"] == "access" and line["request_id"] == request)


def test_one_request_is_known_by_its_id_and_its_trace_from_the_access_log_to_the_node(
    world: tuple[ServerUnderTest, dict[str, str]],
) -> None:
    server, known = world
    headers = {"Authorization": f"Bearer {known['token']}", "X-Request-ID": REQUEST, "traceparent": TRACEPARENT}
    body = {"Title": "狐狸", "StoryText": "狐狸出门了。狐狸回家了。", "ShotCount": 2}
    made = requests.post(f"{server.url}/v1/api/projects", json=body, headers=headers, timeout=60)
    created = made.json()
    own = {"Authorization": f"Bearer {known['key']}", "X-Request-ID": "look"}

    def task(task_id: str) -> dict[str, Any]:
        answer = requests.get(f"{server.url}/v1/api/tasks/{task_id}", headers=own, timeout=60)
        found: dict[str, Any] = answer.json()["task"]
        return found

    for task_id in created["shot_task_ids"]:
        wait_until(lambda: task(task_id)["status"] == "finished", SOON_S, "the images")  # noqa: B023 - used at once
    known["link"] = task(created["shot_task_ids"][0])["result"]["resource_url"]
    sent = requests.get(known["link"], headers={"X-Request-ID": "file"}, timeout=60)
    wait_until(lambda: any(found.get("request_id") == "file" for found in lines(server)), SOON_S)
    assert access(server, "file")["bytes"] == len(sent.content) > 0, "sent by the kernel, and counted"
    line = access(server, REQUEST)
    assert (line["trace_id"], line["method"], line["route"]) == (TRACE, "POST", "/v1/api/projects")
    assert line["task"] == created["text_task_id"]
    assert line["status"] == 200
    assert line["bytes"] == len(made.content)
    assert 0 < line["upstream_ms"] < line["ms"]
    look = access(server, "look")
    assert (look["route"], look["task"], look["user"]) == (
        "/v1/api/tasks/<task_id>",
        created["shot_task_ids"][0],
        line["user"],
    )
    assert look["trace_id"] not in ("", TRACE)
    said = [found for found in lines(server) if found.get("request_id") == REQUEST]
    assert {found["trace_id"] for found in said} == {TRACE}
    loggers = {found["logger"] for found in said}
    assert {"access", "processor.runner", "worker_node.worker_threads", "worker_node.chain"} <= loggers
    for part in ("processor.runner", "worker_node.worker_threads"):
        told = " ".join(found["message"] for found in said if found["logger"] == part)
        assert all(task_id in told for task_id in (created["text_task_id"], *created["shot_task_ids"])), part


def test_the_line_of_the_last_request_is_written_when_the_server_ends(tmp_path: Path) -> None:
    with ServerUnderTest(tmp_path, {"log.format": "json"}) as server:
        requests.get(f"{server.url}/v1/api/tasks/none", headers={"X-Request-ID": "last"}, timeout=60)
        server.end()
        assert access(server, "last")["status"] == 404


def test_no_log_of_server_processor_and_node_tells_a_secret(world: tuple[ServerUnderTest, dict[str, str]]) -> None:
    server, known = world
    own = {"Authorization": f"Bearer {known['key']}"}
    whole = f"http://user:{SECRETS['receiver']}@127.0.0.1:1/hook"
    hooks = [
        requests.post(f"{server.url}/v1/api/webhooks", json={"url": url}, headers=own, timeout=60)
        for url in (whole, "http://127.0.0.1:1/hook?token=Planted-hook-token-13")
    ]
    found = [answer.json().get("secret", "") for answer in hooks]
    story = {"Title": whole, "StoryText": f"一只猫。回调：{whole}", "ShotCount": 1}
    requests.post(f"{server.url}/v1/api/projects", json=story, headers=own, timeout=60)
    link = known.get("link") or f"{server.url}/assets/x?token=Planted-signature"
    signature = link.partition("token=")[2].partition("&")[0]
    cookie = {"Cookie": f"__Host-s2v_access={SECRETS['cookie']}; __Host-s2v_refresh={SECRETS['cookie']}"}
    before = len(lines(server))
    for path, headers in (
        (urlsplit(link).path + f"?token={signature}", {}),
        (urlsplit(link).path + f"?token={signature}x", {}),
        (f"/v1/api/projects?token={known['token']}", {}),
        (f"/v1/api/projects?X-Amz-Signature={signature}&token={known['key']}", {}),
        (f"/k/{known['key']}/v1/api/projects", {}),
        (f"/nowhere/k/{known['key']}", {"Host": "a b"}),
        ("/v1/api/projects", cookie),
        ("/v1/api/projects", {"Authorization": f"Basic {known['key']}"}),
        ("/v1/api/projects", {"Authorization": f"Bearer {known['token']}x"}),
    ):
        requests.get(f"{server.url}{path}", headers=headers, timeout=60)
    wrong = {"username": "alice", "password": f"{known['password']} "}
    requests.post(f"{server.url}/v1/api/auth/login", json=wrong, timeout=60)
    wait_until(lambda: len([line for line in lines(server)[before:] if line["logger"] == "access"]) >= 10, SOON_S)
    wait_until(lambda: "llm openai: " in server.lines(), SOON_S, "the provider's refusal")
    said = server.lines()
    drawn = {f"secret of webhook {number}": secret for number, secret in enumerate(found)}
    known.pop("link", None)
    for name, secret in (SECRETS | known | drawn | {"signature": signature}).items():
        assert not secret or secret not in said, name
    assert "Planted" not in said


def test_what_the_web_server_refuses_itself_has_a_line_and_is_counted_too(
    world: tuple[ServerUnderTest, dict[str, str]],
) -> None:
    server, known = world
    own = b"Host: x\r\nX-Request-ID: none-"
    secret = known["key"].encode()
    for name, request, status in (
        (
            "none-line",
            b"GET /k/%s/v1/api/projects?token=%s HTTX/1.1\r\n" % (secret, secret) + own + b"line\r\n\r\n",
            400,
        ),
        ("none-long", b"GET /k/%s/x HTTP/1.1\r\n" % secret + own + b"long\r\nX: " + b"a" * 20_000 + b"\r\n\r\n", 431),
        ("none-header", b"GET /?token=%s HTTP/1.1\r\n" % secret + own + b"header\r\nX Y: z\r\n\r\n", 400),
        ("none-coding", b"POST / HTTP/1.1\r\n" + own + b"coding\r\nTransfer-Encoding: x\r\n\r\n", 501),
    ):
        with socket.create_connection(("127.0.0.1", server.port), timeout=60) as client:
            client.sendall(request)
            answer = HTTPResponse(client)
            answer.begin()
            assert (answer.status, answer.length) == (status, len(answer.read())), name
        [found] = wait_until(lambda: refused(server, answer.getheader("X-Request-ID", "")), SOON_S, name)  # noqa: B023
        assert (found["status"], found["path"], found["route"], found["client"]) == (status, "-", "other", "127.0.0.1")
        assert found["bytes"] > 0
    assert known["key"] not in server.lines()
    counted = requests.get(f"{server.url}/metrics", timeout=60).text
    assert re.search(r'http_requests_total{method="\w+",route="other",status="431"} 1.0', counted), counted


def refused(server: ServerUnderTest, request: str) -> list[dict[str, Any]]:
    return [line for line in lines(server) if line["logger"] == "access" and line["request_id"] == request]


CASES = ["dsn", "redis", "minio", "node"]


@pytest.mark.parametrize("case", CASES)
def test_no_log_tells_a_secret_where_a_service_refuses_it(
    case: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    settings: dict[str, object] = {
        "log.level": "DEBUG",
        "redis.password": SECRETS["password of Redis"] if case == "redis" else "",
        "worker.token": SECRETS["token of the node"],
    }
    if case == "dsn":
        dsn = str(request.getfixturevalue("mysql_dsn"))
        settings["mysql.dsn"] = f"root:{SECRETS['password in the DSN']}@{dsn.partition('@')[2]}"
    if case == "redis":
        server = RedisServer()
        request.addfinalizer(server.close)
        with redis.Redis.from_url(server.url) as admin:
            admin.config_set("requirepass", "another password")
        settings["redis.addr"] = urlsplit(server.url).netloc
    if case == "minio":
        store: MinioSettings = request.getfixturevalue("minio_server_settings")
        settings |= {"minio.endpoint": store.endpoint, "minio.access_key": store.access_key}
        settings["minio.secret_key"] = SECRETS["secret of MinIO"]
    if case == "node":
        said = _refused_by_a_node(tmp_path, settings)
    else:
        environment = {f"S2V_{name.replace('.', '_').upper()}": str(text) for name, text in settings.items() if text}
        done = subprocess.run(
            [sys.executable, str(ROOT / "main.py"), "serve", "--config", os.devnull],
            cwd=tmp_path,
            env=clean_environment(
                {**environment, "S2V_DATA_DIR": str(tmp_path / "data"), "S2V_SERVER_PORT": "127.0.0.1:0"}
            ),
            capture_output=True,
            text=True,
            timeout=SOON_S,
            check=False,
        )
        said = done.stdout + done.stderr
        assert done.returncode == 1, said
    assert said
    for secret in SECRETS.values():
        assert secret not in said
    assert "Planted" not in said


def _refused_by_a_node(folder: Path, settings: dict[str, object]) -> str:
    """A node that knows another token; returns both logs."""
    node = NodeServer({"S2V_NODE_TOKEN": "another-token-than-that"})
    try:
        address = f"http://user:{SECRETS['address of the node']}@{node.addr}"
        with ServerUnderTest(folder, {**settings, "worker.addr": address, "worker.dispatch_retries": 0}) as server:
            body = {"Title": "猫", "StoryText": "一只猫。", "ShotCount": 1}
            requests.post(f"{server.url}/v1/api/projects", json=body, timeout=60)
            wait_until(lambda: "HTTP 401" in server.lines(), SOON_S, "the node's refusal")
            return server.lines() + node.log.read_text("utf-8")
    finally:
        node.close()
