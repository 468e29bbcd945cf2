"""The voices of the model node, over the API."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import urlsplit

import pytest
from flask.testing import FlaskClient

from routers.app import create_app
from service.container import Services
from service.node.client import NodeClient
from service.node.pool import NodePool
from tests.support.model_servers import sounds
from tests.support.node.server import Node

ROW = {
    "id": "小美 1",
    "name": "小美",
    "language": "zh",
    "sex": "female",
    "provider": "kokoro",
    "sample": "/v1/voices/sample?voice=1",
}


@pytest.fixture
def node() -> Iterator[Node]:
    with Node() as started:
        yield started


@pytest.fixture
def speaking(services: Services, node: Node) -> FlaskClient:
    return create_app(replace(services, node=NodePool.of(NodeClient(node.addr)))).test_client()


def test_voices_are_listed_with_links_to_their_samples(speaking: FlaskClient, node: Node) -> None:
    sound = sounds.wav(sounds.voice(1.0, 16_000), 16_000)
    node.routes["GET /v1/voices"] = lambda exchange: exchange.json({"voices": [ROW, {"id": "plain"}]})
    node.routes["GET /v1/voices/sample?voice=1"] = lambda exchange: exchange.answer(200, sound, "text/html")
    body = speaking.get("/v1/api/voices").get_json()
    assert body["total"] == 2
    first, second = body["voices"]
    assert {**first, "sample": ROW["sample"]} == ROW
    assert (second["id"], second["sample"]) == ("plain", "")
    link = urlsplit(first["sample"])
    answer = speaking.get(f"{link.path}?{link.query}")
    assert (answer.status_code, answer.mimetype, answer.data) == (200, "audio/wav", sound)


def test_a_sample_that_is_no_sound_is_not_handed_on(speaking: FlaskClient, node: Node) -> None:
    node.routes["GET /v1/voices"] = lambda exchange: exchange.json({"voices": [ROW]})
    node.routes["GET /v1/voices/sample?voice=1"] = lambda exchange: exchange.answer(200, b"<script>", "audio/mpeg")
    answer = speaking.get("/v1/api/voices/sample", query_string={"provider": "kokoro", "voice": "小美 1"})
    assert (answer.status_code, b"script" in answer.data) == (502, False)


def test_a_node_without_voices_has_none_and_a_voice_that_is_not_listed_no_sample(
    speaking: FlaskClient, node: Node
) -> None:
    node.routes["GET /v1/voices"] = lambda exchange: exchange.json({"detail": "Not Found"}, 404)
    assert speaking.get("/v1/api/voices").get_json() == {"voices": [], "total": 0}
    assert speaking.get("/v1/api/voices/sample?voice=x").status_code == 404


def test_a_node_that_is_away_is_told(client: FlaskClient) -> None:
    answer = client.get("/v1/api/voices")
    assert (answer.status_code, answer.get_json()["code"]) == (503, 903)
