"""A real Prometheus scrapes a server of several processes while a story is made: every panel and every alert has what it asks for."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, cast

import psutil
import pytest
import requests
import websocket
import yaml
from prometheus_client.parser import text_string_to_metric_families

from service.metrics.requests import BOUNDS_S
from service.metrics.work import FILM, TASKS
from tests.conftest import leave_out
from tests.e2e.client import Client
from tests.support.node.stand_in import StandInNode
from tests.support.server_process import ServerUnderTest
from tests.support.servers.process import MissingServiceError
from tests.support.servers.prometheus_server import PrometheusServer
from tests.support.wait import wait_until

SOON_S = 90.0
DEPLOYED = Path(__file__).resolve().parents[2] / "deploy" / "compose"
PANELS = json.loads((DEPLOYED / "grafana/dashboards/storytovideo.json").read_text("utf-8"))["panels"]
QUERIES = [target["expr"] for panel in PANELS for target in panel["targets"]]
ALERTS = yaml.safe_load((DEPLOYED / "prometheus/alerts.yml").read_text("utf-8"))["groups"][0]["rules"]
SELECTOR = re.compile(r"\b(?:storytovideo_[a-z_]+|up)(?:\{[^}]*\})?")
MADE = [
    "storytovideo_sockets == 1",
    "storytovideo_film_seconds_per_second > 0",
    "storytovideo_cache_misses_total > 0",
    *(f'storytovideo_stage_seconds_count{{stage="{stage}"}} > 0' for stage in (*TASKS[:-1], *FILM)),
    'storytovideo_tasks{kind="film",state="finished"} == 1',
    'storytovideo_tasks{kind="clip",state="finished"} == 0',
    'storytovideo_http_request_seconds_count{route="/v1/api/projects/<project_id>/video"} == 1',
]
"""What there is after a film."""
PROJECT = "/v1/api/projects/<project_id>"


@pytest.fixture(scope="module")
def node() -> Iterator[StandInNode]:
    with StandInNode() as scripted:
        yield scripted


@pytest.fixture(scope="module")
def server(node: StandInNode, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerUnderTest]:
    settings = {"server.processes": 2, "server.max_sockets": 1, "worker.addr": node.addr}
    settings |= {"film.resolution": "320x180", "log.format": "json"}
    with ServerUnderTest(tmp_path_factory.mktemp("metrics"), settings) as running_server:
        yield running_server


def samples(server: ServerUnderTest) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    text = requests.get(f"{server.url}/metrics", timeout=60).text
    found = (sample for family in text_string_to_metric_families(text) for sample in family.samples)
    return {(sample.name, frozenset(sample.labels.items())): sample.value for sample in found}


def value(server: ServerUnderTest, name: str, **labels: str) -> float:
    """The sum of what has these labels."""
    wanted = set(labels.items())
    return sum(
        each for (found, own), each in samples(server).items() if found == f"storytovideo_{name}" and wanted <= own
    )


def asked(server: ServerUnderTest, path: str, times: int) -> None:
    """By connections of their own, which both processes take."""
    for _ in range(times):
        connection = HTTPConnection("127.0.0.1", server.port, timeout=SOON_S)
        connection.request("GET", path)
        connection.getresponse().read()
        connection.close()


def pid_of(server: ServerUnderTest, name: str) -> int:
    lines = [json.loads(line) for line in server.lines().splitlines() if line.startswith("{")]
    said = [line["message"] for line in lines if line.get("process") == name and line["message"].startswith("process ")]
    return int(said[-1].split()[1])


def open_socket(server: ServerUnderTest, project_id: str) -> websocket.WebSocket:
    """One that stays until somebody closes it."""
    address = f"ws://127.0.0.1:{server.port}/v1/api/projects/{project_id}/feed"
    opened = websocket.create_connection(address, timeout=SOON_S)
    opened.recv()
    return opened


def test_every_panel_and_alert_has_what_it_asks_for_while_a_story_is_made(
    server: ServerUnderTest, node: StandInNode
) -> None:
    try:
        prometheus = PrometheusServer({"storytovideo": f"127.0.0.1:{server.port}"})
    except MissingServiceError as error:
        leave_out(str(error))
    healthy = node.health
    try:
        client = Client([server.url], server.folder)
        created = client.create("小猫", "小猫出门了。小猫回家了。", 2)
        opened = open_socket(server, created["project_id"])
        with pytest.raises(websocket.WebSocketBadStatusException):  # a 503, which an alert counts
            open_socket(server, created["project_id"])
        for task_id in created["shot_task_ids"]:
            client.wait(task_id)
        client.film(created["project_id"])
        left = [*MADE, *QUERIES, *(found for alert in ALERTS for found in SELECTOR.findall(alert["expr"]))]
        assert len(left) >= 30

        def all_there() -> bool:
            left[:] = [query for query in left if not prometheus.ask(query)]
            return not left

        wait_until(all_there, SOON_S, f"samples of {left}")
        opened.close()
        assert [rule["name"] for rule in prometheus.rules() if rule["health"] == "err"] == []
        for alert in ALERTS:
            prometheus.ask(alert["expr"])
        node.health = cast("dict[str, Any]", "something else has its address")
        down = next(alert["expr"] for alert in ALERTS if alert["alert"] == "NodeDown")
        wait_until(lambda: prometheus.ask(down), SOON_S, "the model node's end")
    finally:
        node.health = healthy
        prometheus.close()


def test_numbers_are_those_of_all_processes_and_of_those_that_died_too(server: ServerUnderTest) -> None:
    client = Client([server.url], server.folder)
    created = client.create("小狗", "小狗出门了。", 1)
    path = f"/v1/api/projects/{created['project_id']}"
    before = value(server, "http_requests_total", route=PROJECT, method="GET", status="200")
    asked(server, path, 30)
    wait_until(
        lambda: value(server, "http_requests_total", route=PROJECT, method="GET", status="200") == before + 30,
        SOON_S,
        "all requests, and no more",
    )
    series = len(samples(server))
    times = len(BOUNDS_S) + len(("+Inf", "sum", "count"))
    for number in range(20):
        asked(server, f"/nowhere/{number}", 1)
        asked(server, f"/v1/api/projects/{number}", 1)
    assert len(samples(server)) <= series + times + 2, "a name for all that are unknown, and one for a route"
    opened = open_socket(server, created["project_id"])
    assert value(server, "sockets") == 1
    for name in ("web-1", "web-2", "processor"):
        before = value(server, "http_requests_total", route=PROJECT)
        stages = value(server, "stage_seconds_count")
        killed = psutil.Process(pid_of(server, name))
        killed.kill()
        wait_until(lambda: pid_of(server, name) != killed.pid, SOON_S, f"another {name}")  # noqa: B023 - used at once
        asked(server, path, 2)
        wait_until(
            lambda: value(server, "http_requests_total", route=PROJECT) == before + 2,  # noqa: B023 - used at once
            SOON_S,
            "what was counted before",
        )
        assert value(server, "stage_seconds_count") >= stages > 0
    opened.shutdown()  # type: ignore[no-untyped-call]  # websocket-client
    assert value(server, "sockets") == 0, "the socket's process died"
    assert 0 <= value(server, "db_pool_in_use") <= 10


def test_only_whom_the_configuration_names_may_read_it_and_never_through_a_proxy(server: ServerUnderTest) -> None:
    for headers in ({"X-Forwarded-For": "127.0.0.1"}, {"Forwarded": "for=127.0.0.1"}, {"Via": "1.1 proxy"}):
        answer: Any = requests.get(f"{server.url}/metrics", headers=headers, timeout=60)
        assert (answer.status_code, answer.json()["code"]) == (404, 404)
    assert requests.post(f"{server.url}/metrics", timeout=60).status_code == 404
    assert requests.get(f"{server.url}/metrics", headers={"Host": "172.30.7.5:8080"}, timeout=60).ok
