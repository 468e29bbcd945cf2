"""What nodes in the field do: each behaviour by a node that behaves so."""

from __future__ import annotations

import json
import socket
from base64 import b64encode
from collections.abc import Iterator
from typing import Any

import pytest

from common.errors import BadNodeResult, NodeBusy, NodeJobLost, NodeRejected, NodeUnavailable
from common.request_id import bound
from service.node.client import NodeClient
from service.node.interface import Job, JobState, Scene
from tests.support.node.gateway import GATEWAY_SCENES, gateway_job
from tests.support.node.server import Exchange, Node

ENVELOPE = {"id": "t1", "type": "generate_shot", "parameters": {}}
PNG = b"\x89PNG\r\n\x1a\n" + b"x" * 5000


@pytest.fixture
def node() -> Iterator[Node]:
    with Node() as started:
        yield started


@pytest.fixture
def client(node: Node) -> NodeClient:
    return NodeClient(node.addr, connect_s=30, read_s=30, poll_s=30)


def finished(**result: Any) -> Job:
    return Job("j1", JobState.SUCCEEDED, result=result)


def content_of(client: NodeClient, **result: Any) -> bytes:
    with client.asset(finished(**result)) as stream:
        return stream.read()


@pytest.mark.parametrize("status", [200, 201, 202])
@pytest.mark.parametrize("answer", [{"job_id": "j1", "message": "", "error": ""}, {"id": "j1", "job_id": "other"}])
def test_a_job_is_started(node: Node, client: NodeClient, status: int, answer: dict[str, str]) -> None:
    node.routes["POST /v1/generate"] = lambda exchange: exchange.json(answer, status)
    assert client.generate(ENVELOPE) == "j1"
    assert node.asked[0].body == ENVELOPE


def test_a_request_id_travels_along(node: Node, client: NodeClient) -> None:
    node.routes["POST /v1/generate"] = lambda exchange: exchange.json({"id": "j1"})
    with bound("req-1"):
        client.generate(ENVELOPE)
    client.generate(ENVELOPE)
    assert [asked.headers.get("X-Request-ID") for asked in node.asked] == ["req-1", None]


def test_a_refusal_is_final_and_its_reason_is_passed_on(node: Node, client: NodeClient) -> None:
    detail = [{"loc": ["body", "parameters", "shot", "image_width"], "msg": "Input should be a valid string"}]
    node.routes["POST"] = lambda exchange: exchange.json({"detail": detail}, 422)
    with pytest.raises(NodeRejected, match="valid string") as caught:
        client.generate(ENVELOPE)
    assert not caught.value.retryable


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ({"error": "16 kHz only", "detail": [{"loc": ["body"], "msg": "x"}]}, "16 kHz only"),
        ({"message": "采样率 1 不受支持", "error": {"code": 7}}, "采样率 1 不受支持"),
        ({"detail": "not\x00 now"}, "not now"),
        ({"message": ["x"]}, '{"message": ["x"]}'),
        ("no", '"no"'),
    ],
)
def test_of_a_refusal_a_person_reads_the_reason_and_no_json(
    node: Node, client: NodeClient, answer: object, told: str
) -> None:
    node.routes["POST"] = lambda exchange: exchange.json(answer, 422)
    with pytest.raises(NodeRejected) as caught:
        client.generate(ENVELOPE)
    assert str(caught.value) == f"模型节点拒绝了请求（HTTP 422）：{told}"


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_a_node_in_trouble_is_asked_again(node: Node, client: NodeClient, status: int) -> None:
    node.routes["POST"] = lambda exchange: exchange.answer(status, b"<html>Bad Gateway</html>", "text/html")
    with pytest.raises(NodeUnavailable) as caught:
        client.generate(ENVELOPE)
    assert caught.value.retryable
    assert isinstance(caught.value, NodeBusy) == (status == 429)


def test_a_web_page_instead_of_an_answer_is_no_answer(node: Node, client: NodeClient) -> None:
    for method in ("GET", "POST"):
        node.routes[method] = lambda exchange: exchange.answer(200, b"<html>Welcome</html>", "text/html")
    for use in (lambda: client.generate(ENVELOPE), lambda: client.job("j1"), client.check):
        with pytest.raises(NodeUnavailable):
            use()


def test_something_else_at_the_address_is_no_node(client: NodeClient) -> None:
    with pytest.raises(NodeUnavailable, match="不是模型节点"):
        client.generate(ENVELOPE)
    with pytest.raises(NodeUnavailable, match="不是模型节点"):
        client.check()


@pytest.mark.parametrize("status", [404, 410])
def test_a_node_that_was_restarted_has_lost_its_jobs(node: Node, client: NodeClient, status: int) -> None:
    node.routes["GET"] = lambda exchange: exchange.answer(status, b"<h1>Not Found</h1>", "text/html")
    with pytest.raises(NodeJobLost):
        client.job("j1")


def test_a_tunnel_whose_node_is_away_has_lost_nothing(node: Node, client: NodeClient) -> None:
    page = b'<html><a href="https://github.com/fatedier/frp">frp</a></html>'
    for method in ("GET", "POST"):
        node.routes[method] = lambda exchange: exchange.answer(404, page, "text/html")
    with pytest.raises(NodeUnavailable):
        client.job("j1")
    with pytest.raises(NodeUnavailable):
        client.generate(ENVELOPE)


def test_a_gateways_storyboard_is_read_from_its_legacy_result(node: Node, client: NodeClient) -> None:
    result = {"resource_url": "", "legacy": {"task_shots": {"generated_shots": GATEWAY_SCENES, "total_shots": 3}}}
    node.job(**gateway_job(result=result))
    job = client.job("j1")
    assert job.state is JobState.SUCCEEDED
    assert [scene.narration for scene in client.storyboard(job)] == ["下雨了。", "天晴了。"]


@pytest.mark.parametrize(
    "result",
    [
        {"resource_url": "/files/j1/storyboard.json"},
        {"resource_url": "http://127.0.0.1:8000/files/j1/storyboard.json"},
        {"resources": [{"type": "storyboard", "url": "/files/j1/storyboard.json", "id": "j1", "meta": {}}]},
        {"resources": [{"resource_type": "storyboard", "resource_url": "/files/j1/storyboard.json", "meta": None}]},
    ],
)
def test_a_storyboard_is_read_from_the_file_that_the_result_names(
    node: Node, client: NodeClient, result: dict[str, Any]
) -> None:
    node.serve("/files/j1/storyboard.json", json.dumps(GATEWAY_SCENES).encode())
    assert client.storyboard(finished(**result))[0] == Scene("夜", "rainy street", "下雨了。")


@pytest.mark.parametrize("content", [b"", b"<html>", b"[]", b"[" * 100_000, b'{"a": NaN', b"\xff\xfe", b"9" * 10_000])
def test_a_storyboard_file_that_is_none_is_unusable(node: Node, client: NodeClient, content: bytes) -> None:
    node.serve("/files/s.json", content)
    with pytest.raises(BadNodeResult):
        client.storyboard(finished(resource_url="/files/s.json"))


@pytest.mark.parametrize(
    "result", [{}, {"resource_url": ""}, {"resource_url": None, "resources": []}, {"legacy": {"path": "/o"}}]
)
def test_a_job_that_finished_without_a_result_failed(client: NodeClient, result: dict[str, Any]) -> None:
    with pytest.raises(BadNodeResult, match="没有给出"):
        client.asset(finished(**result))
    with pytest.raises(BadNodeResult, match="没有给出"):
        client.storyboard(finished(**result))


@pytest.mark.parametrize(
    ("result", "path"),
    [
        ({"resource_url": "/files/a.png"}, "/files/a.png"),
        ({"resource_url": "files/a.png"}, "/files/a.png"),
        ({"resource_url": "http://127.0.0.1:1/files/a.png"}, "/files/a.png"),
        ({"resource_url": "http://localhost:1/files/a.png?x=1"}, "/files/a.png?x=1"),
        ({"resources": [{"url": ""}, {"resource_url": "/files/b.png"}]}, "/files/b.png"),
        ({"task_shots": {"generated_shots": [{"path": "out/猫.png"}]}}, "/v1/download?path=out%2F%E7%8C%AB.png"),
        ({"task_video": {"path": "out/v.mp4"}}, "/v1/download?path=out%2Fv.mp4"),
    ],
)
def test_an_asset_is_taken_from_where_the_result_says(
    node: Node, client: NodeClient, result: dict[str, Any], path: str
) -> None:
    node.serve(path, PNG)
    assert content_of(client, **result) == PNG


def test_a_node_under_a_path_is_asked_below_it(node: Node) -> None:
    client = NodeClient(f"http://{node.addr}/worker/")
    node.serve("/worker/files/a.png", PNG)
    for url in ("/files/a.png", "/worker/files/a.png", "http://127.0.0.1/worker/files/a.png"):
        assert content_of(client, resource_url=url) == PNG


def test_a_tunnel_that_asks_for_a_password_is_told_it(node: Node) -> None:
    node.routes["GET"] = lambda exchange: exchange.json({})
    told = NodeClient(f"http://user:p%40ss@{node.addr}/worker").check()
    [asked] = node.asked
    assert asked.headers["Authorization"] == "Basic " + b64encode(b"user:p@ss").decode()
    assert (asked.path, asked.headers["Host"]) == ("/worker/health", node.addr)
    assert "p@ss" not in told


def test_a_node_is_told_its_token_and_nobody_else_is(node: Node, caplog: pytest.LogCaptureFixture) -> None:
    token = "令牌-hush"
    caplog.set_level(0)
    client = NodeClient(node.addr, token=token)
    node.serve("/files/a.png", PNG)
    node.serve("/health", b"{}")
    node.routes["DELETE"] = node.routes["POST"] = lambda exchange: exchange.json({"id": "j1"})
    client.generate(ENVELOPE)
    client.cancel("j1")
    assert content_of(client, resource_url="/files/a.png") == PNG
    assert {asked.headers["Authorization"].encode("latin-1") for asked in node.asked} == {f"Bearer {token}".encode()}
    with Node() as other:
        for said in (f"http://metadata.example:{other.port}/a.png", f"//{other.addr}@elsewhere.example/a.png"):
            with pytest.raises(BadNodeResult, match="其他主机"):
                client.asset(finished(resource_url=said))
        node.routes["GET /files/b.png"] = lambda exchange: exchange.answer(302, Location=f"http://{other.addr}/b.png")
        with pytest.raises(BadNodeResult):
            client.asset(finished(resource_url="/files/b.png"))
        assert other.asked == []
    assert "hush" not in caplog.text + repr(vars(client)) + client.check()


def test_a_password_in_the_address_goes_before_the_token(node: Node) -> None:
    node.routes["GET"] = lambda exchange: exchange.json({})
    NodeClient(f"user:p@{node.addr}", token="hush").check()
    assert node.asked[0].headers["Authorization"] == "Basic " + b64encode(b"user:p").decode()


def test_the_server_is_not_sent_to_another_host(node: Node, client: NodeClient) -> None:
    with Node() as other:
        other.serve("/secret", b"secret")
        foreign = f"http://metadata.example:{other.port}/secret"
        with pytest.raises(BadNodeResult, match="其他主机"):
            client.asset(finished(resource_url=foreign))
        # An address on loopback counts by its path alone: it is looked for on the node, not where it points.
        with pytest.raises(BadNodeResult):
            client.asset(finished(resource_url=f"http://{other.addr}/secret"))
        assert other.asked == []
    assert [asked.path for asked in node.asked] == ["/secret"]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(node: Node, client: NodeClient, status: int) -> None:
    with Node() as other:
        other.serve("/secret", b"secret")
        for method in ("GET", "POST", "DELETE"):
            node.routes[method] = lambda exchange: exchange.answer(status, Location=f"http://{other.addr}/secret")
        with pytest.raises(BadNodeResult, match="别的地址"):
            client.asset(finished(resource_url="/files/a.png"))
        with pytest.raises(NodeUnavailable):
            client.generate(ENVELOPE)
        client.cancel("j1")
        assert other.asked == []


@pytest.mark.parametrize("status", [403, 404])
def test_a_result_that_the_node_does_not_serve_is_unusable(node: Node, client: NodeClient, status: int) -> None:
    node.routes["GET"] = lambda exchange: exchange.json({"detail": "no"}, status)
    with pytest.raises(BadNodeResult, match="结果文件"):
        client.asset(finished(resource_url="/files/a.png"))
    with pytest.raises(BadNodeResult, match="分镜文件"):
        client.storyboard(finished(resource_url="/files/a.json"))


def test_a_cancel_reaches_the_node(node: Node, client: NodeClient) -> None:
    node.routes["DELETE"] = lambda exchange: exchange.json({"success": True, "deleteAT": "", "error": ""})
    client.cancel("a b?c")
    assert [(asked.method, asked.path) for asked in node.asked] == [("DELETE", "/v1/jobs/a%20b%3Fc")]


def test_a_cancel_that_the_node_does_not_understand_is_no_error(node: Node, client: NodeClient) -> None:
    answers: list[Any] = [
        lambda exchange: exchange.json({"detail": "unknown"}, 404),
        lambda exchange: exchange.answer(500),
        lambda exchange: exchange.raw(b""),
    ]
    for answer in answers:
        node.routes["DELETE"] = answer
        client.cancel("j1")
    assert len(node.asked) >= 3


def test_a_node_that_is_away_is_unavailable() -> None:
    with socket.socket() as away:  # it has the port, lest somebody else should get it, and does not listen
        away.bind(("127.0.0.1", 0))
        client = NodeClient(f"127.0.0.1:{away.getsockname()[1]}")
        with pytest.raises(NodeUnavailable):
            client.generate(ENVELOPE)
        with pytest.raises(NodeUnavailable):
            client.provides("i2v")
        assert client.speaks_tts_text() is False
        client.cancel("j1")


def test_cookies_of_a_node_are_not_kept(node: Node, client: NodeClient) -> None:
    def answer(exchange: Exchange) -> None:
        exchange.answer(200, b'{"status": "processing"}', Set_Cookie="a=b; Path=/")

    node.routes["GET"] = answer
    client.job("j1")
    client.job("j1")
    assert [asked.headers.get("Cookie") for asked in node.asked] == [None, None]


@pytest.mark.parametrize(
    ("health", "serves"),
    [
        ({"status": "ok"}, False),
        ({"providers": {"i2v": "svd"}}, True),
        ({"providers": {"i2v": {"name": "svd"}}}, True),
        ({"providers": {"i2v": {"name": "svd", "available": False}}}, False),
        ({"providers": {"i2v": "none"}}, False),
        ({"providers": {"i2v": None}}, False),
        ({"providers": {"t2i": "sd"}}, False),
        ({"providers": ["i2v"]}, False),
    ],
)
def test_image_to_video_is_asked_only_of_a_node_that_says_so(
    node: Node, client: NodeClient, health: dict[str, Any], serves: bool
) -> None:
    node.routes["GET /health"] = lambda exchange: exchange.json(health)
    assert client.provides("i2v") is serves


def test_health_is_asked_for_once_and_a_node_without_one_is_foreign(node: Node, client: NodeClient) -> None:
    assert client.provides("i2v") is False
    assert client.speaks_tts_text() is False
    assert [asked.path for asked in node.asked] == ["/health"]


def test_a_node_that_was_away_is_asked_for_its_health_again(node: Node, client: NodeClient) -> None:
    node.routes["GET /health"] = lambda exchange: exchange.answer(503)
    with pytest.raises(NodeUnavailable):
        client.provides("i2v")
    node.routes["GET /health"] = lambda exchange: exchange.json(
        {"node": "storytovideo", "providers": {"i2v": "offline"}}
    )
    assert client.provides("i2v") is True
    assert client.speaks_tts_text() is True
    assert client.check() == f"http://{node.addr} None (i2v=offline)"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b'{"error": "CUDA out of memory"}', "CUDA out of memory"),
        (b' {"code": 500, "msg": "\xe6\x98\xbe\xe5\xad\x98"}', "显存"),
        (b"{broken", "{broken"),
    ],
)
def test_json_in_place_of_an_asset_is_the_nodes_reason(
    node: Node, client: NodeClient, content: bytes, reason: str
) -> None:
    node.serve("/files/a.png", content)
    with pytest.raises(BadNodeResult, match=reason):
        content_of(client, resource_url="/files/a.png")
