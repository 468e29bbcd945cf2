"""A node's voices, as the server's client takes them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from common.errors import BadNodeResult, NodeUnavailable, NotFound
from service.node.client import MAX_SAMPLE, NodeClient
from service.node.interface import Voice
from tests.support.node.server import Node

ROW = {
    "id": "zf",
    "name": "小美",
    "language": "zh",
    "sex": "female",
    "provider": "kokoro",
    "sample": "/v1/voices/sample?voice=zf",
}


@pytest.fixture
def node() -> Iterator[Node]:
    with Node() as started:
        yield started


@pytest.fixture
def client(node: Node) -> NodeClient:
    return NodeClient(node.addr)


def lists(node: Node, answer: Any, status: int = 200) -> None:
    node.routes["GET /v1/voices"] = lambda exchange: exchange.json(answer, status)


def test_a_node_without_voices_lists_none(node: Node, client: NodeClient) -> None:
    lists(node, {"detail": "Not Found"}, 404)
    assert client.voices() == []
    assert client.voices() == []
    assert len(node.asked) == 1, "it is not asked again at once"


def test_a_node_that_is_away_is_no_node_without_voices(node: Node, client: NodeClient) -> None:
    lists(node, {"detail": "starting"}, 503)
    with pytest.raises(NodeUnavailable):
        client.voices()
    lists(node, {"voices": [ROW]})
    assert client.voices() == [Voice(**ROW)]


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"voices": None},
        {"voices": {"id": "x"}},
        {"voices": ["x", 5, None, {}, {"id": 5}, {"id": "x" * 500}, {"id": "a\u202eb"}]},
    ],
)
def test_what_is_no_voice_is_left_out(node: Node, client: NodeClient, answer: Any) -> None:
    lists(node, answer)
    assert client.voices() == []


def test_voices_are_cleaned_and_bounded(node: Node, client: NodeClient) -> None:
    bad = {"id": " v ", "name": None, "language": 3, "sex": "other", "sample": "http://169.254.169.254/latest"}
    lists(node, {"voices": [bad, ROW, ROW, *({"id": f"v{number}"} for number in range(5000))]})
    found = client.voices()
    assert found[:2] == [Voice("v", "v", "", "", "", ""), Voice(**ROW)]
    assert len(found) <= 1000


def test_a_sample_is_fetched_where_the_node_says(node: Node, client: NodeClient) -> None:
    lists(node, {"voices": [ROW]})
    node.routes["GET /v1/voices/sample?voice=zf"] = lambda exchange: exchange.answer(200, b"ID3 sound", "audio/mpeg")
    assert client.voice_sample("kokoro", "zf") == b"ID3 sound"
    for provider, voice in (("kokoro", "other"), ("offline", "zf")):
        with pytest.raises(NotFound):
            client.voice_sample(provider, voice)


def test_a_sample_that_is_refused_or_too_large_is_an_error_in_words(node: Node, client: NodeClient) -> None:
    lists(node, {"voices": [ROW]})
    node.routes["GET /v1/voices/sample?voice=zf"] = lambda exchange: exchange.json({"error": "没有"}, 404)
    with pytest.raises(BadNodeResult, match="没有给出试听"):
        client.voice_sample("kokoro", "zf")
    node.routes["GET /v1/voices/sample?voice=zf"] = lambda exchange: exchange.answer(200, bytes(MAX_SAMPLE + 1))
    with pytest.raises(BadNodeResult, match="上限"):
        client.voice_sample("kokoro", "zf")
