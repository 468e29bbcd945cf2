"""Lists of thousands, and words that mean something to LIKE."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import psutil
import pytest
import requests
import websocket
from flask.testing import FlaskClient

from routers.app import create_app
from service.container import Services
from tests.integration.models import rows
from tests.support.columns import DATABASES, address_of
from tests.support.database_work import counted
from tests.support.server_process import ServerUnderTest
from tests.support.wait import wait_until
from tests.support.web_app import make_settings, open_services

STORIES = ["👩\u200d👩\u200d👧\u200d👦", "กาลครั้งหนึ่ง", "e\u0301", "𠮷", "a\r\n\t\x1f"]
WORDS = ["%", "_", "\\", "%%", "\\%", "'", '"', "_%", "[a]", "*", "?", "-- ", "０"]


@pytest.fixture(params=DATABASES)
def services(request: pytest.FixtureRequest, tmp_path: Path, redis_url: str) -> Iterator[Services]:
    address = address_of(request.param, request)
    with open_services(make_settings(tmp_path, address), redis_url) as parts:
        yield parts


@pytest.fixture
def client(services: Services, tmp_path: Path) -> FlaskClient:
    return create_app(services, tmp_path / "static").test_client()


def add(services: Services, *titles: str, story: str = "山") -> None:
    made = [
        rows.project(title=title, description="", story_text=story, created_at=rows.NOW + timedelta(seconds=at))
        for at, title in enumerate(titles)
    ]
    with services.database.write() as session:
        session.add_all(made)


def test_a_word_means_itself_alone(services: Services, client: FlaskClient) -> None:
    add(services, "一座山", "two hills", *(f"x{word}y" for word in WORDS))

    for word in WORDS:
        answer = client.get(f"/v1/api/projects?q=x{quote(word)}y")
        assert [item["title"] for item in answer.get_json()["items"]] == [f"x{word}y"]
    assert client.get("/v1/api/projects?q=%00").status_code < 500


def test_a_page_carries_no_stories_of_any_script(services: Services, client: FlaskClient) -> None:
    stories = [(story * 20_000)[:20_000] for story in STORIES]
    for story in stories:
        add(services, "山", story=story)

    items = client.get("/v1/api/projects").get_json()["items"]

    assert sorted(item["storyExcerpt"] for item in items) == sorted(story[:200] for story in stories)
    assert not [name for item in items for name in item if name.lower().replace("_", "") == "storytext"]


def test_a_page_costs_the_same_among_thousands(services: Services, client: FlaskClient) -> None:
    costs = []
    for more in (100, 1_900):
        add(services, *(f"第{number}个" for number in range(more)))
        with counted(services.database) as work:
            assert client.get("/v1/api/projects").status_code == 200
        costs.append((len(work.statements), work.reads))

    assert costs[1][0] == costs[0][0]
    assert costs[1][1] <= 22 * costs[0][1], costs  # its count reads an index alone


def test_threads_of_sockets_that_were_reset_go_again(server: ServerUnderTest) -> None:
    family = psutil.Process(server.process.pid)

    def threads() -> int:
        return sum(process.num_threads() for process in [family, *family.children(recursive=True)])

    before = threads()
    created = requests.post(f"{server.url}/v1/api/projects?story_text=a&shot_count=1", timeout=20).json()
    address = f"ws://127.0.0.1:{server.port}/tasks/{created['text_task_id']}/wss"
    opened = [websocket.create_connection(address, timeout=20) for _ in range(80)]
    for client in opened:
        assert client.sock is not None
        client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset
        client.sock.close()

    wait_until(lambda: threads() <= before + 12, 45, f"{before} threads again")
