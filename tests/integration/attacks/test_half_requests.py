"""Clients that begin and do not end, in ways that a request's head alone does not show."""

from __future__ import annotations

import socket
from contextlib import ExitStack, suppress
from urllib.parse import urlsplit

import requests

from tests.integration.attacks.raw_http import PATIENCE_S
from tests.support.node.scripts import wav
from tests.support.server_process import ServerUnderTest

CONNECTIONS = 20  # of 8 threads
OF_EACH = 3
ROUNDS = 3
POST = b"POST /v1/api/projects HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
UPGRADE = b"GET /tasks/x/wss HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
KEY = b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
HALVES = {
    "a chunked body a byte at a time": (POST + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
    "an extension of a chunk without an end": (POST + b"Transfer-Encoding: chunked\r\n\r\n1;", b"a"),
    "a chunk's size a digit at a time": (POST + b"Transfer-Encoding: chunked\r\n\r\n", b"0"),
    "trailers without an end": (POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"A: b\r\n"),
    "a head a byte at a time": (POST, b"a"),
    "headers one at a time": (POST, b"A: b\r\n"),
    "blank lines before the request": (b"\r\n", b"\r\n"),
    "an upgrade without its last line": (UPGRADE + KEY, b"a"),
    "an upgrade with a body that does not come": (UPGRADE + KEY + b"Content-Length: 9999\r\n\r\n", b"a"),
    "an upgrade without a key": (UPGRADE + b"\r\n", b""),
    "a hello of TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(32, 64)), b"a"),
    "a preface of HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\x00"),
    "a client that waits for 100": (POST + b"Expect: 100-continue\r\nContent-Length: 99999\r\n\r\n", b""),
    "a form whose file does not end": (
        b"POST /v1/api/music HTTP/1.1\r\nHost: a\r\nContent-Length: 60000000\r\n"
        b"Content-Type: multipart/form-data; boundary=b\r\n\r\n--b\r\n"
        b'Content-Disposition: form-data; name="f"; filename="a.mp3"\r\n\r\nID3',
        b"\x00",
    ),
    "a compressed body that does not end": (
        POST + b"Content-Encoding: gzip\r\nContent-Length: 9999\r\n\r\n\x1f\x8b\x08",
        b"\x00",
    ),
}


def test_what_is_begun_and_not_ended_keeps_nobody_from_an_answer(narrow: ServerUnderTest) -> None:
    with ExitStack() as opened:
        clients = [
            (
                opened.enter_context(socket.create_connection(("127.0.0.1", narrow.port), timeout=PATIENCE_S)),
                more,
                begin,
            )
            for begin, more in HALVES.values()
            for _ in range(OF_EACH)
        ]
        for client, _, begin in clients:
            client.sendall(begin)
        for _ in range(ROUNDS):
            for client, more, _ in clients:
                with suppress(OSError):  # it was dropped
                    client.sendall(more)
            assert requests.get(f"{narrow.url}/v1/api/health", timeout=PATIENCE_S).ok


def test_answers_that_nobody_takes_keep_nobody_from_one(narrow: ServerUnderTest) -> None:
    music = {"f": ("a.wav", wav(seconds=100, rate=16_000))}  # more than the system keeps of an answer
    piece = requests.post(f"{narrow.url}/v1/api/music", files=music, timeout=PATIENCE_S).json()["music"]
    request = (
        f"GET {urlsplit(piece['url'])._replace(scheme='', netloc='').geturl()} HTTP/1.1\r\nHost: a\r\n\r\n".encode()
    )
    with ExitStack() as opened:
        for _ in range(CONNECTIONS):
            client = opened.enter_context(socket.socket())
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            client.connect(("127.0.0.1", narrow.port))
            client.sendall(request)
        for _ in range(ROUNDS):
            assert requests.get(f"{narrow.url}/v1/api/health", timeout=PATIENCE_S).ok


def test_sockets_of_tasks_that_say_nothing_keep_nobody_from_an_answer(narrow: ServerUnderTest) -> None:
    with ExitStack() as opened:
        for _ in range(CONNECTIONS):
            client = opened.enter_context(socket.create_connection(("127.0.0.1", narrow.port), timeout=PATIENCE_S))
            client.sendall(UPGRADE + KEY + b"\r\n" + b"\x81\xff\x00\x00")  # half a frame of 2**40 bytes
        for _ in range(ROUNDS):
            assert requests.get(f"{narrow.url}/v1/api/health", timeout=PATIENCE_S).ok
