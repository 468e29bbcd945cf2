from __future__ import annotations

from typing import Any

import pytest

from config.addresses import parse_network
from routers.middleware import TrustedProxies

PROXIES = ["10.0.0.0/8", "127.0.0.1", "::1"]
SAID = {
    "HTTP_X_FORWARDED_PROTO": "https",
    "HTTP_X_FORWARDED_HOST": "film.example:8443",
    "HTTP_X_FORWARDED_FOR": "203.0.113.9",
}


def seen(peer: str, said: dict[str, str], proxies: list[str] | None = None) -> tuple[str, str, str]:
    """Scheme, host and client's address as the application is told."""
    found: dict[str, Any] = {}

    def application(environ: dict[str, Any], _start: Any) -> list[bytes]:
        found.update(environ)
        return []

    environ = {"REMOTE_ADDR": peer, "wsgi.url_scheme": "http", "HTTP_HOST": "inner:8080", **said}
    trusting = TrustedProxies(application, map(parse_network, PROXIES if proxies is None else proxies))
    trusting(environ, lambda *_: lambda _body: None)
    return found["wsgi.url_scheme"], found["HTTP_HOST"], found["REMOTE_ADDR"]


@pytest.mark.parametrize("peer", ["127.0.0.1", "10.1.2.3", "::1", "::ffff:10.1.2.3"])
def test_a_configured_proxy_is_believed(peer: str) -> None:
    assert seen(peer, SAID) == ("https", "film.example:8443", "203.0.113.9")


@pytest.mark.parametrize("peer", ["192.0.2.7", "11.0.0.1", "2001:db8::1", "", "no address"])
def test_nobody_but_a_configured_proxy_is_believed(peer: str) -> None:
    assert seen(peer, SAID) == ("http", "inner:8080", peer)


def test_without_a_configured_proxy_nobody_is_believed() -> None:
    assert seen("127.0.0.1", SAID, []) == ("http", "inner:8080", "127.0.0.1")


def test_of_a_list_the_last_value_counts_which_the_proxy_itself_set() -> None:
    said = {
        "HTTP_X_FORWARDED_PROTO": "http, https",
        "HTTP_X_FORWARDED_HOST": "forged.example, film.example",
        "HTTP_X_FORWARDED_FOR": "6.6.6.6, 203.0.113.9, 10.0.0.2",
    }
    assert seen("127.0.0.1", said) == ("https", "film.example", "203.0.113.9"), "10.0.0.2 is a proxy too"


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"HTTP_X_FORWARDED_PROTO": "javascript", "HTTP_X_FORWARDED_HOST": "a b", "HTTP_X_FORWARDED_FOR": "unknown"},
        {"HTTP_X_FORWARDED_PROTO": "", "HTTP_X_FORWARDED_HOST": "a/../b", "HTTP_X_FORWARDED_FOR": ""},
        {"HTTP_X_FORWARDED_HOST": "film.example:port", "HTTP_X_FORWARDED_FOR": "203.0.113.9:1, "},
    ],
)
def test_a_header_that_cannot_be_meant_changes_nothing(said: dict[str, str]) -> None:
    assert seen("127.0.0.1", said) == ("http", "inner:8080", "127.0.0.1")
