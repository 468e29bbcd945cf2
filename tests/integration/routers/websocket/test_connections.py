"""The task WebSocket over TCP, by a client that is not the server's own code."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
import websocket
from flask import Flask
from sqlalchemy import event

from models.task import TaskStatus
from routers.websocket.connections import Sockets
from service.container import Services
from tests.support.wait import wait_until
from tests.support.web_app import HEAR_S, Connect, change, closed_with, hear, new_task, serving


def test_a_task_is_followed_to_its_end_whatever_the_client_says(connect: Connect, services: Services) -> None:
    task_id = new_task(services)
    client = connect(task_id)
    client.send('{"type":"hello"}')
    client.send_binary(b"\x00\xff")
    assert hear(client)["status"] == "pending"
    for progress in (10, 40, 70):
        change(services, task_id, status=TaskStatus.PROCESSING, progress=progress, message="🦊")
        assert hear(client)["progress"] == progress
        client.send("{")
    change(services, task_id, status=TaskStatus.FINISHED, progress=100)
    assert hear(client)["status"] == "finished"
    assert closed_with(client) == 1000


def test_an_unknown_task_is_told_and_closed(connect: Connect) -> None:
    client = connect("nobody")
    assert hear(client)["error"] == "task not found: nobody"
    assert closed_with(client) == 1000


def test_a_story_of_the_longest_kind_fits_a_message_of_the_phone(connect: Connect, services: Services) -> None:
    story = "𠮷" * 20_000
    task_id = new_task(services, type="generate_storyboard", parameters={"shot_defaults": {"storyText": story}})
    client = connect(task_id)
    raw = client.recv()
    assert len(raw.encode() if isinstance(raw, str) else raw) < 1 << 20
    assert json.loads(raw)["parameters"]["shot_defaults"]["storyText"] == story
    client.close()


def test_one_socket_too_many_is_refused_in_plain_http_and_a_place_is_free_again_later(
    connect: Connect, services: Services, app: Flask
) -> None:
    task_id = new_task(services)
    clients = [connect(task_id) for _ in range(3)]
    for client in clients:
        hear(client)
    with pytest.raises(websocket.WebSocketBadStatusException) as caught:
        connect(task_id)
    refusal = caught.value
    assert refusal.status_code == 503
    assert json.loads(refusal.resp_body or b"")["code"] == 503
    assert int((refusal.resp_headers or {})["retry-after"]) > 0
    clients.pop().close()
    wait_until(lambda: app.extensions["sockets"].count == 2, timeout=HEAR_S)
    again = connect(task_id)
    assert hear(again)["id"] == task_id
    for client in [*clients, again]:
        client.close()


def test_a_plain_request_to_the_socket_takes_no_place(app: Flask) -> None:
    for _ in range(5):
        answer = app.test_client().get("/tasks/x/wss")
        assert answer.status_code == 400
        assert answer.get_json()["code"] == 400
    assert app.extensions["sockets"].count == 0


def test_a_broken_handshake_gives_its_place_back(app: Flask) -> None:
    for _ in range(5):
        answer = app.test_client().get("/tasks/x/wss", headers={"Connection": "Upgrade", "Upgrade": "websocket"})
        assert answer.status_code >= 400
    assert app.extensions["sockets"].count == 0


def test_closing_all_says_going_away_and_takes_no_more(connect: Connect, services: Services, app: Flask) -> None:
    task_id = new_task(services)
    clients = [connect(task_id) for _ in range(2)]
    for client in clients:
        hear(client)
    sockets: Sockets = app.extensions["sockets"]
    sockets.close_all(timeout=HEAR_S)
    assert [closed_with(client) for client in clients] == [1001, 1001]
    wait_until(lambda: sockets.count == 0, timeout=HEAR_S)
    with pytest.raises(websocket.WebSocketBadStatusException):
        connect(task_id)


def test_a_client_that_vanishes_leaves_no_thread_behind(connect: Connect, services: Services, app: Flask) -> None:
    task_id = new_task(services)
    client = connect(task_id)
    hear(client)
    assert client.sock is not None
    client.sock.close()  # without a close frame
    wait_until(lambda: app.extensions["sockets"].count == 0, timeout=HEAR_S)
    wait_until(lambda: not [t for t in threading.enumerate() if t.name == "task-feed"], timeout=HEAR_S)


def test_a_message_over_the_limit_ends_the_socket(connect: Connect, services: Services, app: Flask) -> None:
    client = connect(new_task(services))
    hear(client)
    client.send("x" * 100_000)
    assert closed_with(client) == 1009
    wait_until(lambda: app.extensions["sockets"].count == 0, timeout=HEAR_S)


def test_a_fault_inside_closes_the_socket_and_writes_no_http_into_it(
    connect: Connect, services: Services, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_args: Any) -> None:
        raise RuntimeError("a fault")

    monkeypatch.setattr("routers.serializers.task", fail)
    client = connect(new_task(services))
    assert closed_with(client) == 1011
    with pytest.raises((websocket.WebSocketConnectionClosedException, ConnectionResetError)):
        client.recv()
    assert "a fault" in caplog.text


def test_a_socket_survives_a_database_that_fails(connect: Connect, services: Services) -> None:
    task_id = new_task(services)
    failing = threading.Event()

    def fail(*_args: Any) -> None:
        if failing.is_set():
            raise RuntimeError("no database today")

    event.listen(services.database.engine, "before_cursor_execute", fail)
    failing.set()
    client = connect(task_id)
    failing.clear()
    assert hear(client)["status"] == "pending"
    change(services, task_id, status=TaskStatus.FINISHED)
    assert hear(client)["status"] == "finished"
    assert closed_with(client) == 1000


@pytest.mark.parametrize("offered", [["v1.tasks"], ["bearer", "token-of-mine"], ["a", "b", "a"]])
def test_one_of_the_subprotocols_that_a_client_offers_is_answered(
    app: Flask, services: Services, offered: list[str]
) -> None:
    task_id = new_task(services)
    with serving(app) as address:
        client = websocket.create_connection(
            f"ws://{address}/tasks/{task_id}/wss", timeout=HEAR_S, subprotocols=offered
        )
        assert client.getsubprotocol() == offered[0]
        assert hear(client)["id"] == task_id
        client.shutdown()  # type: ignore[no-untyped-call]  # websocket-client leaves it out
