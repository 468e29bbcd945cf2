"""One server of two web processes and a processor's: whatever holds for one process holds for all of them together."""

from __future__ import annotations

import json
import re
import signal
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, cast

import psutil
import pytest
import websocket

from config.settings import ServerSettings
from runtime.gunicorn_server import IDLE_CONNECTIONS
from runtime.gunicorn_worker import ADDRESS_SHARE, UNASKED_SHARE
from runtime.memory import proportional
from tests.e2e.client import Client
from tests.e2e.web_server import is_open
from tests.support.columns import DATABASES
from tests.support.node.scripts import Script, png, running
from tests.support.node.stand_in import StandInNode
from tests.support.server_process import END_S, ServerUnderTest, alive
from tests.support.wait import wait_until
from tests.support.web_app import closed_with, hear

WEB = ("web-1", "web-2")
SOCKETS, LOGINS = 16, 10
SOON_S = 60.0
STORY = "小猫出门了。小猫回家了。"
MIB, MOST_MIB = 1 << 20, 350
SETTINGS: dict[str, object] = {
    "server.processes": 2,
    "server.max_sockets": SOCKETS,
    "limits.enabled": "true",
    "limits.login": f"{LOGINS}/hour",
    "film.resolution": "320x180",
    **dict.fromkeys(("limits.read", "limits.write", "limits.expensive"), "10000/second"),
}


def pids_of(server: ServerUnderTest, name: str) -> list[int]:
    """The processes that have had this name, in order."""
    return list(map(int, re.findall(rf" {name} runtime\.gunicorn_server: process (\d+)", server.lines())))


def pid_of(server: ServerUnderTest, name: str) -> int:
    """The process that has this name now."""
    return pids_of(server, name)[-1]


def pids(server: ServerUnderTest) -> dict[str, int]:
    return {name: pid_of(server, name) for name in (*WEB, "processor")}


@contextmanager
def two(folder: Path, settings: dict[str, object]) -> Iterator[ServerUnderTest]:
    with ServerUnderTest(folder, {**SETTINGS, **settings}) as server:
        wait_until(lambda: all(name in server.lines() for name in WEB), SOON_S, "both processes")
        yield server


@pytest.fixture(scope="module")
def node() -> Iterator[StandInNode]:
    with StandInNode() as scripted:
        yield scripted


@pytest.fixture(autouse=True)
def _quick(node: StandInNode) -> None:
    node.script_quickly()


@pytest.fixture(scope="module", params=DATABASES)
def server(
    request: pytest.FixtureRequest, node: StandInNode, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServerUnderTest]:
    folder, settings = tmp_path_factory.mktemp("processes"), {"worker.addr": node.addr}
    with ExitStack() as stack:
        if request.param != "sqlite":
            column = "production" if request.param == "mariadb" else "production_on_postgresql"
            settings |= stack.enter_context(request.getfixturevalue(column).fresh())
        yield stack.enter_context(two(folder, dict(settings)))


@pytest.fixture
def client(server: ServerUnderTest) -> Client:
    return Client([server.url], server.folder)


def server_of(server: ServerUnderTest, port: int) -> str:
    """Which web process accepted the connection from this port."""

    def found() -> str | None:
        for name in WEB:
            with suppress(psutil.NoSuchProcess):
                here = psutil.Process(pid_of(server, name)).net_connections("tcp")
                if any(one.raddr and one.raddr.port == port for one in here):
                    return name
        return None

    return str(wait_until(found, SOON_S, f"who serves port {port}"))


Opened = Callable[[str], Any]


@contextmanager
def reaching(server: ServerUnderTest, make: Callable[[], tuple[Any, socket.socket]]) -> Iterator[Opened]:
    """Makes connections until one is at the named process; the others are kept so long, since each tips the balance."""
    idle: list[HTTPConnection] = []  # which the server would end after five seconds
    with ExitStack() as reached:

        def at(name: str) -> Any:
            with ExitStack() as others:
                while True:
                    try:
                        made, sock = make()
                    except websocket.WebSocketBadStatusException:  # they have all the places
                        others.close()
                        continue
                    for one in idle:
                        ask(one, "GET", "/healthz")
                    here = server_of(server, sock.getsockname()[1]) == name
                    keeper = reached if here else others
                    keeper.callback(sock.close)  # which a WebSocket leaves open when the server has closed it
                    keeper.callback(made.close)
                    if here:
                        idle.extend([made] if isinstance(made, HTTPConnection) else [])
                        return made

        yield at


def http(server: ServerUnderTest) -> Callable[[], tuple[HTTPConnection, socket.socket]]:
    def make() -> tuple[HTTPConnection, socket.socket]:
        connection = HTTPConnection("127.0.0.1", server.port, timeout=SOON_S)
        ask(connection, "GET", "/healthz")
        return connection, connection.sock

    return make


def ask(connection: HTTPConnection, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
    connection.request(method, path, json.dumps(body or {}), {"Content-Type": "application/json", **headers})
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read())


def watching(server: ServerUnderTest, task_id: str) -> Callable[[], tuple[websocket.WebSocket, socket.socket]]:
    def make() -> tuple[websocket.WebSocket, socket.socket]:
        opened = websocket.create_connection(f"ws://127.0.0.1:{server.port}/tasks/{task_id}/wss", timeout=SOON_S)
        return opened, cast("socket.socket", opened.sock)

    return make


def until(watcher: websocket.WebSocket, status: str, progress: int) -> None:
    """Read on until it says so."""
    wait_until(lambda: (said := hear(watcher))["status"] == status and said["progress"] == progress, SOON_S)


def test_a_start_is_in_order_and_what_is_for_all_is_done_once(server: ServerUnderTest) -> None:
    lines = server.lines()
    order = ["wiring: database:", "wiring: queue:", "wiring: object storage:", " started with "]
    assert [lines.count(part) for part in order] == [1, 1, 1, len(pids_of(server, "processor"))]
    assert sorted(order, key=lines.index) == order
    assert "serving on" in lines
    assert "2 web processes, and one that runs tasks" in lines
    assert len(set(pids(server).values())) == 3
    parent = psutil.Process(server.process.pid).net_connections("tcp")
    assert [one.status for one in parent if one.status != psutil.CONN_LISTEN] == [], "no connection to be shared"


@pytest.mark.soak  # a matter of chance on a busy machine
def test_connections_of_a_burst_are_shared_out(server: ServerUnderTest) -> None:
    """Both processes are idle: the one that wakes first would take nearly all, and keep them while they are kept alive."""
    served: Counter[str] = Counter()
    for _ in range(5):
        with ExitStack() as stack:
            made = [stack.enter_context(socket.create_connection(("127.0.0.1", server.port))) for _ in range(16)]
            served.update(server_of(server, one.getsockname()[1]) for one in made)
    assert min(served[name] for name in WEB) >= 24, served


def test_sockets_see_progress_and_cancels_of_every_process(
    server: ServerUnderTest, client: Client, node: StandInNode
) -> None:
    scripts: dict[str, Script] = {}
    node.script("generate_shot", lambda envelope: scripts.setdefault(envelope["id"], running(png(), 42)))
    images = client.create("小猫", STORY, 2)["shot_task_ids"]
    jobs: set[str] = set()
    with ExitStack() as stack:
        at = stack.enter_context(reaching(server, http(server)))
        for task_id, (here, there) in zip(images, (WEB, WEB[::-1]), strict=True):
            watcher = stack.enter_context(reaching(server, watching(server, task_id)))(here)
            until(watcher, "processing", 42)
            jobs.add(client.task(task_id)["result"]["resource_id"])
            assert ask(at(there), "POST", f"/v1/api/tasks/{task_id}/cancel")[0] == 200
            until(watcher, "cancelled", 42)
            assert closed_with(watcher) == 1000
        wait_until(lambda: jobs <= set(node.cancels()), SOON_S, "the ends of the node's jobs")
        for name in WEB:
            assert ask(at(name), "GET", "/readyz") == (200, ask(at(WEB[0]), "GET", "/readyz")[1])


def test_limits_are_those_of_all_processes_together(server: ServerUnderTest, client: Client) -> None:
    with ExitStack() as stack:
        at = stack.enter_context(reaching(server, http(server)))
        both = [at(name) for name in WEB]
        body = [{"username": f"nobody{number}", "password": "a wrong password"} for number in range(LOGINS + 4)]
        statuses = [ask(both[i % 2], "POST", "/v1/api/auth/login", body[i])[0] for i in range(len(body))]
        assert Counter(status == 429 for status in statuses) == {False: LOGINS, True: 4}, statuses
        crowd = [
            stack.enter_context(socket.create_connection(("127.0.0.1", server.port), source_address=("127.0.1.1", 0)))
            for _ in range(300)
        ]
        most = int(ADDRESS_SHARE * UNASKED_SHARE * IDLE_CONNECTIONS)
        wait_until(lambda: sum(map(is_open, crowd)) <= most, SOON_S, "the crowd's bound")
        assert sum(map(is_open, crowd)) >= most // 2
        assert ask(both[0], "GET", "/healthz")[0] == ask(both[1], "GET", "/healthz")[0] == 200


def test_a_key_that_both_processes_get_at_once_makes_one_thing(server: ServerUnderTest, client: Client) -> None:
    body = {"Title": "一次", "StoryText": STORY, "ShotCount": 1}
    with reaching(server, http(server)) as at, ThreadPoolExecutor(8) as threads:
        connections = [at(WEB[number % 2]) for number in range(8)]
        for key in ("first", "second", "third"):
            asked = [
                threads.submit(ask, one, "POST", "/v1/api/projects", body, **{"Idempotency-Key": key})
                for one in connections
            ]
            answers = [future.result() for future in asked]
            made = {answer["project_id"] for status, answer in answers if status == 200}
            assert len(made) == 1, answers
    assert client.get("/v1/api/projects?q=一次")["total"] == 3


def test_what_is_killed_is_replaced_and_the_others_do_not_notice(
    server: ServerUnderTest, client: Client, node: StandInNode
) -> None:
    held = running(png(), 42)
    node.script("generate_shot", lambda _envelope: held)
    created = client.create("小猫", STORY, 1)
    [image] = created["shot_task_ids"]
    with ExitStack() as stack:
        at = stack.enter_context(reaching(server, http(server)))
        filled = fill(server, image, stack)
        assert len(filled) == SOCKETS, "of both processes together"
        places = [server_of(server, cast("socket.socket", one.sock).getsockname()[1]) for one in filled]
        assert set(places) == set(WEB)
        kept = at("web-2")
        for name in ("web-1", "processor"):
            killed = psutil.Process(pid_of(server, name))
            killed.kill()

            def is_replaced() -> bool:
                assert ask(kept, "GET", "/healthz")[0] == 200, "its connection is as it was"
                return pid_of(server, name) != killed.pid  # noqa: B023 - used at once

            wait_until(is_replaced, SOON_S, f"another {name}")
        wait_until(lambda: len(server_of_each(server)) == 2, SOON_S, "both processes at work")
        assert len(fill(server, image, stack)) == places.count("web-1"), "the places of what died, and no more"
        held.gate.set()
        for watcher in (one for one, name in zip(filled, places, strict=True) if name == "web-2"):
            until(watcher, "finished", 100)
    assert node.starts("generate_shot").count(image) == 1, "its job was resumed"
    assert client.film(created["project_id"])[0].stat().st_size > 0
    assert client.get("/readyz")["status"] == "ready"


def fill(server: ServerUnderTest, task_id: str, stack: ExitStack) -> list[websocket.WebSocket]:
    """Open sockets until one is refused."""
    opened: list[websocket.WebSocket] = []
    while True:
        try:
            watcher, _ = watching(server, task_id)()
        except websocket.WebSocketBadStatusException:
            return opened
        stack.callback(watcher.shutdown)
        hear(watcher)
        opened.append(watcher)


def server_of_each(server: ServerUnderTest) -> set[str]:
    """The processes that serve a burst of connections."""
    with ExitStack() as stack:
        made = [stack.enter_context(socket.create_connection(("127.0.0.1", server.port))) for _ in range(8)]
        return {server_of(server, one.getsockname()[1]) for one in made}


def test_memory_of_all_processes_is_said_and_bounded(server: ServerUnderTest, client: Client) -> None:
    created = client.create("小猫", STORY, 2)
    for task_id in created["shot_task_ids"]:
        client.wait(task_id)

    def read(connection: HTTPConnection) -> None:
        for _ in range(50):
            assert ask(connection, "GET", f"/v1/api/projects/{created['project_id']}")[0] == 200

    with reaching(server, http(server)) as at, ThreadPoolExecutor() as threads:
        connections = [at(name) for name in WEB for _ in range(4)]
        reading = peak([threads.submit(read, one) for one in connections], server)
        film = threads.submit(client.film, created["project_id"])
        filming = peak([film, *(threads.submit(read, one) for one in connections)], server)
    kept = ServerSettings().answer_cache / MIB  # which these few answers do not fill
    assert 0 < max(reading, filming) + kept <= MOST_MIB
    said = re.compile(r"memory: (\d+) MiB together \(main \d+, processor \d+, web-1 \d+, web-2 \d+\)")
    before = len(said.findall(server.lines()))
    server.process.send_signal(signal.SIGUSR1)
    wait_until(lambda: len(said.findall(server.lines())) > before, SOON_S, "the line on memory")
    assert int(said.findall(server.lines())[-1]) == pytest.approx(memory(server), rel=0.1)


def peak(asked: list[Future[Any]], server: ServerUnderTest) -> float:
    """The most that `memory` says until all of it is done."""
    most = memory(server)
    while wait(asked, timeout=0.2).not_done:
        most = max(most, memory(server))
    for one in asked:
        one.result()
    return max(most, memory(server))


def memory(server: ServerUnderTest) -> float:
    """MiB of all its own processes."""
    return sum(proportional(pid) or 0 for pid in (server.process.pid, *pids(server).values())) / (1 << 20)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_the_end_of_the_parent_is_everybody_s(node: StandInNode, tmp_path: Path, how: signal.Signals) -> None:
    node.script("generate_shot", lambda _envelope: running(png(), 42))
    with two(tmp_path, {"worker.addr": node.addr}) as server, ExitStack() as stack:
        client = Client([server.url], tmp_path)
        [image] = client.create("小猫", STORY, 1)["shot_task_ids"]
        at = stack.enter_context(reaching(server, watching(server, image)))
        watchers = [at(name) for name in WEB]
        for watcher in watchers:
            until(watcher, "processing", 42)
        family, began = server.family(), time.monotonic()
        if how == signal.SIGKILL:
            server.process.kill()
        else:
            server.process.send_signal(how)
            assert [closed_with(watcher) for watcher in watchers] == [1001, 1001]
        assert server.process.wait(END_S) == (0 if how != signal.SIGKILL else -signal.SIGKILL)
        wait_until(lambda: not alive(family), END_S, "the end of all it started")
        assert how == signal.SIGKILL or " stopped" in server.lines(), "leases are given back"
        assert time.monotonic() - began < END_S
        assert "Traceback" not in server.lines()
