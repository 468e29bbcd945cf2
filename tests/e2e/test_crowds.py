"""More clients than threads, none of which gets to the end of its request, or all of which stay: somebody else is served meanwhile."""

from __future__ import annotations

import resource
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import psutil
import pytest

from config.settings import RedisSettings
from runtime.gunicorn_server import KEEPALIVE_S
from runtime.gunicorn_worker import ADDRESS_SHARE, UNASKED_SHARE
from tests.conftest import leave_out
from tests.e2e.web_server import Server, is_open, running_server
from tests.support.wait import wait_until
from tests.support.web_app import closed_with, connecting, hear

CROWD = 1100
HEALTH = "/v1/api/health"
PATIENCE_S = "600"  # far more than any client here waits for an answer
FLOODERS = "127.0.1.{}"
BROWSER = "127.0.2.1"
IDLE = 1000  # connections beside those at work


@pytest.fixture(autouse=True)
def _files() -> Iterator[None]:
    """Room for the crowd's end of the connections."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 3 * CROWD
    if soft != resource.RLIM_INFINITY and soft < wanted:
        if hard != resource.RLIM_INFINITY and hard < wanted:
            leave_out(f"only {hard} open files are allowed")
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture
def server(request: pytest.FixtureRequest, tmp_path: Path, redis_settings: RedisSettings) -> Iterator[Server]:
    settings = {"server_client_timeout_s": PATIENCE_S, "server_max_sockets": "1000", **getattr(request, "param", {})}
    with running_server(tmp_path, redis_settings, **settings) as running:
        yield running


def worker_of(server: Server) -> psutil.Process:
    """The process that serves; the other children keep Redis."""
    return max(psutil.Process(server.process.pid).children(), key=lambda child: child.memory_info().rss)


def opened(server: Server, source: str = "", timeout_s: float = 60) -> socket.socket:
    host, _, port = server.address.partition(":")
    return socket.create_connection((host, int(port)), timeout=timeout_s, source_address=(source, 0))


@contextmanager
def crowd(server: Server, say: Callable[[socket.socket], None], addresses: int) -> Iterator[list[socket.socket]]:
    """So many connections, each of which has said its part; one that was dropped before is there all the same."""
    with ExitStack() as stack:
        clients = []
        for number in range(CROWD):
            client = stack.enter_context(opened(server, FLOODERS.format(1 + number % addresses)))
            clients.append(client)
            with suppress(ConnectionError):
                say(client)
        yield clients


def says(text: bytes) -> Callable[[socket.socket], None]:
    return lambda client: client.sendall(text)


def asks_and_stays(client: socket.socket) -> None:
    client.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    assert client.recv(65_536).startswith(b"HTTP/1.1 200")


@contextmanager
def browsing(server: Server) -> Iterator[list[int]]:
    """Somebody elsewhere goes on asking on six kept-alive connections; yields the statuses.

    Each connection must last, unless this machine was so busy that it had been idle for too long.
    """
    statuses: list[int] = []
    failures: list[BaseException] = []
    ended = threading.Event()
    source = (BROWSER, 0)
    with ExitStack() as stack:
        pages = [
            stack.enter_context(closing(HTTPConnection(server.address, timeout=60, source_address=source)))
            for _ in range(6)
        ]
        used = dict.fromkeys(pages, 0.0)
        for page in pages:
            page.auto_open = 0

        def ask(page: HTTPConnection) -> None:
            if time.monotonic() - used[page] > KEEPALIVE_S / 2:
                page.close()
                page.connect()
            page.request("GET", "/healthz")
            answer = page.getresponse()
            answer.read()
            statuses.append(answer.status)
            used[page] = time.monotonic()

        def browse() -> None:
            try:
                while not ended.wait(0.01):
                    for page in pages:
                        ask(page)
            except Exception as error:  # noqa: BLE001 - told below
                failures.append(error)

        thread = threading.Thread(target=browse)
        thread.start()
        try:
            yield statuses
        finally:
            ended.set()
            thread.join()
        assert failures == []


KINDS = {
    "nothing": says(b""),
    "half a head": says(b"GET /v1/api/projects HTTP/1.1\r\nHos"),
    "half a line": says(b"GET /v1/api/pro"),
    "no text": says(b"\xff\xfe\xfd"),
    "half a body": says(b"POST /v1/api/projects HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{"),
    "half a chunk": says(b"POST /v1/api/projects HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n{"),
    "kept alive": asks_and_stays,
}


# The others belong to `make faults`.
IN_SHORT: dict[str, Any] = {"half a head": pytest.mark.soak, "half a body": ()}


def crowds() -> Iterator[Any]:
    yield pytest.param("half a head", 1)
    for kind in KINDS:
        yield pytest.param(kind, 50, marks=IN_SHORT.get(kind, pytest.mark.faults))


@pytest.mark.parametrize(("kind", "addresses"), list(crowds()))
def test_a_crowd_that_does_not_ask_holds_nobody_up(server: Server, kind: str, addresses: int) -> None:
    _, created = server.ask("POST", "/v1/api/projects", StoryText="从前。", ShotCount="1")
    task_id = created["text_task_id"]
    with connecting(server.address) as connect, browsing(server) as statuses:
        watcher = connect(task_id)
        assert hear(watcher)["status"] == "pending"
        with crowd(server, KINDS[kind], addresses):
            assert server.ask("GET", HEALTH)[0] == 200
            asked = len(statuses)
            wait_until(lambda: len(statuses) >= asked + 12, timeout=60)
            assert set(statuses) == {200}
            assert server.ask("POST", f"/v1/api/tasks/{task_id}/cancel")[0] == 200
            assert hear(watcher)["status"] == "cancelled"


def test_half_heads_hold_no_threads_whatever_time_they_take(server: Server) -> None:
    worker = worker_of(server)
    before = worker.num_threads()
    with crowd(server, says(b"GET /v1/api/projects HTTP/1.1\r\nX: "), 50) as clients:
        for _ in range(3):
            for client in clients:
                with suppress(OSError):
                    client.sendall(b"x")
            assert server.ask("GET", HEALTH)[0] == 200
        assert worker.num_threads() <= before + 4


MOST_OF_ALL = int(UNASKED_SHARE * IDLE)
MOST_OF_ONE = int(ADDRESS_SHARE * MOST_OF_ALL)


@pytest.mark.parametrize(
    ("server", "addresses", "most"),
    [
        ({}, 1, MOST_OF_ONE),
        ({}, 50, MOST_OF_ALL),
        ({"server_trusted_proxies": "127.0.1.0/24"}, 1, MOST_OF_ALL),
    ],
    indirect=["server"],
    ids=["one address", "many", "a trusted proxy"],
)
def test_connections_that_do_not_ask_are_bounded_and_the_oldest_go(server: Server, addresses: int, most: int) -> None:
    with crowd(server, says(b"GET"), addresses) as clients:
        wait_until(lambda: sum(map(is_open, clients)) <= most, timeout=60)
        left = [is_open(client) for client in clients]
        assert sum(left) >= most - 10  # those of this test's own questions count, too
        assert all(left[-100:])
        assert server.ask("GET", HEALTH)[0] == 200


def test_heads_that_are_not_whole_are_bounded_in_bytes(server: Server) -> None:
    with ExitStack() as stack:
        clients = [stack.enter_context(opened(server)) for _ in range(100)]
        for client in clients:
            with suppress(ConnectionError):
                client.sendall(b"GET /" + b"a" * 1_000_000)
        wait_until(lambda: sum(map(is_open, clients)) <= 70, timeout=60)
        assert sum(map(is_open, clients)) >= 50
        assert server.ask("GET", HEALTH)[0] == 200


@pytest.mark.faults
def test_a_thousand_sockets_that_have_closed_leave_no_threads(server: Server) -> None:
    worker = worker_of(server)
    _, created = server.ask("POST", "/v1/api/projects", StoryText="从前。", ShotCount="1")
    task_id = created["text_task_id"]
    before = worker.num_threads()
    with connecting(server.address) as connect:
        clients = [connect(task_id) for _ in range(1000)]
        assert worker.num_threads() >= before + 1000
        server.ask("POST", f"/v1/api/tasks/{task_id}/cancel")
        for client in clients:
            while hear(client)["status"] != "cancelled":
                continue
            assert closed_with(client) == 1000

    def few_are_left() -> bool:
        server.ask("GET", HEALTH)  # whoever asks now and then keeps none of them
        return worker.num_threads() <= before + 5

    wait_until(few_are_left, timeout=120)
