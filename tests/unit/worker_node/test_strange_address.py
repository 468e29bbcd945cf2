"""Addresses out of a provider's answer: what is fetched, and what is not even connected to."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.node.server import Exchange, Node
from worker_node.errors import ProviderUnable
from worker_node.providers import strange_address
from worker_node.providers.deadline import Deadline
from worker_node.providers.strange_address import fetch, is_public

LIMIT = 100_000
NO_HOST = "http://provider.example"


@pytest.fixture
def other() -> Iterator[Node]:
    with Node() as node:
        node.serve("/picture.png", b"picture")
        yield node


@pytest.fixture
def open_world(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loopback stands for the open internet, whatever a host's name."""
    monkeypatch.setattr(strange_address, "is_public", lambda ip: ip.is_loopback)
    resolve = socket.getaddrinfo

    def found(host: str, port: int, *rest: Any, **how: Any) -> Any:
        return resolve("127.0.0.1" if host.endswith(".example") else host, port, *rest, **how)

    monkeypatch.setattr(socket, "getaddrinfo", found)


def get(address: str, base: str = NO_HOST, seconds: float = 20, limit: int = LIMIT) -> bytes:
    return fetch(address, Deadline(seconds), base=base, limit=limit)


@pytest.mark.parametrize(
    "address",
    [
        "file:///etc/passwd", "ftp://a.example/x", "gopher://a.example", "data:image/png;base64,AA", "//a.example/x", "/x", "x", "", "http://",
        "http://[::1", "http://a.example:99999/", "http://a.example:0x1/", "http://me@a.example/", "http://me:secret@a.example/",
        "http://a.example/\r\nHost: b", "http://a.example/ x", "http://a.example/图", "https://",
    ],
)  # fmt: skip
def test_only_plain_http_addresses_are_taken(address: str) -> None:
    with pytest.raises(ProviderUnable, match="不是 http"):
        get(address)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "localhost", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "224.0.0.1", "[::1]",
        "[::]", "[fe80::1]", "[fc00::1]", "[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "2130706433", "0x7f000001",
        "127.1", "255.255.255.255",
    ],
)  # fmt: skip
def test_a_host_within_the_network_is_refused_before_anything_is_sent(host: str, other: Node) -> None:
    with pytest.raises(ProviderUnable, match=r"不是公网地址|无法解析"):
        get(f"http://{host}:{other.port}/picture.png")
    assert not other.asked


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("2606:4700::1111", True),
        ("64:ff9b::808:808", True),
        ("::ffff:8.8.8.8", True),
        ("2001:db8::1", False),
        ("fec0::1", False),
        ("ff02::1", False),
    ],
)
def test_public_addresses_are_told_from_others(address: str, public: bool) -> None:
    assert is_public(ipaddress.ip_address(address)) is public


def test_the_providers_own_address_may_be_private_but_not_another_port_of_loopback(other: Node) -> None:
    assert get(f"http://{other.addr}/picture.png", base=f"http://{other.addr}/v1") == b"picture"
    with pytest.raises(ProviderUnable, match="不是公网地址"):
        get(f"http://{other.addr}/picture.png", base="http://127.0.0.1:1/v1")
    assert len(other.asked) == 1


@pytest.mark.usefixtures("open_world")
def test_nothing_of_ours_goes_along(other: Node) -> None:
    assert get(f"http://files.example:{other.port}/picture.png") == b"picture"
    [asked] = other.asked
    assert asked.headers["Host"] == f"files.example:{other.port}"
    assert not {"authorization", "cookie", "referer"} & {name.lower() for name in asked.headers}


@pytest.mark.usefixtures("open_world")
def test_a_redirect_is_a_new_address(other: Node) -> None:
    def to(where: str) -> Any:
        return lambda exchange: exchange.answer(302, Location=where)

    other.routes["GET /near"] = to("/picture.png")
    other.routes["GET /far"] = to(f"http://else.example:{other.port}/picture.png")
    other.routes["GET /inside"] = to(f"http://169.254.169.254:{other.port}/picture.png")
    other.routes["GET /file"] = to("file:///etc/passwd")
    other.routes["GET /round"] = to("/round")
    start = f"http://files.example:{other.port}"
    assert get(f"{start}/near") == b"picture"
    assert get(f"{start}/far") == b"picture"
    assert other.asked[-1].headers["Host"] == f"else.example:{other.port}"
    with pytest.raises(ProviderUnable, match="不是公网地址"):
        get(f"{start}/inside")
    with pytest.raises(ProviderUnable, match="不是 http"):
        get(f"{start}/file")
    with pytest.raises(ProviderUnable, match="转了太多次"):
        get(f"{start}/round")


@pytest.mark.usefixtures("open_world")
def test_what_is_connected_to_is_what_was_looked_at(other: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that means another address the second time it is asked for."""
    answers = ["127.0.0.1", "192.0.2.1"]
    resolve = socket.getaddrinfo
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda host, port, *rest, **how: resolve(
            answers.pop(0) if host == "files.example" else host, port, *rest, **how
        ),
    )
    assert get(f"http://files.example:{other.port}/picture.png") == b"picture"
    assert answers == ["192.0.2.1"], "the name is asked for once"


@pytest.mark.usefixtures("open_world")
def test_what_is_fetched_is_bounded_in_bytes_and_in_time(other: Node) -> None:
    start = f"http://files.example:{other.port}"

    def drip(exchange: Exchange) -> None:
        exchange.trickle(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b"x")

    def drip_head(exchange: Exchange) -> None:
        exchange.trickle(b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n")

    other.routes["GET /drip"], other.routes["GET /head"] = drip, drip_head
    other.routes["GET /flood"] = lambda exchange: exchange.flood(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 10_000)
    other.routes["GET /gone"] = lambda exchange: exchange.answer(404)
    for path in ("/drip", "/head"):
        with pytest.raises(ProviderUnable, match="超时"):
            get(start + path, seconds=0.5)
    with pytest.raises(ProviderUnable, match="超过"):
        get(f"{start}/flood", limit=1 << 20)
    with pytest.raises(ProviderUnable, match="HTTP 404"):
        get(f"{start}/gone")
    with pytest.raises(ProviderUnable, match="取不到"):
        get("http://files.example:1/x")
    with pytest.raises(ProviderUnable, match="取不到"):
        get(f"https://files.example:{other.port}/no-tls")


def test_a_name_that_cannot_be_resolved_is_said() -> None:
    for host in ("no-such-host.invalid", "a" * 70 + ".example"):
        with pytest.raises(ProviderUnable, match="无法解析"):
            get(f"http://{host}/x")
