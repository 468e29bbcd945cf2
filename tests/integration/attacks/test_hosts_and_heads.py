"""Names, numbers and heads that lie."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest
import requests

from tests.integration.attacks.conftest import PUBLIC_URL
from tests.integration.attacks.raw_http import PATIENCE_S, Answer, exchange
from tests.support.node.scripts import wav
from tests.support.server_process import ServerUnderTest

MALFORMED = [
    "a@evil.example",
    "evil.example:80:80",
    "evil.example:99999",
    "evil.example:-1",
    "evil.example:٨٠",
    "[::1",
    "::1]",
    "[::g]",
    "a b",
    "evil.example/../a",
    "evil.example#a",
    "evil.example?a",
    "evil.example\\a",
    "evil.example,film.example",
    "..",
    "a..b",
    ".",
    "a%00b",
    "a\tb",
    "evil.example:",
    '"><script>',
    "a" * 300,
]
FORWARDED = {
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Server": "evil.example",
    "Forwarded": "host=evil.example;proto=http;for=1.2.3.4",
    "X-Host": "evil.example",
    "X-Original-Host": "evil.example",
    "X-Forwarded-Port": "6666",
    "X-Forwarded-Prefix": "//evil.example",
    "X-Script-Name": "//evil.example",
    "Script-Name": "//evil.example",
}


def get(port: int, path: str, *headers: str, version: str = "1.1") -> Answer:
    """A GET with these lines alone."""
    lines = [f"GET {path} HTTP/{version}", *headers, "Connection: close", "", ""]
    return exchange(port, "\r\n".join(lines).encode("utf-8"))


@pytest.fixture(scope="module")
def _music(server: ServerUnderTest, narrow: ServerUnderTest) -> None:
    """A piece on either, so that there is a link."""
    for each in (server, narrow):
        answer = requests.post(f"{each.url}/v1/api/music", files={"f": ("a.wav", wav())}, timeout=PATIENCE_S)
        assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("host", MALFORMED)
def test_a_malformed_host_is_refused_in_our_words(server: ServerUnderTest, host: str) -> None:
    answer = get(server.port, "/v1/api/health", f"Host: {host}")

    assert answer.status == 400
    assert answer.json()["code"] == 400
    assert answer.json()["request_id"]


@pytest.mark.usefixtures("_music")
@pytest.mark.parametrize("name", FORWARDED)
def test_links_follow_no_header_of_a_stranger(server: ServerUnderTest, name: str) -> None:
    answer = get(server.port, "/v1/api/music", "Host: film.example", f"{name}: {FORWARDED[name]}")

    piece = answer.json()["music"][0]
    assert piece["url"].startswith("http://film.example/assets/")


@pytest.mark.usefixtures("_music")
@pytest.mark.parametrize(
    "lines",
    [
        ("/v1/api/music", "Host: evil.example"),
        ("/v1/api/music", "Host: a", "X-Forwarded-Host: evil.example", "X-Forwarded-Proto: javascript"),
        ("/v1/api/music", "Host: a", "Forwarded: host=evil.example"),
        ("http://evil.example/v1/api/music", "Host: a"),
        ("//evil.example/v1/api/music", "Host: a"),
        ("/v1/api/music", "Host: a", "X-Forwarded-Prefix: /evil", "X-Forwarded-Port: 6666"),
        ("/v1/api/music", "Host: a", "Host: evil.example"),
    ],
)
def test_with_a_public_address_no_link_follows_the_request(narrow: ServerUnderTest, lines: tuple[str, ...]) -> None:
    answer = get(narrow.port, *lines)

    assert b"evil" not in answer.body.replace(lines[0].encode(), b"")
    if answer.status == 200:
        piece = answer.json()["music"][0]
        assert piece["url"].startswith(f"{PUBLIC_URL}/assets/")


@pytest.mark.parametrize(
    "headers",
    [
        ("Host: a", "Host: evil.example"),
        (),
        ("Host:",),
        ("Host: a", "host : evil.example"),
        ("Host: a\r\n evil.example",),
    ],
)
def test_not_exactly_one_host_is_refused(server: ServerUnderTest, headers: tuple[str, ...]) -> None:
    assert get(server.port, "/v1/api/health", *headers).status == 400


NUMBERS = [
    "１",
    "²",
    "٣",
    "Ⅷ",
    "一",
    "1e0",
    "0x1",
    "0b1",
    "1_0",
    "+1",
    "1,0",
    "1\u00a0",
    "\u200b1",
    "NaN",
    "Infinity",
    "-",
    "--1",
    ".",
    "1.",
    "1.5",
    "𝟙",
    "1\x00",
    "1" * 4000,
]


@pytest.mark.parametrize("number", NUMBERS)
def test_what_only_looks_like_a_number_is_refused(server: ServerUnderTest, number: str) -> None:
    for page in (number, number + "\n"):
        answer = requests.get(f"{server.url}/v1/api/projects?page={quote(page)}", timeout=PATIENCE_S)
        assert answer.status_code == 400, (page, answer.text)
        assert answer.json()["field"] == "page"


@pytest.mark.parametrize(
    "number",
    ['"１"', '"1e0"', "true", "1.5", "[1]", '{"a": 1}', "1e400", "-1e400", "NaN", "-Infinity", '"1_0"', "1e1000000000"],
)
def test_a_body_with_no_number_is_refused(server: ServerUnderTest, number: str) -> None:
    body = f'{{"story_text": "a", "shot_count": {number}}}'.encode()
    answer = requests.post(
        f"{server.url}/v1/api/projects", data=body, headers={"Content-Type": "application/json"}, timeout=PATIENCE_S
    )
    assert answer.status_code == 400, answer.text


HEADS = {
    "a version of its own": b"GET / HTTP/9.9\r\nHost: a\r\n\r\n",
    "no version": b"GET /v1/api/health\r\nHost: a\r\n\r\n",
    "a method of small letters and signs": b"g(t / HTTP/1.1\r\nHost: a\r\n\r\n",
    "a header without a colon": b"GET / HTTP/1.1\r\nHost: a\r\nnonsense\r\n\r\n",
    "a header with a blank in its name": b"GET / HTTP/1.1\r\nHost: a\r\nX Y: 1\r\n\r\n",
    "a NUL in a value": b"GET / HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n",
    "a bare CR in a value": b"GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n",
    "two lengths": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "a length and chunks": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a length of signs": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +4\r\n\r\nabcd",
    "a length of other digits": "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ４\r\n\r\nabcd".encode(),
    "a folded header": b"GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n",
    "a header over the limit": b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 70_000 + b"\r\n\r\n",
    "300 headers": b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: a\r\n" * 300 + b"\r\n",
    "a line over the limit": b"GET /" + b"a" * 300_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    "a wrong size of a chunk": b"POST /v1/api/projects HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
    b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    "an encoding of its own": b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, zip\r\n\r\n",
    "a hello of TLS": b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n",
    "a host within the method": b"CONNECT evil.example:443 HTTP/1.1\r\nHost: a\r\n\r\n",
}


@pytest.mark.parametrize("kind", HEADS)
def test_what_is_no_http_is_refused_as_json_with_a_request_id(server: ServerUnderTest, kind: str) -> None:
    answer = exchange(server.port, HEADS[kind])

    assert 400 <= answer.status < 600, answer
    assert answer.status != 500
    said = answer.json()
    assert said["code"] == answer.status
    assert said["request_id"]
    assert said["request_id"] == answer.headers["x-request-id"]


@pytest.mark.parametrize(
    "raw", [b"\xff\xfe\x00A", b"\xc0\xaf", b"\xed\xa0\x80", b"caf\xe9", b"\xf4\x90\x80\x80", b"+AGE-\x80"]
)
def test_a_form_whose_text_is_not_utf_8_is_refused(server: ServerUnderTest, raw: bytes) -> None:
    for kind in (
        b"",
        b"Content-Type: text/plain; charset=utf-16\r\n",
        b"Content-Type: text/plain; charset=latin-1\r\n",
    ):
        body = b'--b\r\nContent-Disposition: form-data; name="story_text"\r\n' + kind + b"\r\n" + raw + b"\r\n--b--\r\n"
        answer = requests.post(
            f"{server.url}/v1/api/projects",
            data=body,
            headers={"Content-Type": "multipart/form-data; boundary=b"},
            timeout=PATIENCE_S,
        )
        assert answer.status_code == 400, answer.text


@pytest.mark.usefixtures("_music")
def test_nothing_in_the_data_folder_is_open_to_others(server: ServerUnderTest) -> None:
    data = server.folder / "data"
    open_to_others = [
        f"{path.relative_to(data)} {stat.filemode(path.lstat().st_mode)}"
        for path in [data, *data.rglob("*")]
        if not path.is_symlink() and path.lstat().st_mode & 0o077
    ]
    assert open_to_others == []


NESTED: dict[str, Callable[[int], str]] = {
    "lists": lambda depth: "[" * depth + "]" * depth,
    "objects": lambda depth: '{"a":' * depth + "1" + "}" * depth,
    "both in turn": lambda depth: '[{"a":' * depth + "1" + "}]" * depth,
    "lists that are not closed": lambda depth: "[" * depth,
    "blanks between": lambda depth: "[ \n" * depth + "]" * depth,
}
ROUTES = [
    ("POST", "/v1/api/projects"),
    ("PUT", "/v1/api/projects/x"),
    ("POST", "/v1/api/projects/x/video"),
    ("POST", "/v1/api/projects/x/tts"),
    ("POST", "/v1/api/projects/x/shots/y"),
    ("POST", "/v1/api/tasks"),
    ("POST", "/v1/api/tasks/x/cancel"),
    ("POST", "/v1/api/webhook/task_complete"),
    ("GET", "/v1/api/projects"),
]


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_deep_json_is_a_fault_of_the_request_everywhere(server: ServerUnderTest, method: str, path: str) -> None:
    for kind, nest in NESTED.items():
        for depth in (65, 990, 100_000):
            answer = requests.request(
                method,
                f"{server.url}{path}",
                data=f'{{"shot": {nest(depth)}}}',
                headers={"Content-Type": "application/json"},
                timeout=PATIENCE_S,
            )
            assert 400 <= answer.status_code < 500, (kind, depth, answer.text)


@pytest.mark.parametrize("name", ["../../x", "x\x00.png", "a" * 5000, "C:\\x"])
def test_messages_hold_no_path_of_the_server(server: ServerUnderTest, name: str) -> None:
    folders = {str(server.folder), str(Path.cwd()), str(Path.home()), "/tmp/", "site-packages"}
    for path in ("/assets/", "/static/", "/v1/api/projects/", "/v1/api/tasks/"):
        for form in (name, quote(name, safe=""), quote(quote(name, safe=""), safe="")):
            answer = get(server.port, f"{path}{form}".replace("\x00", "%00"), "Host: a")
            assert answer.status in (400, 403, 404, 414), answer
            assert not [folder for folder in folders if folder.encode() in answer.body]
    refused = requests.post(
        f"{server.url}/v1/api/music", files={"f": (f"/tmp/{name}.wav", b"RIFF0000WAVEnothing")}, timeout=PATIENCE_S
    )
    assert refused.status_code == 400
    assert not [folder for folder in folders if folder in refused.text]
