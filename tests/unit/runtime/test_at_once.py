"""Answers that lie ready are given by the worker's main loop; whatever else is asked for has a thread."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from routers.at_once import AT_ONCE, NotAtOnce
from tests.unit.runtime.main_loop import MainLoop

ASKS = b"GET /ready HTTP/1.1\r\nHost: x\r\n\r\n"
BODY = b"it lies ready"


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """`/ready` can be answered at once, `/large` too, others cannot; `/broken` fails."""
    if AT_ONCE in environ and environ["PATH_INFO"] == "/broken":
        raise RuntimeError("broken")
    if AT_ONCE in environ and environ["PATH_INFO"] not in ("/ready", "/large"):
        raise NotAtOnce
    body = BODY * (1 << 20 if environ["PATH_INFO"] == "/large" else 1)
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]


class Loop(MainLoop):
    """A loop that has the application asked for every GET."""

    def __init__(self) -> None:
        super().__init__(lambda head: head.startswith(b"GET "), 60)
        self.worker.wsgi = application

    def ask(self, said: bytes = ASKS) -> None:
        """The client says something, and the loop hears of it."""
        self.client.sendall(said)
        self.hear()

    def hear(self) -> None:
        for key, _ in self.worker.poller.select(60):
            key.data(key.fileobj)

    def answer(self) -> tuple[bytes, bytes]:
        """Head and body of what has come."""
        head, _, body = self.client.recv(1 << 16).partition(b"\r\n\r\n")
        return head, body

    @property
    def waits_for_the_client(self) -> bool:
        return self.conn in self.worker._unasked and not self.worker._at_work and not self.worker._heads


@pytest.fixture
def loop() -> Iterator[Loop]:
    made = Loop()
    yield made
    made.close()


def test_what_lies_ready_is_given_without_a_thread_as_often_as_one_asks(loop: Loop) -> None:
    for _ in range(1000):
        loop.ask()
        head, body = loop.answer()
        assert head.startswith(b"HTTP/1.1 200 OK\r\n")
        assert b"Connection: keep-alive" in head
        assert body == BODY
        assert loop.waits_for_the_client
    assert loop.handed_over == []
    assert len(loop.worker._unasked) == 1


def test_a_head_that_comes_in_pieces_is_answered_when_it_is_whole(loop: Loop) -> None:
    for number in range(len(ASKS)):
        loop.ask(ASKS[number : number + 1])
    assert loop.answer()[1] == BODY


@pytest.mark.parametrize(
    "said",
    [
        ASKS.replace(b"/ready", b"/other"),
        ASKS * 2,
        ASKS + b"G",
        b"POST" + ASKS[3:],
        ASKS[:-2] + b"Content-Length: 0\r\n\r\n",
        ASKS[:-2] + b"Content-Length: 3\r\n\r\n",
        ASKS[:-2] + b"Transfer-Encoding: chunked\r\n\r\n",
        ASKS[:-2] + b"no header\r\n\r\n",
        ASKS[:-2] + b"A: \x00\r\n\r\n",
        b"GET /ready\r\n\r\n",
    ],
    ids=["not ready", "two", "more", "POST", "no body", "a body", "chunks", "no header", "NUL", "no request"],
)
def test_whatever_else_is_asked_for_goes_to_a_thread_whole(loop: Loop, said: bytes) -> None:
    loop.ask(said)
    assert loop.handed_over == [loop.conn]
    assert loop.conn.parser.unreader.take_buffered() == said
    assert loop.worker._heads == 0


def test_what_fails_is_a_thread_s_and_is_in_the_log(loop: Loop, caplog: pytest.LogCaptureFixture) -> None:
    loop.ask(ASKS.replace(b"/ready", b"/broken"))
    assert loop.handed_over == [loop.conn]
    assert "RuntimeError: broken" in caplog.text


@pytest.mark.parametrize("why", ["the client", "the server"])
def test_the_last_answer_of_a_connection_says_so(loop: Loop, why: str) -> None:
    loop.worker.alive = why != "the server"
    loop.ask(ASKS[:-2] + b"Connection: close\r\n\r\n" if why == "the client" else ASKS)
    head, body = loop.answer()
    assert b"Connection: close" in head
    assert body == BODY
    assert loop.conn.leaving
    assert loop.client.recv(1) == b"", "no more is sent"
    loop.client.close()
    loop.hear()
    assert loop.worker.nr_conns == len(loop.worker._unasked) == 0


@pytest.mark.parametrize("closes", [False, True])
def test_what_a_client_does_not_take_at_once_is_sent_by_a_thread(loop: Loop, closes: bool) -> None:
    loop.ask(b"GET /large HTTP/1.1\r\nHost: x\r\n" + b"Connection: close\r\n" * closes + b"\r\n")
    assert loop.handed_over == [loop.conn]
    stays: list[bool] = []
    thread = threading.Thread(target=lambda: stays.append(loop.worker.handle(loop.conn)))
    thread.start()
    came = bytearray()
    while len(came.partition(b"\r\n\r\n")[2]) < len(BODY) << 20:
        came += loop.client.recv(1 << 20)
    thread.join()
    assert came.partition(b"\r\n\r\n")[2] == BODY * (1 << 20)
    assert stays == [not closes]
    assert loop.conn.rest is None
    loop.worker.finish_request(loop.conn, SimpleNamespace(exception=lambda: None, result=lambda: stays[0]))
    assert loop.conn.leaving == closes
    if not closes:
        loop.ask()
        assert loop.answer()[1] == BODY


def test_a_client_that_takes_nothing_is_given_up_and_the_log_says_so(
    loop: Loop, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    loop.worker.app.client_timeout_s = 0.1
    loop.ask(ASKS.replace(b"/ready", b"/large"))
    assert not loop.worker.handle(loop.conn)
    assert "a client timed out" in caplog.text


def test_a_client_that_has_gone_is_forgotten(loop: Loop) -> None:
    loop.client.sendall(ASKS)
    loop.client.close()
    loop.hear()
    assert loop.worker.nr_conns == len(loop.worker._unasked) == loop.worker._heads == 0


def test_it_waits_for_no_thread_where_all_are_busy(loop: Loop) -> None:
    enough = threading.Event()
    busy = loop.worker.tpool.submit(enough.wait, 60)
    loop.ask()
    assert loop.answer()[1] == BODY
    assert not busy.done()
    enough.set()
