"""What every provider over HTTP keeps to: its key, its time, its size, its host."""

from __future__ import annotations

import gzip
import logging
import traceback
from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from tests.support.node.server import Exchange, Node
from worker_node.errors import ProviderUnable
from worker_node.providers.deadline import Deadline
from worker_node.providers.http import Answer, HttpClient, decoded, overlaid
from worker_node.providers.settings import ProviderSettings

KEY = "sk-planted-0123456789"


@pytest.fixture
def server() -> Iterator[Node]:
    with Node() as node:
        node.routes["POST /work"] = lambda exchange: exchange.json({"ok": True})
        yield node


def client(server: Node, key: str = KEY) -> HttpClient:
    return HttpClient(ProviderSettings(provider="openai", base=f"http://{server.addr}", key=SecretStr(key)))


def work(server: Node, seconds: float = 20, limit: int = 1 << 20) -> Answer:
    return client(server).call("POST", "/work", Deadline(seconds), json={"a": 1}, limit=limit)


def test_the_key_goes_to_the_provider_and_no_proxy_or_netrc_stands_between(
    server: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert work(server).content == b'{"ok": true}'
    assert server.asked[0].headers["Authorization"] == f"Bearer {KEY}"
    client(server, "").call("POST", "/work", Deadline(20), json={})
    assert "Authorization" not in server.asked[1].headers


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed_and_named(server: Node, status: int) -> None:
    with Node() as elsewhere:
        server.routes["POST /work"] = lambda exchange: exchange.answer(status, Location=f"http://{elsewhere.addr}/work")
        with pytest.raises(ProviderUnable, match=rf"转到别的地址（127\.0\.0\.1，HTTP {status}）"):
            work(server)
        assert not elsewhere.asked


def test_a_cookie_is_not_sent_back(server: Node) -> None:
    server.routes["POST /work"] = lambda exchange: exchange.answer(200, b"{}", Set_Cookie="a=b")
    asks = client(server)
    for _ in range(2):
        asks.call("POST", "/work", Deadline(20), json={})
    assert "Cookie" not in server.asked[1].headers


def test_the_time_is_for_the_whole_call(server: Node) -> None:
    def drip(exchange: Exchange) -> None:
        exchange.trickle(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", b" ")

    def drip_head(exchange: Exchange) -> None:
        exchange.trickle(b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n")

    asks = client(server)
    asks.call("POST", "/work", Deadline(20), json={})  # a connection that is kept is bound, too
    for behaviour in (drip, drip_head):
        server.routes["POST /work"] = behaviour
        with pytest.raises(ProviderUnable, match=r"在 0\.5 秒内没有答完"):
            asks.call("POST", "/work", Deadline(0.5), json={})
    asked = len(server.asked)
    with pytest.raises(ProviderUnable, match="在 0 秒内没有答完"):
        asks.call("POST", "/work", Deadline(0), json={})
    assert len(server.asked) == asked, "nothing is asked when the time is over"


def test_an_answer_is_bounded_whether_compressed_or_not(server: Node) -> None:
    server.routes["POST /work"] = lambda exchange: exchange.answer(200, b"x" * 2000)
    with pytest.raises(ProviderUnable, match="超过"):
        work(server, limit=1000)
    packed = gzip.compress(b"x" * 2000)
    server.routes["POST /work"] = lambda exchange: exchange.answer(200, packed, Content_Encoding="gzip")
    assert work(server, limit=2000).content == b"x" * 2000
    with pytest.raises(ProviderUnable, match="超过"):
        work(server, limit=1000)
    server.routes["POST /work"] = lambda exchange: exchange.answer(200, b"no gzip", Content_Encoding="gzip")
    with pytest.raises(ProviderUnable, match="已损坏"):
        work(server)
    server.routes["POST /work"] = lambda exchange: exchange.answer(200, packed[:-9], Content_Encoding="gzip")
    with pytest.raises(ProviderUnable, match="不完整"):
        work(server)


def test_a_refusal_as_long_as_it_likes_is_read_in_part(server: Node) -> None:
    server.routes["POST /work"] = lambda exchange: exchange.flood(b"HTTP/1.1 500 Oh\r\n\r\n", b"x" * 10_000)
    with pytest.raises(ProviderUnable, match="HTTP 500") as raised:
        work(server)
    assert len(str(raised.value)) < 400


@pytest.mark.parametrize(
    ("base", "said"),
    [
        ("http://127.0.0.1:1", "连接不上 http://127.0.0.1:1$"),
        ("http://no-such-host.invalid", "连接不上"),
    ],
)
def test_a_server_that_is_not_there_is_said(base: str, said: str) -> None:
    asks = HttpClient(ProviderSettings(provider="openai", base=base, key=SecretStr(KEY)))
    with pytest.raises(ProviderUnable, match=said):
        asks.call("GET", "/", Deadline(20))


def test_one_that_speaks_no_tls_is_said(server: Node) -> None:
    asks = HttpClient(ProviderSettings(provider="openai", base=f"https://{server.addr}", key=SecretStr(KEY)))
    with pytest.raises(ProviderUnable, match="证书或加密连接有误"):
        asks.call("GET", "/", Deadline(20))


@pytest.mark.parametrize("key", ["sk-\u5bc6\u94a5", "sk-a b", "sk-a\nX: y", "sk-\udc80"])
def test_a_key_that_cannot_be_sent_is_said_without_it(server: Node, key: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), pytest.raises(ProviderUnable, match="密钥不对") as raised:
        client(server, key).call("GET", "/", Deadline(20))
    assert key not in "".join(traceback.format_exception(raised.value)) + caplog.text
    assert not server.asked


def test_a_key_that_a_server_repeats_is_in_no_error_and_no_log(server: Node, caplog: pytest.LogCaptureFixture) -> None:
    server.routes["POST /work"] = lambda exchange: exchange.json({"error": {"message": f"bad key {KEY}!"}}, 401)
    with caplog.at_level(logging.DEBUG), pytest.raises(ProviderUnable, match=r"bad key \*\*\*!") as raised:
        work(server)
    assert KEY not in "".join(traceback.format_exception(raised.value)) + caplog.text


def test_fields_are_laid_over_objects_one_by_one() -> None:
    assert overlaid({"a": 1, "o": {"x": 1, "y": 2}}, {"a": [2], "o": {"y": 3}, "n": None}) == {
        "a": [2],
        "o": {"x": 1, "y": 3},
        "n": None,
    }


@pytest.mark.parametrize(
    ("content", "text"),
    [("灯塔".encode(), "灯塔"), ("灯塔".encode("gb18030"), "灯塔"), (b"\xef\xbb\xbfa", "a"), (b"a\xff", "a\ufffd")],
)
def test_text_is_read_in_whatever_encoding(content: bytes, text: str) -> None:
    assert decoded(content) == text
