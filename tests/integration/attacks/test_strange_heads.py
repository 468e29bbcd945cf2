"""Heads of requests that no client of ours sends: each gets an answer of ours, and none a link to a host that nobody may name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from config.settings import ServerSettings
from routers.app import create_app
from tests.integration.attacks.conftest import PUBLIC_URL
from tests.integration.attacks.raw_http import Answer, exchange
from tests.support.hostile_media import plain_wav
from tests.support.server_process import ServerUnderTest
from tests.support.web_app import make_settings, open_services

MALFORMED = [
    b"evil.com\x01",
    b"a b",
    b"a\tb",
    b"[::1",
    b"::1",
    b"[::1]x",
    b"[::1]:x",
    b"a:b:c",
    b"a:99999",
    b"a:65536",
    b"a:-1",
    b"a:0x50",
    b"a:\xef\xbc\x98\xef\xbc\x90",
    b"m\xc3\xbcnchen.de",
    b"\xff.com",
    b"u@evil.com",
    b"u:p@evil.com",
    b"evil.com/x",
    b"evil.com?x",
    b"evil.com#x",
    b"evil.com\\x",
    b"<b>",
    b'"a"',
    b"a,b",
    b"evil.com:80:80",
    b"http://evil.com",
    b"[fe80::1%25eth0]",
    b"[v1.a]",
    b"[]",
    b":80",
    b"a;b",
    b"a'b",
    b"a|b",
    b"{a}",
    b"(a)",
    b"%00",
    b"[1.2.3.4]",
    b"a.com:8 0",
    b"a.com:+80",
    b"a.com:8_0",
    b"a." + b"b" * 3_000,
    b"$HOST",
    b"a^b",
    b"a`b",
    b"*",
    b"*.evil.com",
]
OTHERS = [
    b"a..b",
    b".",
    b"..",
    b"-",
    b"evil.com.",
    b"EVIL.com",
    b"%65vil.com",
    b"a_b",
    b"1.2.3",
    b"0x7f.1",
    b"xn--",
    b"a:",
    b"a:0",
    b"a:00080",
    b"b" * 64,
]


@pytest.fixture(scope="module")
def piece(server: ServerUnderTest, narrow: ServerUnderTest, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Something that both servers have a link to."""
    path = plain_wav(tmp_path_factory.mktemp("sound") / "a.wav", 8_000)
    for each in (server, narrow):
        answer = requests.post(f"{each.url}/v1/api/music", files={"f": ("a.wav", path.read_bytes())}, timeout=60)
        assert answer.status_code == 200, answer.text


def listed(server: ServerUnderTest, *heads: bytes, target: bytes = b"/v1/api/music", version: bytes = b"1.1") -> Answer:
    lines = b"".join(head + b"\r\n" for head in heads)
    return exchange(
        server.port, b"GET " + target + b" HTTP/" + version + b"\r\n" + lines + b"Connection: close\r\n\r\n"
    )


def assert_refused(answer: Answer, what: object) -> None:
    assert answer.status == 400, what
    assert answer.json()["code"] == 400, what
    assert answer.json()["request_id"] == answer.headers["x-request-id"], what


def host_of_link(answer: Answer) -> str:
    assert answer.status == 200
    assert {"private", "no-cache"} <= set(answer.headers["cache-control"].split(", "))
    return str(urlsplit(answer.json()["music"][0]["url"]).netloc)


@pytest.mark.usefixtures("piece")
def test_a_malformed_host_is_refused_and_others_stand_in_links_as_they_are(server: ServerUnderTest) -> None:
    for host in MALFORMED:
        assert_refused(listed(server, b"Host: " + host), host)
    for host in OTHERS:
        answer = listed(server, b"Host: " + host)
        if answer.status == 200:
            assert host_of_link(answer).lower().rstrip(":").encode() in (host.lower(), host.lower().rstrip(b":")), host
        else:
            assert_refused(answer, host)


TWICE = [
    (b"Host: a.com", b"Host: b.com"),
    (b"Host: a.com", b"Host: a.com"),
    (b"Host: a.com", b"host: b.com"),
    (b"Host : a.com",),
    (b"Host: a.com", b" b.com"),
    (),
]


@pytest.mark.usefixtures("piece")
def test_one_host_is_given_once(server: ServerUnderTest) -> None:
    for heads in TWICE:
        assert_refused(listed(server, *heads), heads)


FORWARDED = [
    b"X-Forwarded-Host: evil.com",
    b"X-Forwarded-Host: evil.com, a.com",
    b"Forwarded: host=evil.com;proto=https",
    b"X-Host: evil.com",
    b"X-Original-Host: evil.com",
    b"X-Forwarded-Server: evil.com",
    b"X-Forwarded-Proto: javascript",
    b"X-Forwarded-Port: 666",
    b"X-Forwarded-Prefix: //evil.com",
    b"X-Rewrite-URL: http://evil.com/",
    b"Referer: http://evil.com/",
    b"Origin: http://evil.com",
    b"X-Script-Name: //evil.com",
    b"Script-Name: //evil.com",
    b"X-Forwarded-Scheme: javascript",
    b"Front-End-Https: on",
]
TARGETS = [
    b"http://evil.com/v1/api/music",
    b"//evil.com/v1/api/music",
    b"https://u:p@evil.com:1/v1/api/music",
    b"/%2F/evil.com/../v1/api/music",
]


@pytest.mark.usefixtures("piece")
def test_no_other_header_and_no_address_names_the_host_of_a_link(
    server: ServerUnderTest, narrow: ServerUnderTest
) -> None:
    """The narrow one trusts what forwards to it, and has a public address, which counts before all."""
    for head in FORWARDED:
        answer = listed(server, b"Host: a.com", head)
        assert (host_of_link(answer), urlsplit(answer.json()["music"][0]["url"]).scheme) == ("a.com", "http"), head
        answer = listed(narrow, b"Host: a.com", head)
        assert answer.status == 400 or answer.json()["music"][0]["url"].startswith(f"{PUBLIC_URL}/"), head
    for target in TARGETS:
        for each in (server, narrow):
            answer = listed(each, b"Host: a.com", target=target)
            assert b"evil" not in answer.body or answer.status >= 400, target
    for version in (b"1.0", b"1.1"):
        assert listed(narrow, b"Host: evil.com", version=version).json()["music"][0]["url"].startswith(f"{PUBLIC_URL}/")


ALLOWED = ["film.example", ".studio.example", "10.0.0.7"]
NAMES = {
    "film.example": True,
    "FILM.example": True,
    "film.example:8080": True,
    "a.studio.example": True,
    "a.b.studio.example": True,
    "10.0.0.7": True,
    "10.0.0.7:1": True,
    "a.film.example": False,
    "film.example.evil.com": False,
    "evilfilm.example": False,
    "astudio.example": False,
    "film.examplex": False,
    "studio.example.evil.com": False,
    "10.0.0.70": False,
    "127.0.0.1": False,
    "localhost": False,
    "[::1]": False,
    ".studio.example": False,
    "film-example": False,
    "film.example:": None,
    "film.example.": None,
    "studio.example": None,
}


def test_allowed_hosts_are_whole_names(tmp_path: Path, redis_url: str) -> None:
    settings = make_settings(tmp_path / "data").model_copy(update={"server": ServerSettings(allowed_hosts=ALLOWED)})
    with open_services(settings, redis_url) as services:
        client = create_app(services, tmp_path).test_client()
        for path in (
            "/v1/api/projects",
            "/api/projects",
            "/v1/api/music",
            "/healthz",
            "/assets/a.png",
            "/openapi.json",
            "/nowhere",
        ):
            for name, allowed in NAMES.items():
                answer = client.get(path, headers={"Host": name})
                assert allowed is None or (answer.status_code != 400) == allowed, (path, name, answer.text[:200])


GET = b"GET / HTTP/1.1\r\nHost: a\r\n"
POST = b"POST /v1/api/projects HTTP/1.1\r\nHost: a\r\n"
BROKEN = {
    "a method that is none": b"G@T / HTTP/1.1\r\nHost: a\r\n\r\n",
    "a method of 3000 letters": b"G" * 3_000 + b" / HTTP/1.1\r\nHost: a\r\n\r\n",
    "HTTP/3": b"GET / HTTP/3.0\r\nHost: a\r\n\r\n",
    "no version": b"GET /\r\nHost: a\r\n\r\n",
    "HTTP/1.10": b"GET / HTTP/1.10\r\nHost: a\r\n\r\n",
    "HTTP/x": b"GET / HTTP/x\r\nHost: a\r\n\r\n",
    "words": b"hello there\r\n\r\n",
    "no address": b"GET  HTTP/1.1\r\nHost: a\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500) + b"\r\n\r\n",
    "SSH": b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
    "a proxy's line": b"PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a header without a colon": GET + b"nothing\r\n\r\n",
    "a header without a name": GET + b": b\r\n\r\n",
    "a blank in a name": GET + b"A B: c\r\n\r\n",
    "a blank before the colon": GET + b"A : c\r\n\r\n",
    "a folded header": GET + b"A: b\r\n c\r\n\r\n",
    "a NUL in a header": GET + b"A: b\0c\r\n\r\n",
    "a bare CR in a header": GET + b"A: b\rX: c\r\n\r\n",
    "300 headers": GET + b"A: b\r\n" * 300 + b"\r\n",
    "a header of 70 kB": GET + b"A: " + b"b" * 70_000 + b"\r\n\r\n",
    "a name of 70 kB": GET + b"a" * 70_000 + b": b\r\n\r\n",
    "two lengths": POST + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{} ",
    "lengths in one": POST + b"Content-Length: 2, 2\r\n\r\n{}",
    "a negative length": POST + b"Content-Length: -2\r\n\r\n{}",
    "a length with a plus": POST + b"Content-Length: +2\r\n\r\n{}",
    "a length with a line": POST + b"Content-Length: 1_0\r\n\r\n{}        ",
    "a length of full-width digits": POST + b"Content-Length: \xef\xbc\x92\r\n\r\n{}",
    "a length and chunks": POST + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks twice": POST + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "chunks before gzip": POST + b"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
    "chunks by another name": POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "a chunk of no size": POST + b"Transfer-Encoding: chunked\r\n\r\n\r\n{}\r\n0\r\n\r\n",
    "a chunk of a negative size": POST + b"Transfer-Encoding: chunked\r\n\r\n-2\r\n{}\r\n0\r\n\r\n",
    "a chunk of 0x2": POST + b"Transfer-Encoding: chunked\r\n\r\n0x2\r\n{}\r\n0\r\n\r\n",
    "a chunk of 1_0": POST + b"Transfer-Encoding: chunked\r\n\r\n1_0\r\n{}              \r\n0\r\n\r\n",
    "a chunk that ends late": POST + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}x\r\n0\r\n\r\n",
    "Expect: 200-ok": GET + b"Expect: 200-ok\r\n\r\n",
    "a socket that is none": GET.replace(b"/", b"/tasks/a/wss", 1)
    + b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: x\r\n\r\n",
    "an address of 300 kB": b"GET /" + b"a" * 300_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    "an address of 2 MB": b"GET /" + b"a" * 2_000_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    "an address with a NUL": b"GET /a\0b HTTP/1.1\r\nHost: a\r\n\r\n",
    "another scheme": b"GET gopher://a/x HTTP/1.1\r\nHost: a\r\n\r\n",
    "a star": b"GET * HTTP/1.1\r\nHost: a\r\n\r\n",
    "CONNECT": b"CONNECT evil.com:443 HTTP/1.1\r\nHost: evil.com:443\r\n\r\n",
    "TRACE": b"TRACE / HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n",
}


@pytest.fixture(scope="module")
def log_of(server: ServerUnderTest) -> Iterator[ServerUnderTest]:
    yield server
    assert "Traceback" not in server.lines()


@pytest.mark.parametrize("kind", BROKEN)
def test_a_head_that_is_none_is_refused_in_our_json(log_of: ServerUnderTest, kind: str) -> None:
    try:
        answer = exchange(log_of.port, BROKEN[kind])
    except (ConnectionResetError, BrokenPipeError):  # two megabytes need not be read to their end
        assert "MB" in kind
        return
    assert 400 <= answer.status < 600, (kind, answer)
    assert answer.status not in (500, 502, 503), (kind, answer)
    assert answer.json()["request_id"] == answer.headers["x-request-id"], kind
    assert answer.json()["code"] == answer.status, kind
    smuggled = answer.body.count(b"HTTP/1.1")
    assert smuggled == 0, f"{kind}: two answers"
