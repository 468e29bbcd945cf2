"""Odd connections that ask for what lies ready: each is answered whole and in order, is counted once, and holds up nobody else."""

from __future__ import annotations

import itertools
import signal
import socket
import struct
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from config.settings import Settings
from models.bootstrap import open_database
from models.task import Task
from tests.integration.attacks.raw_http import PATIENCE_S
from tests.integration.attacks.ready_answers import (
    MAIN,
    OPEN,
    Rows,
    access_lines,
    alike,
    connected,
    copied,
    head_of,
    id_of,
    one_of,
    planted,
    said,
    take,
    warm,
)
from tests.support.server_process import ServerUnderTest
from tests.support.wait import wait_until

THREADS = 16  # for requests, half of them kept for WebSockets
MANY = 10_000
BUSY = {"server.threads": THREADS // 2, "server.max_sockets": THREADS // 2}
ROUTE = "/v1/api/tasks/<task_id>"


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> tuple[Rows, Path]:
    seed = tmp_path_factory.mktemp("rows") / "seed"
    return planted(seed), seed


@pytest.fixture(scope="module")
def ready(rows: tuple[Rows, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerUnderTest]:
    """A server for everybody, of few threads."""
    with ServerUnderTest(copied(rows[1], tmp_path_factory.mktemp("open")), {**OPEN, **BUSY}) as running:
        yield running
        assert "Traceback" not in running.lines()


@pytest.fixture
def task(ready: ServerUnderTest, rows: tuple[Rows, Path]) -> bytes:
    """A request for a task, which is answered at once."""
    head = head_of(f"/v1/api/tasks/{rows[0].task}")
    warm(ready, head)
    return head


@pytest.fixture
def large(ready: ServerUnderTest, rows: tuple[Rows, Path]) -> bytes:
    """The same for a task that is told of in a quarter of a megabyte."""
    head = head_of(f"/v1/api/tasks/{rows[0].large}")
    warm(ready, head)
    assert len(said(ready.port, head)) > 200_000
    return head


def named(head: bytes, name: object) -> bytes:
    """The request with an id of its own."""
    return head[:-2] + f"X-Request-ID: {name}\r\n\r\n".encode()


def web_process(server: ServerUnderTest) -> psutil.Process:
    """The process that serves."""
    (found,) = server.named("main.py")
    return found


def counted(server: ServerUnderTest, route: str = ROUTE) -> dict[str, float]:
    """What the metrics say of a route, by status; `seconds` is how often its time was taken."""
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(requests.get(f"{server.url}/metrics", timeout=PATIENCE_S).text):
        for sample in family.samples:
            if sample.labels.get("route") == route and sample.name == "storytovideo_http_requests_total":
                found[sample.labels["status"]] = found.get(sample.labels["status"], 0) + sample.value
            if sample.labels.get("route") == route and sample.name == "storytovideo_http_request_seconds_count":
                found["seconds"] = found.get("seconds", 0) + sample.value
    return found


@pytest.mark.parametrize("count", [1, 2, 50, 500])
@pytest.mark.parametrize("mixed", [False, True], ids=["ready", "mixed"])
def test_requests_in_one_piece_are_answered_all_and_in_order(
    ready: ServerUnderTest, task: bytes, count: int, mixed: bool
) -> None:
    heads = [task, head_of("/nowhere"), head_of("/healthz")] if mixed else [task]
    asked = [
        (f"{count}-{mixed}-{number}", head) for number, head in zip(range(count), itertools.cycle(heads), strict=False)
    ]
    with connected(ready) as connection:
        for _ in range(2):
            connection.sendall(b"".join(named(head, name) for name, head in asked))
            answers = take(connection, count)
            assert [id_of(answer) for answer in answers] == [name for name, _ in asked]
            assert all((b'"task"' in body) == (head is task) for body, (_, head) in zip(answers, asked, strict=True))


def test_a_head_may_come_byte_by_byte_or_in_any_two_pieces(ready: ServerUnderTest, task: bytes) -> None:
    expected = alike(said(ready.port, task))
    with connected(ready) as connection:
        for byte in task:
            connection.send(bytes([byte]))
        assert [alike(answer) for answer in take(connection, 1)] == [expected]
        for end in range(1, len(task)):
            connection.send(task[:end])
            connection.send(task[end:])
            assert [alike(answer) for answer in take(connection, 1)] == [expected], end


def test_who_reads_nothing_holds_up_nobody_and_gets_all_when_he_reads(
    ready: ServerUnderTest, task: bytes, large: bytes
) -> None:
    """As many clients as there are threads, each with more unread than any buffer takes: what lies ready needs none."""
    expected, asked = alike(said(ready.port, large)), 25
    with ExitStack() as stack:
        stuck = [stack.enter_context(connected(ready, window=4_096)) for _ in range(THREADS)]
        for number in range(asked):
            for connection in stuck:
                connection.sendall(named(large, f"stuck-{number}"))
        began = time.monotonic()
        for _ in range(20):
            with connected(ready) as other:
                for _ in range(10):
                    other.sendall(task)
                    assert len(take(other, 1)) == 1
        assert time.monotonic() - began < PATIENCE_S / 2
        with ThreadPoolExecutor(THREADS) as pool:
            all_read = list(pool.map(lambda connection: take(connection, asked), stuck))
    for answers in all_read:
        assert [id_of(answer) for answer in answers] == [f"stuck-{number}" for number in range(asked)]
        assert {alike(answer) for answer in answers} == {alike(expected.replace(b"drawn", id_of(answers[0]).encode()))}


def test_the_last_answer_of_a_connection_comes_whole_however_late_it_is_read(
    ready: ServerUnderTest, large: bytes
) -> None:
    last = large[:-2] + b"Connection: close\r\n\r\n"
    expected = alike(said(ready.port, last))
    with ExitStack() as stack:
        slow = [stack.enter_context(connected(ready, window=4_096)) for _ in range(THREADS // 2)]
        for number, connection in enumerate(slow):
            connection.sendall(last)
            if number % 2:
                connection.shutdown(socket.SHUT_WR)
        for connection in slow:
            received = bytearray()
            while piece := connection.recv(1_000):
                received += piece
            assert alike(bytes(received)) == expected


@pytest.mark.parametrize("kept", [False, True], ids=["close", "keep-alive"])
def test_who_says_that_nothing_follows_is_answered(ready: ServerUnderTest, task: bytes, kept: bool) -> None:
    head = task if kept else task[:-2] + b"Connection: close\r\n\r\n"
    expected = alike(said(ready.port, head, end=kept))
    for _ in range(200):
        assert alike(said(ready.port, head)) == expected
    both = bytearray(said(ready.port, head + head))
    while both:
        answer = one_of(both)
        assert answer is not None
        assert alike(answer) == expected


def test_who_goes_right_after_asking_leaves_nothing(ready: ServerUnderTest, task: bytes, large: bytes) -> None:
    process = web_process(ready)
    before = process.num_fds()
    for number in range(400):
        connection = connected(ready, window=4_096)
        connection.sendall((task, large)[number % 2])
        if number % 4 < 2:  # reset it
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()
    assert b" 200 " in said(ready.port, task)
    wait_until(lambda: process.num_fds() <= before, what="the end of the connections")


def test_ten_thousand_on_one_connection_leave_no_thread_and_are_counted_once_each(
    ready: ServerUnderTest, task: bytes
) -> None:
    process = web_process(ready)
    said(ready.port, head_of("/healthz"))  # a thread is there
    before, logged, threads = counted(ready), len(access_lines(ready)), process.num_threads()
    with connected(ready) as connection:
        for number in range(MANY):
            connection.sendall(named(task, f"many-{number}"))
            assert id_of(take(connection, 1)[0]) == f"many-{number}"
    assert process.num_threads() <= threads
    after = counted(ready)
    assert {name: after[name] - before[name] for name in ("200", "seconds")} == {"200": MANY, "seconds": MANY}
    wait_until(lambda: len(access_lines(ready)) >= logged + MANY, what="the log")
    lines = [line for line in access_lines(ready) if line["request_id"].startswith("many-")]
    assert [line["request_id"] for line in lines] == [f"many-{number}" for number in range(MANY)]
    assert {(line["thread"], line["status"], line["route"]) for line in lines} == {(MAIN, 200, ROUTE)}


def test_many_who_ask_for_it_without_a_pause_hold_up_no_other_request(ready: ServerUnderTest, task: bytes) -> None:
    enough = threading.Event()

    def keep_asking() -> int:
        asked = 0
        with connected(ready) as connection:
            while not enough.is_set():
                connection.sendall(task)
                asked += len(take(connection, 1))
        return asked

    with ThreadPoolExecutor(8) as pool:
        asking = [pool.submit(keep_asking) for _ in range(8)]
        try:
            for _ in range(20):
                for path in ("/healthz", "/nowhere", "/v1/api/projects"):
                    assert b"\r\n\r\n" in said(ready.port, head_of(path))
        finally:
            enough.set()
        assert all(each.result() for each in asking)


def test_what_was_committed_is_in_every_answer_that_is_asked_for_after(
    ready: ServerUnderTest, rows: tuple[Rows, Path], task: bytes
) -> None:
    database = open_database(Settings(data_dir=ready.folder / "data"))
    with connected(ready) as connection:
        for number in range(1, 101):
            with database.write() as session:
                found = session.get(Task, rows[0].task)
                assert found is not None
                found.progress = number
            for _ in range(3):
                connection.sendall(task)
                assert f'"progress":{number},'.encode() in take(connection, 1)[0]
    database.close()


def test_whoever_is_answered_while_the_server_stops_is_answered_whole(rows: tuple[Rows, Path], tmp_path: Path) -> None:
    heads = [head_of(f"/v1/api/tasks/{id_}") for id_ in (rows[0].task, rows[0].large)]
    with ServerUnderTest(copied(rows[1], tmp_path), OPEN) as server:
        warm(server, *heads)
        expected = {alike(said(server.port, head)).partition(b"\r\n\r\n")[2] for head in heads}
        asked = threading.Barrier(9, timeout=PATIENCE_S)

        def keep_asking(number: int) -> tuple[set[bytes], bytearray, bool]:
            """The bodies, what was left of the last answer, and whether that said to be the last."""
            left, bodies, closes = bytearray(), set[bytes](), False
            head = heads[number % 2]
            with connected(server) as connection:
                for turn in itertools.count():
                    try:
                        connection.sendall(head)
                        answer = take(connection, 1, left)[0]
                    except ConnectionError:
                        return bodies, left, closes
                    assert not closes, "an answer after the last"
                    closes = b"\r\nConnection: close\r\n" in answer
                    bodies.add(alike(answer).partition(b"\r\n\r\n")[2])
                    if turn == 100:
                        asked.wait()
            raise AssertionError

        with ThreadPoolExecutor(8) as pool:
            asking = [pool.submit(keep_asking, number) for number in range(8)]
            asked.wait()
            assert server.end(signal.SIGTERM) == 0
            results = [each.result() for each in asking]
        assert set().union(*(bodies for bodies, _, _ in results)) == expected
        assert [bytes(left) for _, left, _ in results] == [b""] * 8
        assert any(closes for _, _, closes in results)
        assert "Traceback" not in server.lines()
