"""Which names in `Host` a request may call the server by."""

from __future__ import annotations

import json
from typing import Any

import pytest

from routers.middleware import HostCheck

GOOD = [
    "film.example", "FILM.example.", "localhost:8080", "s2v_server:80", "my-nas", "192.168.1.9", "10.0.0.1:65535", "[::1]",
    "[2001:db8::1]:8080", "[::ffff:10.0.0.1]", "a" * 63, ".".join(["a" * 49] * 5),
]  # fmt: skip
BAD = [
    "", " ", "a b", "evil.com/path", "a@b", "a:b@c", "a:", "a:0", "a:65536", "a:99999", "a:123456", "a:x", "a:-1", "a:+1", "a: 80", "a:１",
    "[::1", "::1", "[::1]80", "[::1]:", "[]", "[1]", "[a]", "[fe80::1%25eth0]", "[v1.a]", "a..b", ".a", "a,b", "a?b", "a#b", "a\\b", "a%41",
    "a\rb", "a\nb", "a\tb", "a\x00", "例子", "ä", "<a>", '"a"', "a" * 64, ".".join(["a" * 50] * 5), "256.1.1.1", "http://a", "*", "a;b",
]  # fmt: skip


def answer(
    host: str | None, *allowed: str, path: str = "/v1/api/projects", protocol: str = "HTTP/1.1"
) -> tuple[str, Any]:
    """Status and body."""
    said: list[str] = []

    def application(_environ: Any, start: Any) -> list[bytes]:
        start("200 OK", [])
        return [b"{}"]

    environ = {"PATH_INFO": path, "SERVER_PROTOCOL": protocol, **({} if host is None else {"HTTP_HOST": host})}
    body = HostCheck(application, allowed)(environ, lambda status, *_: said.append(status))  # type: ignore[arg-type]
    return said[0], json.loads(b"".join(body))


@pytest.mark.parametrize("host", GOOD)
def test_any_well_formed_host_will_do_where_none_is_configured(host: str) -> None:
    assert answer(host)[0] == "200 OK"


@pytest.mark.parametrize("host", BAD)
def test_a_malformed_host_is_a_400(host: str) -> None:
    status, body = answer(host)
    assert (status, body["code"]) == ("400 Bad Request", 400)
    assert body["error"].startswith("Host 请求头无效：")
    assert body["error"].isprintable()


@pytest.mark.parametrize(("protocol", "status"), [("HTTP/1.1", "400 Bad Request"), ("HTTP/1.0", "200 OK")])
@pytest.mark.parametrize("host", [None, ""])
def test_only_old_clients_may_leave_it_out(host: str | None, protocol: str, status: str) -> None:
    assert answer(host, protocol=protocol)[0] == status


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("film.example:8080", "film.example"), ("FILM.example.", "film.example"), ("a.example.org", ".example.org"),
        ("a.b.example.org:1", ".example.org"), ("example.org", ".example.org"), ("[0:0::1]:80", "::1"), ("10.0.0.1", "10.0.0.1"),
    ],
)  # fmt: skip
def test_a_configured_host_is_served(host: str, allowed: str) -> None:
    assert answer(host, "other.example", allowed)[0] == "200 OK"


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("evil.com", "film.example"), ("a.film.example", "film.example"), ("film.example.evil.com", "film.example"),
        ("evilexample.org", ".example.org"), ("org", ".example.org"), ("127.0.0.1", "::1"),
    ],
)  # fmt: skip
def test_another_host_is_a_400_that_says_so(host: str, allowed: str) -> None:
    status, body = answer(host, allowed)
    assert (status, body["message"]) == ("400 Bad Request", f"本服务器不以此主机名提供服务：{host}")


def test_a_node_calls_back_by_any_name() -> None:
    assert answer("127.0.0.1:8080", "film.example", path="/api/webhook/task_complete")[0] == "200 OK"
    assert answer("a b", "film.example", path="/api/webhook/task_complete")[0] == "400 Bad Request"
