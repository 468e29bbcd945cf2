"""Odd connections, hundreds of each kind: who asks as one should is answered meanwhile. And an answer's word on its connection holds."""

from __future__ import annotations

import http.client
import os
import resource
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

import pytest
import requests

from tests.support.server_process import ServerUnderTest
from tests.support.soak import soaking

MANY = 400
FEW = 40  # for four threads, where each is borne for a second; and of those whose requests are whole, which are all answered
PATIENCE_S = 20.0
HEAD = b"POST /v1/api/projects HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
GET = b"GET / HTTP/1.1\r\nHost: a\r\n"
SOCKET = (
    b"GET /tasks/x/wss HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
)
FIFTY = "fifty requests at once"
PARTS: dict[str, bytes] = {
    "nothing": b"",
    "one byte": b"G",
    "line ends alone": b"\r\n" * 50,
    "a head but for its last byte": HEAD + b"Content-Length: 2\r\n\r",
    "a head of many small headers": HEAD + b"".join(b"A%d: b\r\n" % number for number in range(90)),
    "a head without its body": HEAD + b"Content-Length: 1000\r\n\r\n",
    "half a body": HEAD + b"Content-Length: 1000\r\n\r\n" + b" " * 500,
    "half a chunk": HEAD + b"Transfer-Encoding: chunked\r\n\r\n1000\r\n{",
    "half the size of a chunk": HEAD + b"Transfer-Encoding: chunked\r\n\r\n00000",
    "half a trailer": HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nA: b\r\n",
    "half a form": HEAD.replace(b"application/json", b"multipart/form-data; boundary=b")
    + b"Content-Length: 9000\r\n\r\n--b\r\n",
    "who waits to continue": HEAD + b"Content-Length: 9\r\nExpect: 100-continue\r\n\r\n",
    "a handshake of TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(60),
    "half a handshake of a socket": SOCKET,
    "an upgrade to HTTP/2": GET
    + b"Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n",
    "HTTP/2 at once": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9),
    "a whole request and half of the next": b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\nGET /heal",
    FIFTY: b"GET /v1/api/projects HTTP/1.1\r\nHost: a\r\n\r\n" * 50,
}
IN_CI = {"a head but for its last byte", "half a chunk", "an upgrade to HTTP/2", FIFTY}


@pytest.fixture(scope="module", autouse=True)
def _files() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(before[1], 8_192), before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@contextmanager
def many(port: int, said: bytes, count: int = MANY) -> Iterator[list[socket.socket]]:
    """So many connections that have said so much, and take no answer."""
    with ExitStack() as stack:
        opened = []
        for _ in range(count):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S))
            with suppress(ConnectionError):  # one that was dropped
                connection.sendall(said)
            opened.append(connection)
        yield opened


@pytest.mark.parametrize("kind", soaking(PARTS, keep=IN_CI))
@pytest.mark.parametrize("which", ["server", "narrow"])
def test_who_asks_as_one_should_is_answered_meanwhile(which: str, kind: str, request: pytest.FixtureRequest) -> None:
    """Also where a trusted proxy sends all of them: the narrow one, which has four threads, trusts loopback."""
    server: ServerUnderTest = request.getfixturevalue(which)
    with many(server.port, PARTS[kind], MANY if which == "server" and kind != FIFTY else FEW):
        for path in ("/healthz", "/v1/api/projects"):
            assert requests.get(server.url + path, timeout=PATIENCE_S).status_code == 200
        assert requests.post(f"{server.url}/v1/api/projects", json={}, timeout=PATIENCE_S).status_code == 400


def test_who_takes_no_answer_holds_up_nobody(server: ServerUnderTest) -> None:
    """Answers of some hundred kilobytes each, over windows of a few."""
    asked = b"GET /openapi.json HTTP/1.1\r\nHost: a\r\n\r\n" * 20
    with ExitStack() as stack:
        for _ in range(100):
            connection = stack.enter_context(socket.socket())
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2_048)
            connection.connect(("127.0.0.1", server.port))
            connection.sendall(asked)
        for _ in range(3):
            assert requests.get(f"{server.url}/v1/api/projects", timeout=PATIENCE_S).status_code == 200


def test_sockets_that_say_half_a_frame_hold_up_nobody(server: ServerUnderTest) -> None:
    key = SOCKET + b"dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    frames = [
        b"\x81",
        b"\x81\xfe\xff\xff",
        b"\x81\xff" + b"\x7f" + b"\xff" * 7,
        b"\x01\x80abcd" * 2_000,
        b"\x89\x80abcd" * 2_000,
        b"\xf1\x80abcd",
        os.urandom(900),
    ]
    for frame in frames:
        with many(server.port, key + frame, 40):
            assert requests.get(f"{server.url}/healthz", timeout=PATIENCE_S).status_code == 200


UNREAD = [
    ("POST", "/v1/api/tasks/x/cancel"),
    ("POST", "/v1/api/webhook/task_complete"),
    ("POST", "/v1/api/music"),
    ("DELETE", "/v1/api/shots/x"),
    ("GET", "/healthz"),
    ("POST", "/nowhere"),
]


@pytest.mark.parametrize("size", [2, 1_000, 33_000, 70_000, 900_000, 3_000_000])
@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunks"])
def test_a_connection_that_an_answer_keeps_is_kept(server: ServerUnderTest, size: int, chunked: bool) -> None:
    """Also where nobody read the body, which is to be passed over then."""
    for method, path in UNREAD:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE_S)
        body = iter([b"{" + b" " * (size - 2), b"}"]) if chunked else b"{" + b" " * (size - 2) + b"}"
        with suppress(BrokenPipeError, ConnectionResetError):  # it was refused before it was said
            connection.request(method, path, body, {"Content-Type": "application/json"}, encode_chunked=chunked)
        answer = connection.getresponse()
        answer.read()
        if not answer.will_close:
            connection.request("GET", "/healthz")
            assert connection.getresponse().status == 200, (method, path)
        connection.close()
