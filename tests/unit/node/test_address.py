"""The node's address, and the URLs that count as its own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import BadNodeResult
from service.node.address import NodeAddress, download_path


@pytest.mark.parametrize(
    ("text", "base", "host"),
    [
        ("10.0.0.5:9000", "http://10.0.0.5:9000", "10.0.0.5"),
        ("gpu-box:9000", "http://gpu-box:9000", "gpu-box"),
        (" gpu-box:9000 ", "http://gpu-box:9000", "gpu-box"),
        ("http://gpu-box:9000/", "http://gpu-box:9000", "gpu-box"),
        ("https://Node.Example/worker//", "https://node.example/worker", "node.example"),
        ("[::1]:9000", "http://[::1]:9000", "::1"),
    ],
)
def test_an_address_has_many_forms(text: str, base: str, host: str) -> None:
    address = NodeAddress.parse(text)
    assert (address.base, address.host) == (base, host)


@pytest.mark.parametrize(
    ("text", "auth"),
    [
        ("http://user:p%40ss:w%C3%B6rd@gpu-box:9000/worker", (b"user", "p@ss:wörd".encode())),
        ("user:@gpu-box:9000/worker", (b"user", b"")),
        ("http://token@gpu-box:9000/worker/", (b"token", b"")),
        ("http://gpu-box:9000/worker", None),
    ],
)
def test_credentials_are_kept_apart_from_the_address(text: str, auth: tuple[bytes, bytes] | None) -> None:
    address = NodeAddress.parse(text)
    assert (address.base, address.host, address.auth) == ("http://gpu-box:9000/worker", "gpu-box", auth)
    assert "user" not in repr(address)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  ",
        "http://",
        "ftp://h:1",
        "h:0",
        "h:99999",
        "h:port",
        "user:pw@",
        "h:1/user:pw@x",
        "h:1?x=1",
        "h:1#x",
        "h:1/../x",
        "a b:1",
        "h\n:1",
        "[::1",
    ],
)
def test_an_address_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be 'host:port'"):
        NodeAddress.parse(text)


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("/files/j1/a.png", "/files/j1/a.png"),
        ("files/j1/a.png", "/files/j1/a.png"),
        ("http://127.0.0.1:8000/files/a.png", "/files/a.png"),
        ("http://localhost/files/a.png?v=1&x=%20", "/files/a.png?v=1&x=%20"),
        ("http://0.0.0.0:8000/files/a.png", "/files/a.png"),
        ("https://[::1]:8000/files/a.png", "/files/a.png"),
        ("http://GPU-box:1/files/a.png", "/files/a.png"),
        ("/files/猫 a.png", "/files/%E7%8C%AB%20a.png"),
        ("\\files\\a.png", "/files/a.png"),
        ("/worker/files/a.png", "/files/a.png"),
    ],
)
def test_of_the_nodes_own_urls_only_the_path_counts(url: str, path: str) -> None:
    assert NodeAddress.parse("http://gpu-box:9000/worker").path_of(url) == path


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data/",
        "//169.254.169.254/latest",
        "\\\\169.254.169.254\\latest",
        "http://gpu-box.evil.example/files/a.png",
        "http://127.0.0.1@evil.example/a",
        "http://gpu-box:pw@evil.example/a",
        "http://evil.example\\@gpu-box/a",
        "http://127.0.0.1.evil.example/a",
        "https://example.com",
        "file:///etc/passwd",
        "ftp://gpu-box/a",
        "data:image/png;base64,AAAA",
        "C:\\output\\a.png",
        "http://[broken/a",
        "http://gpu-box:port/a",
        "http://:80/a",
        "/files/../../admin",
        "/files/%2e%2e/admin",
        "/files/..\\admin",
        "/files/a\r\nHost: evil",
        "/files/\x00",
        "/files/\ud800",
    ],
)
def test_every_other_url_is_refused(url: str) -> None:
    with pytest.raises(BadNodeResult):
        NodeAddress.parse("gpu-box:9000").path_of(url)


@given(st.text())
def test_whatever_a_node_reports_stays_one_path_on_the_node(url: str) -> None:
    try:
        path = NodeAddress.parse("gpu-box:9000").path_of(url)
    except BadNodeResult:
        return
    assert path.startswith("/")
    assert not path.startswith("//")
    assert path.isascii()
    assert path.isprintable()
    assert " " not in path


def test_a_path_travels_as_one_parameter() -> None:
    assert download_path("out/a b&c=../猫.png") == "/v1/download?path=out%2Fa+b%26c%3D..%2F%E7%8C%AB.png"
