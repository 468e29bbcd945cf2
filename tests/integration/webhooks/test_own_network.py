"""No webhook leads into our own network, however its address is written, and wherever its name leads by the time that it is called."""

from __future__ import annotations

import socket
from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from config.networks import may_connect
from service.webhooks import sending
from service.webhooks.addresses import check_url
from tests.integration.webhooks.receivers import receiving

NOTATIONS = [
    "127.0.0.1",
    "127.1",
    "127.255.255.254",
    "2130706433",
    "0x7f000001",
    "0x7f.1",
    "0177.0.0.1",
    "017700000001",
    "localhost",
    "LOCALHOST.",
    "0.0.0.0",
    "0",
    "[::1]",
    "[::]",
    "[0:0:0:0:0:0:0:1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::127.0.0.1]",
    "[64:ff9b::127.0.0.1]",
    "[64:ff9b:1::7f00:1]",
    "[2002:7f00:1::]",
    "[2001:0:0:0:0:0:80ff:fffe]",
    "[fe80::1]",
    "[fe80::1%25lo]",
    "[fec0::1]",
    "[fd00:ec2::254]",
    "[ff02::1]",
    "169.254.169.254",
    "0xA9FEA9FE",
    "[::ffff:169.254.169.254]",
    "10.0.0.1",
    "10.1",
    "172.16.0.1",
    "192.168.1.1",
    "100.100.100.200",
    "198.18.0.1",
    "192.0.2.1",
    "224.0.0.1",
    "255.255.255.255",
]


@pytest.mark.parametrize("host", NOTATIONS)
def test_an_address_of_our_own_is_never_connected_to(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def connect(*_: Any) -> None:
        raise AssertionError("a connection was tried")

    monkeypatch.setattr(socket.socket, "connect", connect)
    for scheme in ("http", "https"):
        answer = sending.post(f"{scheme}://{host}:8080/", b"{}", {}, [])
        assert answer.status is None
        assert "自己的网络" in answer.reason or "无法解析" in answer.reason, answer.reason


def test_a_name_that_leads_elsewhere_when_it_is_called_gains_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with receiving() as inside:
        port = int(inside.url.split(":")[2].partition("/")[0])
        monkeypatch.setattr(
            socket,
            "getaddrinfo",
            lambda *_, **__: [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))],
        )
        assert check_url(f"http://rebind.example:{port}/", []) == ""
        answer = sending.post(f"http://rebind.example:{port}/", b"{}", {}, [])
    assert (answer.status, inside.received) == (None, [])
    assert "自己的网络" in answer.reason


def test_of_a_names_addresses_only_those_outside_are_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[Any] = []
    found = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 80)) for address in ("10.0.0.1", "127.0.0.1", "8.8.8.8")
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)

    def connect(_wire: socket.socket, address: Any) -> None:
        tried.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket.socket, "connect", connect)
    assert sending.post("http://mixed.example/", b"{}", {}, []).status is None
    assert tried == [("8.8.8.8", 80)]


@pytest.mark.parametrize(
    ("network", "address"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("127.0.0.0/8", "::ffff:127.0.0.1"),
        ("fd00::/8", "fd00::1"),
        ("10.0.0.0/8", "10.1.2.3"),
    ],
)
def test_a_network_that_is_opened_is_open_and_no_other(network: str, address: str) -> None:
    assert may_connect(ip_address(address), [ip_network(network)])
    assert not may_connect(ip_address("192.168.0.1"), [ip_network(network)])
    assert not may_connect(ip_address("::1"), [ip_network(network)])


@pytest.mark.parametrize(
    "url",
    [
        "",
        "receiver.example/hook",
        "ftp://receiver.example/",
        "file:///etc/passwd",
        "gopher://127.0.0.1:6379/_FLUSHALL",
        "http://",
        "http:///hook",
        "https://user:pass@receiver.example/",
        "https://receiver.example@127.0.0.1/",
        "http://receiver.example\\@127.0.0.1/",
        "http://receiver.example:99999/",
        "http://receiver.example:0/",
        "http://[::1/",
        "http://receiver.example/\r\nX-Injected: 1",
        "http://receiver.example/ a",
        "http://例子.测试/",
        "http://receiver.example/" + "x" * 2048,
        "http://127.0.0.1/",
        "http://[::ffff:10.0.0.1]/",
    ],
)
def test_what_is_no_address_outside_is_refused_when_it_is_given(url: str) -> None:
    assert check_url(url, []) != ""
