"""Clients that break HTTP's rules, or stop in the middle: each gets a clear refusal, and none of them holds the server up."""

from __future__ import annotations

import json
import resource
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from http.client import HTTPResponse
from pathlib import Path
from typing import Any

import psutil
import pytest

from config.settings import RedisSettings
from tests.e2e.web_server import Server, running_server
from tests.support.wait import wait_until
from tests.support.web_app import connecting, hear

PROJECTS = "/v1/api/projects"
MAX_BODY = 10_000
THREADS = 2


@pytest.fixture
def server(request: pytest.FixtureRequest, tmp_path: Path, redis_settings: RedisSettings) -> Iterator[Server]:
    """With few threads and, unless it is `patient`, little patience."""
    with running_server(
        tmp_path,
        redis_settings,
        server_threads=str(THREADS),
        server_client_timeout_s=getattr(request, "param", "1"),
        server_max_body=str(MAX_BODY),
    ) as running:
        yield running


# For clients that are not too slow: on a busy machine they might be.
patient = pytest.mark.parametrize("server", ["60"], indirect=True, ids=["patient"])


def opened(server: Server, sent: bytes = b"") -> socket.socket:
    host, _, port = server.address.partition(":")
    client = socket.create_connection((host, int(port)), timeout=60)
    client.sendall(sent)
    return client


def everything(client: socket.socket) -> bytes:
    """What comes until the server closes the connection."""
    return b"".join(iter(lambda: client.recv(65_536), b""))


def answer(server: Server, sent: bytes) -> tuple[HTTPResponse, dict[str, Any]]:
    """The answer to these bytes, and its body."""
    with opened(server, sent) as client, HTTPResponse(client) as response:
        response.begin()
        return response, json.loads(response.read())


def posted(body: bytes, *headers: str) -> bytes:
    head = [f"POST {PROJECTS} HTTP/1.1", "Host: x", "Connection: close", "Content-Type: application/json", *headers]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


def chunked(*chunks: bytes) -> bytes:
    body = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in (*chunks, b""))
    return posted(body, "Transfer-Encoding: chunked")


def projects(server: Server) -> int:
    with closing(sqlite3.connect(server.data / "storytovideo.db", timeout=60)) as connection:
        return int(connection.execute("SELECT count(*) FROM project").fetchone()[0])


@patient
def test_text_in_an_address_may_come_as_it_is(server: Server) -> None:
    """curl escapes nothing, and the Go backend took it."""
    query = "Title=灯塔&StoryText=海边+有一座灯塔；它\xa0亮着;完&ShotCount=1"
    response, created = answer(
        server, f"POST {PROJECTS}?{query} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()
    )
    assert response.status == 200, created
    _, project = server.ask("GET", f"{PROJECTS}/{created['project_id']}")
    found = project["project_detail"]
    assert (found["title"], found["storyText"]) == ("灯塔", "海边 有一座灯塔；它\xa0亮着;完")
    response, refusal = answer(server, b"GET /v1/api/projects?q=\xff HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert (response.status, refusal["field"]) == (400, "q")


@patient
def test_a_body_in_chunks_has_the_same_limit(server: Server) -> None:
    story = b'{"StoryText": "%s"}'
    assert answer(server, chunked(story % (b"a" * 5000)))[0].status == 200
    response, refusal = answer(server, chunked(story % (b"a" * MAX_BODY)))
    assert (response.status, refusal["code"]) == (413, 413)
    assert str(MAX_BODY) in refusal["error"]
    response, _ = answer(server, chunked(story[:10], story % (b"a" * 9 * MAX_BODY)))
    assert response.status == 413
    assert projects(server) == 1


@patient
def test_chunks_that_are_none_are_bad_requests(server: Server) -> None:
    for body in (b"ZZ\r\n{}\r\n0\r\n\r\n", b"-1\r\n{}\r\n0\r\n\r\n", b"2\r\n{}xx", b"2;\r\x00\r\n{}\r\n0\r\n\r\n"):
        kept_alive = posted(body, "Transfer-Encoding: chunked").replace(b"Connection: close\r\n", b"")
        with opened(server, kept_alive) as client:
            said = everything(client)  # it closes: where the next request starts is unknown
        assert said.startswith(b"HTTP/1.1 400 "), body
        assert json.loads(said.partition(b"\r\n\r\n")[2])["code"] == 400


@patient
def test_a_handshake_that_is_none_is_refused(server: Server) -> None:
    _, created = server.ask("POST", PROJECTS, StoryText="从前。", ShotCount="1")
    target = f"/tasks/{created['text_task_id']}/wss"
    upgrade = ["Connection: Upgrade", "Upgrade: websocket"]
    key, version = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: "
    for name, http, headers, status in [
        ("no key", "1.1", ["Host: x", *upgrade, f"{version}13"], 400),
        ("no version", "1.1", ["Host: x", *upgrade, key], 400),
        ("another version", "1.1", ["Host: x", *upgrade, key, f"{version}8"], 426),
        ("no host", "1.0", [*upgrade, key, f"{version}13"], 400),
        ("no upgrade", "1.1", ["Host: x", "Connection: close"], 400),
    ]:
        response, refusal = answer(server, "\r\n".join([f"GET {target} HTTP/{http}", *headers, "", ""]).encode())
        assert (response.status, refusal["code"]) == (status, status), name
        assert status == 400 or response.headers["Sec-WebSocket-Version"] == "13"


def test_clients_that_stop_in_the_middle_give_their_threads_back(server: Server) -> None:
    """There are more of them than threads, those for sockets included; somebody else is served once they are cut off, if not before."""
    heads, bodies, chunks = (
        f"GET {PROJECTS} HTTP/1.1\r\nHos".encode(),
        posted(b"{", "Content-Length: 1000"),
        posted(b"10\r\n{", "Transfer-Encoding: chunked"),
    )
    with ExitStack() as stuck:
        clients = [stuck.enter_context(opened(server, sent)) for sent in (heads, bodies, chunks) * THREADS]
        assert server.ask("GET", PROJECTS)[0] == 200
        for client in clients:
            last = everything(client)
            assert last == b"" or b" 400 " in last.splitlines()[0]
    assert projects(server) == 0


@patient
def test_clients_that_do_not_close_hold_nobody_up(server: Server) -> None:
    """None of them is waited for in a thread: somebody else is served meanwhile."""
    worker = psutil.Process(server.process.pid).children()[0]

    def is_served_meanwhile() -> bool:
        with ExitStack() as waiting:
            clients = [waiting.enter_context(opened(server)) for _ in range(THREADS + 1)]
            ours = {client.getsockname() for client in clients}
            for client in clients:
                client.sendall(f"GET {PROJECTS} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
                assert everything(client).startswith(b"HTTP/1.1 200")
            assert server.ask("GET", PROJECTS)[0] == 200
            return ours <= {found.raddr for found in worker.net_connections("tcp")}

    assert any(is_served_meanwhile() for _ in range(5))  # once at least on a machine that is busy


def test_a_client_that_dribbles_its_head_is_cut_off(server: Server) -> None:
    with opened(server, f"GET {PROJECTS} HTTP/1.1\r\nX: ".encode()) as client:
        client.settimeout(0.2)

        def dribble() -> bool:
            try:
                client.sendall(b"x")
                return client.recv(1) == b""
            except TimeoutError:
                return False
            except OSError:
                return True

        wait_until(dribble, timeout=60)


def test_a_client_that_dribbles_its_body_is_cut_off(server: Server) -> None:
    """Each byte comes within the patience, but it is the same patience for all of them."""
    with opened(server, posted(b"{", f"Content-Length: {MAX_BODY}")) as client:
        client.settimeout(0.1)

        def dribble() -> bytes:
            try:
                client.sendall(b"x")
                return client.recv(65_536)
            except TimeoutError:
                return b""

        assert wait_until(dribble, timeout=60).startswith(b"HTTP/1.1 400 ")


REFUSED = {
    "no request line": (b"no request at all\r\n\r\n", 400),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
    "another protocol": (b"SSH-2.0-OpenSSH_9.2\r\n", 400),
    "HTTP/0.9": (b"GET /\r\n", 400),
    "HTTP/3": (b"GET / HTTP/3.0\r\nHost: x\r\n\r\n", 400),
    "a version that is none": (b"GET / HTTP/x.y\r\nHost: x\r\n\r\n", 400),
    "bare LF": (b"GET / HTTP/1.1\nHost: x\n\n", 400),
    "bare LF in the headers": (b"GET / HTTP/1.1\r\nHost: x\n\n", 400),
    "a small method": (b"get / HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "no target": (b"GET  HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "a target without a slash": (b"GET v1 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "a header without a name": (b"GET / HTTP/1.1\r\n: x\r\n\r\n", 400),
    "a header with a blank": (b"GET / HTTP/1.1\r\nHost : x\r\n\r\n", 400),
    "a header that is none": (b"GET / HTTP/1.1\r\nHost\r\n\r\n", 400),
    "a folded header": (b"GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n", 400),
    "NUL": (b"GET / HTTP/1.1\r\nHost: x\r\nA: \0\r\n\r\n", 400),
    "two hosts": (b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400),
    "no host": (b"GET / HTTP/1.1\r\n\r\n", 400),
    "a host that is none": (b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
    "a length that is none": (posted(b"", "Content-Length: ten"), 400),
    "a length below zero": (posted(b"", "Content-Length: -1"), 400),
    "a length with a sign": (posted(b"", "Content-Length: +1"), 400),
    "a length in other digits": (posted(b"{}", "Content-Length: \u00b2").replace("\u00b2".encode(), b"\xb2"), 400),
    "two lengths": (posted(b"{}", "Content-Length: 2", "Content-Length: 3"), 400),
    "length and chunks": (posted(b"0\r\n\r\n", "Content-Length: 5", "Transfer-Encoding: chunked"), 400),
    "chunks in HTTP/1.0": (chunked(b"{}").replace(b"HTTP/1.1", b"HTTP/1.0"), 400),
    "chunks twice": (posted(b"0\r\n\r\n", "Transfer-Encoding: chunked, chunked"), 400),
    "a coding that is not the last": (posted(b"", "Transfer-Encoding: gzip"), 400),
    "a chunk's size that is none": (posted(b"x\r\n", "Transfer-Encoding: chunked"), 400),
    "an unknown coding": (posted(b"", "Transfer-Encoding: pigeon"), 501),
    "an unknown expectation": (posted(b"", "Expect: miracles"), 417),
    "a long target": (b"GET /" + b"a" * 300_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
    "a longer target": (b"GET /" + b"a" * 1_100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
    "a target without an end": (b"GET /" + b"a" * 1_100_000, 414),
    "a long header": (b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 9_000 + b"\r\n\r\n", 431),
    "many headers": (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: a\r\n" * 101 + b"\r\n", 431),
    "headers without an end": (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: aaaaaaaa\r\n" * 80_000, 431),
}


@patient
def test_every_refusal_has_the_shape_of_all_errors(server: Server) -> None:
    """Also those of the web server, before there is a request to hand on."""
    found = {}
    for name, (sent, _) in REFUSED.items():
        with opened(server) as client:
            with suppress(ConnectionError):  # the refusal may come before everything was said
                client.sendall(sent)
            with HTTPResponse(client) as response:
                response.begin()
                refusal = json.loads(response.read())
        found[name] = (sent, response.status)
        assert response.headers["Content-Type"] == "application/json", name
        assert refusal["error"] == refusal["message"] != "", name
        assert (refusal["code"], refusal["request_id"]) == (response.status, response.headers["X-Request-ID"]), name
        assert refusal["request_id"], name
    assert found == REFUSED


@patient
def test_a_refusal_has_the_callers_own_id(server: Server) -> None:
    response, refusal = answer(server, posted(b"", "X-Request-ID: mine", "Content-Length: ten"))
    assert (response.status, refusal["request_id"], response.headers["X-Request-ID"]) == (400, "mine", "mine")


def test_a_client_that_takes_nothing_is_cut_off(server: Server) -> None:
    """It asks for more than fits into the buffers on the way, and reads none of it."""
    _, created = server.ask("POST", PROJECTS, StoryText="从前。", ShotCount="1")
    with closing(sqlite3.connect(server.data / "storytovideo.db", timeout=60)) as connection, connection:
        connection.execute("UPDATE project SET story_text = ?", ["字" * 20_000])
    worker = psutil.Process(server.process.pid).children()[0]
    host, _, port = server.address.partition(":")
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        client.settimeout(60)
        client.connect((host, int(port)))
        ours = client.getsockname()

        def is_served() -> bool:
            return any(found.raddr == ours for found in worker.net_connections("tcp"))

        client.sendall(f"GET {PROJECTS}/{created['project_id']} HTTP/1.1\r\nHost: x\r\n\r\n".encode() * 500)
        assert client.recv(1, socket.MSG_PEEK)  # left where it is; by now it may be cut off already, on a busy machine
        wait_until(lambda: not is_served(), timeout=60)


def test_a_socket_lives_longer_than_the_patience_with_a_request(server: Server) -> None:
    _, created = server.ask("POST", PROJECTS, StoryText="从前。", ShotCount="1")
    task_id = created["text_task_id"]
    with connecting(server.address) as connect:
        client = connect(task_id)
        hear(client)
        stuck = opened(server, b"GET / HTTP/1.1\r\n")
        assert stuck.recv(1) == b""  # the patience is over
        stuck.close()
        server.ask("POST", f"/v1/api/tasks/{task_id}/cancel")
        assert hear(client)["status"] == "cancelled"


def test_a_server_without_a_file_left_goes_on_when_there_is_one_again(server: Server) -> None:
    worker = psutil.Process(server.process.pid).children()[0]
    before = worker.rlimit(resource.RLIMIT_NOFILE)
    worker.rlimit(resource.RLIMIT_NOFILE, (worker.num_fds(), before[1]))
    with ExitStack() as idle:
        for _ in range(4):
            idle.enter_context(opened(server))
        worker.rlimit(resource.RLIMIT_NOFILE, before)
        wait_until(server.is_alive, timeout=60)
    assert psutil.Process(server.process.pid).children() == [worker]
