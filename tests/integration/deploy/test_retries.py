"""A server that is away, dies in the middle or fails: what may be asked twice is asked once more, and nothing else ever is."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
import requests

from tests.conftest import leave_out
from tests.support.servers.nginx_server import NginxServer
from tests.support.servers.process import MissingServiceError, silent_port

CHECK = "/v1/api/auth/check"


@dataclass
class Upstream:
    """A server of the test's own: `answer` makes the bytes of an answer, b"" being a death in the middle of the request."""

    answer: Callable[[str], bytes]
    asked: list[str] = field(default_factory=list)
    port: int = 0

    def serve(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            with client:
                client.settimeout(30)
                head = client.recv(65_536).decode("latin-1")
                line = head.partition("\r\n")[0].rpartition(" ")[0]
                if CHECK in line:
                    client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                elif line:
                    self.asked.append(line)
                    client.sendall(self.answer(line))


@contextmanager
def upstream(answer: Callable[[str], bytes]) -> Iterator[Upstream]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = Upstream(answer, port=int(listener.getsockname()[1]))
        threading.Thread(target=server.serve, args=(listener,), daemon=True).start()
        yield server
        listener.shutdown(socket.SHUT_RDWR)


def saying(status: str) -> Callable[[str], bytes]:
    return lambda _: f"HTTP/1.1 {status}\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{{}}".encode()


def dying(_: str) -> bytes:
    return b""


@contextmanager
def nginx_before(*ports: int) -> Iterator[NginxServer]:
    try:
        nginx = NginxServer([f"127.0.0.1:{port}" for port in ports])
    except MissingServiceError as error:
        leave_out(str(error))
    yield nginx
    nginx.close()


def ask(nginx: NginxServer, method: str) -> requests.Response:
    body: dict[str, Any] = {"json": {}} if method in ("POST", "PUT") else {}
    return requests.request(method, f"{nginx.https}/v1/api/projects", verify=str(nginx.certificate), timeout=60, **body)


@pytest.mark.parametrize("bad", [dying, saying("500 Internal Server Error"), saying("503 Service Unavailable")])
def test_what_may_be_asked_twice_is_asked_of_the_other_server_and_a_post_never_is(bad: Callable[[str], bytes]) -> None:
    """The good one stands there twice: the question whether a credential counts takes every other turn."""
    with (
        upstream(bad) as failing,
        upstream(saying("200 OK")) as good,
        nginx_before(failing.port, good.port, good.port) as nginx,
    ):
        for method in ("GET", "PUT", "DELETE"):
            assert [ask(nginx, method).status_code for _ in range(4)] == [200] * 4
        assert failing.asked, "it was asked at all"
        asked = len(failing.asked) + len(good.asked)
        posts = [ask(nginx, "POST") for _ in range(6)]
        assert len(failing.asked) + len(good.asked) - asked <= 6, "none came twice"
        assert {answer.status_code for answer in posts} - {200}, "one met the failing server"
        assert all(answer.json()["code"] == 502 for answer in posts if answer.status_code == 502)


def test_a_server_that_is_away_costs_a_post_at_most_one_answer_in_two_seconds() -> None:
    with silent_port() as away, upstream(saying("200 OK")) as good, nginx_before(away, good.port) as nginx:
        assert [ask(nginx, "GET").status_code for _ in range(6)] == [200] * 6
        good.asked.clear()
        statuses = [ask(nginx, "POST").status_code for _ in range(6)]
        assert statuses.count(502) >= 1, "refused connections are no reason to ask another for a POST"
        assert statuses.count(200) == len(good.asked) >= 3


def test_one_server_alone_is_asked_once_more_and_its_own_words_are_told() -> None:
    with upstream(saying("503 Service Unavailable")) as only, nginx_before(only.port) as nginx:
        assert (ask(nginx, "GET").status_code, len(only.asked)) == (503, 2)
        assert (ask(nginx, "POST").status_code, len(only.asked)) == (503, 3)


def test_where_no_server_is_the_answer_is_ours() -> None:
    with silent_port() as away, nginx_before(away) as nginx:
        for method in ("GET", "POST"):
            answer = ask(nginx, method)
            assert (answer.status_code, answer.json()["code"], answer.headers["Retry-After"]) == (502, 502, "5")
