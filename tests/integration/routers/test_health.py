"""Alive, ready, and the webhook that hurries a poll."""

from __future__ import annotations

import dataclasses
import errno
import json
import tempfile
import threading
import time
from collections.abc import Collection
from concurrent import futures
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from redis import Redis

from config.settings import WorkerSettings
from models.task import TaskStatus
from routers.api import health, webhook
from routers.app import create_app
from service.broker import Events, TaskQueue
from service.container import Services
from service.node.client import NodeClient
from service.node.pool import NodePool
from tests.support.node.stand_in import StandInNode
from tests.support.servers.process import silent_port
from tests.support.wait import wait_until
from tests.support.web_app import WEBHOOK_SECRET, new_task

HOOK = "/api/webhook/task_complete"


def test_alive_needs_nobody(client: FlaskClient, services: Services) -> None:
    services.close()
    assert client.get("/healthz").get_json() == {"status": "ok"}


def test_ready_names_each_dependency_with_its_state(client: FlaskClient) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 200
    expected = {
        "database": "ok",
        "queue": "ok",
        "storage": "ok",
        "node": "down",
        "data_dir": "ok",
        "temporary": "ok",
    }
    assert answer.get_json() == {"status": "ready", "dependencies": expected}


def test_several_nodes_are_told_by_their_place_with_what_was_last_seen_of_each(services: Services) -> None:
    with silent_port() as port, StandInNode() as node:
        addresses = (node.addr, f"127.0.0.1:{port}")
        for states, first in (("1 ok, 2 down", addresses), ("1 down, 2 ok", addresses[::-1])):
            nodes = NodePool.of(*(NodeClient(address) for address in first))
            client = create_app(dataclasses.replace(services, node=nodes)).test_client()
            ready = client.get("/readyz").get_json()
            assert ready["dependencies"]["node"] == "ok"
            assert ready["nodes"] == dict(each.split() for each in states.split(", "))
            health = client.get("/v1/api/health")
            assert health.get_json()["nodes"] == states
            assert "127.0.0.1" not in health.text + str(ready)
            nodes.close()
        node.close()
        nodes = NodePool.of(*(NodeClient(address) for address in addresses))
        ready = create_app(dataclasses.replace(services, node=nodes)).test_client().get("/readyz").get_json()
        assert (ready["dependencies"]["node"], ready["nodes"]) == ("down", {"1": "down", "2": "down"})
        nodes.close()


def test_a_dependency_that_is_down_is_named_without_its_address(
    services: Services, caplog: pytest.LogCaptureFixture
) -> None:
    with silent_port() as port:
        redis = Redis(host="127.0.0.1", port=port)
        parts = dataclasses.replace(services, queue=TaskQueue(redis, "test"), events=Events(redis, "test"))
        answer = create_app(parts).test_client().get("/readyz")
    assert answer.status_code == 503
    assert answer.get_json()["dependencies"]["queue"] == "down"
    assert "127.0.0.1" not in answer.text
    assert "queue is not ready" in caplog.text


@pytest.mark.parametrize(("name", "needed"), [("data_dir", True), ("temporary", False)])
def test_a_full_disk_is_told_and_stops_the_intake_only_where_the_database_lies_on_it(
    services: Services, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, needed: bool
) -> None:
    full = {"data_dir": services.settings.data_dir, "temporary": tmp_path / "temporary"}
    (tmp_path / "temporary").mkdir(exist_ok=True)
    monkeypatch.setattr(tempfile, "tempdir", str(full["temporary"]))
    real = tempfile.TemporaryFile

    def temporary_file(**options: Any) -> Any:
        if Path(options["dir"]) == full[name]:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(**options)

    monkeypatch.setattr(tempfile, "TemporaryFile", temporary_file)
    answer = create_app(services, tmp_path).test_client().get("/readyz")
    states = answer.get_json()["dependencies"]
    assert [each for each, state in states.items() if state == "full"] == [name]
    assert answer.status_code == (503 if needed and services.database.is_sqlite else 200)


def test_one_look_serves_everybody_who_asks_at_that_time(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[str] = []
    real = services.database.check

    def check() -> str:
        looks.append("database")
        return real()

    monkeypatch.setattr(services.database, "check", check)
    ready = health.Readiness(services)
    assert [ready.states() for _ in range(3)] == [ready.states()] * 3
    assert looks == ["database"]


def test_a_dependency_that_hangs_is_down_and_holds_nobody_up(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "ANSWER_WITHIN_S", 0.2)

    def wait_once_the_others_have_answered(looks: Collection[futures.Future[str]], timeout: float) -> object:
        wait_until(lambda: sum(look.done() for look in looks) == len(looks) - 1)
        return futures.wait(looks, timeout)

    monkeypatch.setattr(health, "wait", wait_once_the_others_have_answered)
    released = threading.Event()
    monkeypatch.setattr(services.store, "check", released.wait)
    began = time.monotonic()
    states = health.Readiness(services).states()
    released.set()
    assert (states["storage"], states["database"]) == ("down", "ok")
    assert time.monotonic() - began < 20


def delivery(task_id: object, **more: Any) -> dict[str, Any]:
    body = {"task_id": task_id, "status": "SUCCESS", "result": {"图": 1}, "timestamp": int(time.time()), **more}
    return {**body, "signature": webhook.sign(WEBHOOK_SECRET, webhook.canonical(body))}


@pytest.fixture
def wakes(services: Services) -> list[tuple[str, str]]:
    """Every wake event of this process."""
    heard: list[tuple[str, str]] = []
    services.events.listen(lambda name, task_id: heard.append((name, task_id)))
    return heard


def row(client: FlaskClient, task_id: str) -> dict[str, Any]:
    body = client.get(f"/v1/api/tasks/{task_id}").get_json()
    assert isinstance(body, dict)
    return body


def test_a_delivery_hurries_the_poll_and_changes_nothing_itself(
    client: FlaskClient, services: Services, wakes: list[tuple[str, str]]
) -> None:
    task_id = new_task(services, status=TaskStatus.PROCESSING, result={"resource_id": "job-1"})
    before = row(client, task_id)
    sent = delivery(task_id, result={"resource_url": "http://169.254.169.254/latest"})
    for _ in range(2):  # the same delivery twice is answered the same way
        answer = client.post(HOOK, json=sent)
        assert (answer.status_code, answer.get_json()["code"]) == (200, 0)
        assert answer.get_json()["request_id"] == answer.headers["X-Request-ID"]
    wait_until(lambda: ("wake", task_id) in wakes)
    assert row(client, task_id) == before


def test_a_signature_in_the_header_is_believed(
    client: FlaskClient, services: Services, wakes: list[tuple[str, str]]
) -> None:
    raw = json.dumps({"task_id": new_task(services), "timestamp": time.time()}, indent=1).encode()
    answer = client.post(HOOK, data=raw, headers={"X-Signature": webhook.sign(WEBHOOK_SECRET, raw)})
    assert answer.status_code == 200
    wait_until(lambda: wakes)


@pytest.mark.parametrize(("raw", "status"), [(b"", 400), (b"{", 400), (b"[]", 400), (b"{}", 403)])
def test_a_delivery_that_is_none_is_refused(client: FlaskClient, raw: bytes, status: int) -> None:
    assert client.post(HOOK, data=raw, content_type="application/json").status_code == status


@pytest.mark.parametrize(
    ("task_id", "signed", "after", "status"),
    [
        ("t", {}, {"status": "FAILED"}, 403),
        ("t", {}, {"signature": "0" * 64}, 403),
        ("t", {"timestamp": 1_700_000_000}, {}, 403),
        ("nobody", {}, {}, 404),
        ("../x", {}, {}, 404),
        (5, {}, {}, 400),
    ],
)
def test_a_delivery_that_does_not_hold_is_refused(
    client: FlaskClient,
    wakes: list[tuple[str, str]],
    task_id: object,
    signed: dict[str, Any],
    after: dict[str, Any],
    status: int,
) -> None:
    answer = client.post(HOOK, json={**delivery(task_id, **signed), **after})
    assert answer.status_code == status
    assert answer.get_json().keys() >= {"code", "message", "request_id"}
    assert wakes == []


def test_without_a_secret_there_is_no_webhook(services: Services, tmp_path: Path) -> None:
    settings = services.settings.model_copy(update={"worker": WorkerSettings()})
    client = create_app(dataclasses.replace(services, settings=settings), tmp_path).test_client()
    sent = {"task_id": new_task(services), "timestamp": int(time.time())}
    signed = {**sent, "signature": webhook.sign("", webhook.canonical(sent))}
    assert client.post(HOOK, json=signed).status_code == 404
