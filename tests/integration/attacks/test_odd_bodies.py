"""Bodies and parameters that no client of ours writes, on every route: refused in words, and never a fault of the server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import requests

from tests.support.server_process import ServerUnderTest

UNKNOWN = "no-such-id"
ROUTES = [
    "POST /v1/api/projects",
    f"PUT /v1/api/projects/{UNKNOWN}",
    f"POST /v1/api/projects/{UNKNOWN}/shots/{UNKNOWN}",
    f"POST /v1/api/projects/{UNKNOWN}/video",
    f"POST /v1/api/projects/{UNKNOWN}/tts",
    "POST /v1/api/music",
    f"POST /v1/api/tasks/{UNKNOWN}/cancel",
    f"POST /v1/api/tasks/{UNKNOWN}/retry",
    "POST /v1/api/tasks",
    "POST /v1/api/auth/login",
    "POST /v1/api/auth/refresh",
    "POST /v1/api/auth/logout",
    "POST /v1/api/webhook/task_complete",
    "POST /api/projects/create",
    f"POST /api/projects/{UNKNOWN}/compose",
    f"POST /api/projects/{UNKNOWN}/tts",
    f"POST /api/shots/{UNKNOWN}/update_prompt",
    f"POST /api/shots/{UNKNOWN}/generate_image",
    f"POST /api/shots/{UNKNOWN}/generate_video",
    "POST /api/auth/login",
    "POST /api/webhook/task_complete",
    f"DELETE /v1/api/shots/{UNKNOWN}",
    f"GET /v1/api/projects/{UNKNOWN}/tasks",
    "GET /v1/api/projects",
]
DEEP = [65, 500, 973, 3_000, 90_000]
BODIES = {
    **{f"lists {depth} deep": b'{"story_text": ' + b"[" * depth + b"]" * depth + b"}" for depth in DEEP},
    **{f"objects {depth} deep": b'{"a":' * depth + b"1" + b"}" * depth for depth in DEEP},
    **{
        f"lists of objects {depth} deep": b'{"p":' + b'[{"a":' * depth + b"1" + b"}]" * depth + b"}"
        for depth in DEEP[:4]
    },
    "behind a hundred flat ones": b'{"b":[' + b"[]," * 100 + b"[" * 400 + b"]" * 401 + b"}",
    "never closed": b'{"a":' + b"[" * 100_000,
    "closed too often": b'{"a":1' + b"}" * 1_000,
    "a list": b"[" + b"1," * 5_000 + b"1]",
    "a text": b'"' + b"x" * 5_000 + b'"',
    "a number": b"17",
    "true": b"true",
    "NaN": b'{"fps": NaN, "title": Infinity}',
    "a whole number of 5000 digits": b'{"shot_count":' + b"9" * 5_000 + b"}",
    "a negative one": b'{"page": -' + b"9" * 101 + b"}",
    "an exponent of 20 digits": b'{"duration": 1e' + b"9" * 20 + b"}",
    "half a pair": b'{"title": "\\ud800", "story_text": "a\\udfff"}',
    "half a pair in a key": b'{"\\udc00": 1}',
    "a key twice": b'{"title": "a", "title": "b"}',
    "a key twice, deep inside": b'{"parameters": {"shot": {"style": "a", "style": "b"}}}',
    "UTF-16": '{"title": "山"}'.encode("utf-16"),
    "UTF-32": '{"title": "山"}'.encode("utf-32-be"),
    "GBK": '{"title": "故事"}'.encode("gbk"),
    "overlong UTF-8": b'{"title": "\xc0\xaf\xe0\x80\xaf"}',
    "surrogates in UTF-8": b'{"title": "\xed\xa0\x80\xed\xb0\x80"}',
    "cut off in a character": '{"title": "山'.encode()[:-1],
    "a NUL behind it": b"{}\0",
    "two values": b"{} {}",
    "a comment": b"{/* a */}",
    "single quotes": b"{'title': 'a'}",
    "the last of eighty thousand keys twice": b"{"
    + b",".join(b'"k%d":1' % min(number, 79_998) for number in range(80_000))
    + b"}",
    "thirty thousand keys": b"{" + b",".join(b'"k%d":1' % number for number in range(30_000)) + b"}",
}
REFUSED = {"NaN"} | {
    name
    for name in BODIES
    if any(word in name for word in ("deep", "twice", "digits", "flat", "closed", "UTF-8", "GBK"))
}
VALUES: list[Any] = [
    None,
    True,
    [],
    {},
    [[]],
    {"a": [1]},
    0,
    -1,
    1.5,
    1e308,
    "",
    "x" * 5_000,
    "\ud83c",
    "\0",
    ["a", None],
]
KEYS = set(
    """
    story_text story title style description shot_count aspect telling prompt transition narration motion
    seed steps cfg_scale negative_prompt model shot_id duration resolution fps format mode first_seconds
    subtitles music music_level transition_seconds fit intro outro rate_control bitrate encoder export
    strict voice lang sample_rate speed tags type projectId shotId parameters username password cookie
    refresh_token task_id status result timestamp signature page page_size q
    """.split()  # noqa: SIM905 - one a line would be fifty lines
)


@pytest.fixture(scope="module")
def http() -> Iterator[requests.Session]:
    with requests.Session() as session:
        yield session


def send(http: requests.Session, server: ServerUnderTest, route: str, body: bytes, type_: str) -> requests.Response:
    method, path = route.split()
    return http.request(method, server.url + path, data=body, headers={"Content-Type": type_}, timeout=60)


def assert_told(answer: requests.Response, what: str) -> None:
    """An answer that is no fault of the server, and one that says what is wrong where something is."""
    assert answer.status_code < 500, f"{what}: {answer.status_code} {answer.text}"
    assert answer.headers["X-Request-ID"]
    if answer.status_code >= 400:
        assert answer.json()["message"], what
        assert answer.json()["request_id"] == answer.headers["X-Request-ID"], what


@pytest.mark.parametrize("route", ROUTES)
def test_no_body_of_json_is_a_fault_of_the_server(http: requests.Session, server: ServerUnderTest, route: str) -> None:
    for name, body in BODIES.items():  # on one connection, which an answer may end if it says so
        answer = send(http, server, route, body, "application/json")
        assert_told(answer, name)
        assert answer.status_code >= 400 or name not in REFUSED or route.startswith(("GET", "DELETE")), name


@pytest.mark.parametrize("route", ROUTES)
def test_no_value_of_any_type_is_a_fault_of_the_server(
    http: requests.Session, server: ServerUnderTest, route: str
) -> None:
    for value in VALUES:
        body = json.dumps(dict.fromkeys(KEYS - {"story_text", "story"}, value)).encode()
        assert_told(send(http, server, route, body, "application/json"), repr(value)[:50])


NOT_TEXT = [b"title=%FF%FE", b"title=%C0%AF", b"title=%ED%A0%80", b"title=\xb9\xca\xca\xc2", b"title=%F5%80%80%80"]


@pytest.mark.parametrize("pairs", NOT_TEXT)
def test_a_form_and_a_query_that_are_not_utf_8_are_refused(
    http: requests.Session, server: ServerUnderTest, pairs: bytes
) -> None:
    form = send(
        http,
        server,
        "POST /v1/api/projects",
        b"story_text=a&" + pairs,
        "application/x-www-form-urlencoded; charset=gbk",
    )
    assert form.status_code == 400, form.text
    assert_told(form, "form")
    if pairs.isascii():
        query = http.post(f"{server.url}/v1/api/projects?story_text=a&{pairs.decode()}", timeout=60)
        assert query.status_code == 400, query.text


def part(head: bytes, value: bytes) -> bytes:
    return b"--b\r\nContent-Disposition: form-data; " + head + b"\r\n\r\n" + value + b"\r\n"


MULTIPART = {
    "latin-1": part(b'name="title"', "é".encode("latin-1")),
    "UTF-16 by its own words": part(b'name="title"\r\nContent-Type: text/plain; charset=utf-16', "山".encode("utf-16")),
    "GBK by its own words": part(b'name="title"\r\nContent-Type: text/plain; charset=gbk', "故事".encode("gbk")),
    "half a character": part(b'name="title"', "山".encode()[:2]),
    "a surrogate": part(b'name="title"', b"\xed\xa0\x80"),
    "a name that is none": part(b'name="ti\xfftle"', b"a") + part(b'name="title"', b"\xff"),
    "base64 by its own words": part(b'name="title"\r\nContent-Transfer-Encoding: base64', b"\xff\xfe"),
}


@pytest.mark.parametrize("kind", MULTIPART)
def test_a_multipart_text_that_is_not_utf_8_is_refused(
    http: requests.Session, server: ServerUnderTest, kind: str
) -> None:
    body = part(b'name="story_text"', b"a") + MULTIPART[kind] + b"--b--\r\n"
    answer = send(http, server, "POST /v1/api/projects", body, "multipart/form-data; boundary=b")
    assert answer.status_code == 400, answer.text
    assert_told(answer, kind)


BROKEN_FORMS = {
    "no boundary": ("multipart/form-data", part(b'name="title"', b"a")),
    "an empty boundary": ('multipart/form-data; boundary=""', part(b'name="title"', b"a")),
    "a boundary of 3000 characters": (f"multipart/form-data; boundary={'b' * 3000}", b"--" + b"b" * 3000 + b"--\r\n"),
    "a boundary with a NUL": ("multipart/form-data; boundary=b%00", part(b'name="title"', b"a")),
    "no end": ("multipart/form-data; boundary=b", part(b'name="title"', b"a")[:-2]),
    "a head without an end": ("multipart/form-data; boundary=b", b"--b\r\n" + b"X: y\r\n" * 20_000),
    "ten thousand parts": ("multipart/form-data; boundary=b", part(b'name="title"', b"a") * 10_000 + b"--b--\r\n"),
    "a part in a part": (
        "multipart/form-data; boundary=b",
        part(b'name="a"\r\nContent-Type: multipart/mixed; boundary=c', b"--c\r\n\r\n--c--"),
    ),
    "only its end": ("multipart/form-data; boundary=b", b"--b--\r\n"),
    "a thousand bare line ends": ("multipart/form-data; boundary=b", b"\r\n" * 1_000),
}


@pytest.mark.parametrize("kind", BROKEN_FORMS)
@pytest.mark.parametrize("route", ["POST /v1/api/projects", "POST /v1/api/music", "POST /api/projects/create"])
def test_a_broken_form_is_told(http: requests.Session, server: ServerUnderTest, route: str, kind: str) -> None:
    type_, body = BROKEN_FORMS[kind]
    answer = send(http, server, route, body, type_)
    assert answer.status_code >= 400, answer.text
    assert_told(answer, kind)


NO_NUMBERS = [
    "1__0",
    "_10",
    "10_",
    "１０",
    "٣",
    "१०",
    "+10",
    "1e1",
    "1E1",
    "0x10",
    "0b1",
    "0o7",
    "inf",
    "-inf",
    "nan",
    "NaN",
    "Infinity",
    "1,000",
    "Ⅷ",
    "²",
    "五",
    "1 0",
    "--1",
    "- 1",
    "1.2.3",
    "1..",
    "10px",
    "10\0",
    "1\u200b0",
    "\u202e01",
    "1'000",
    "½",
    "true",
    "9" * 200,
]
WHERE = [
    ("POST", "/v1/api/projects", "shot_count"), ("GET", "/v1/api/projects", "page"), ("GET", "/v1/api/projects", "page_size"),
    ("POST", "/api/projects/create", "shot_count"), ("GET", "/api/projects", "page"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "name"), WHERE)
def test_what_python_takes_for_a_number_is_none(
    http: requests.Session, server: ServerUnderTest, method: str, path: str, name: str
) -> None:
    more = {"story_text": "a"} if method == "POST" else {}
    for text in NO_NUMBERS:
        answer = http.request(method, server.url + path, params={**more, name: text}, timeout=60)
        assert (answer.status_code, answer.json().get("field", name)) == (400, name), f"{text!r}: {answer.text}"
    for value in ("true", "[3]", '{"a": 3}', "3.5", "1e400", "-1e400", "1" * 90):
        body = json.dumps({**more, name: 0}).replace(": 0", f": {value}").encode()
        answer = send(http, server, f"{method} {path}", body, "application/json")
        assert answer.status_code == 400, f"{value!r}: {answer.text}"


NAMES = [
    "\r\n2026-01-01 00:00:00,000 ERROR main: all is lost",
    "\x1b[2J\x1b]0;t\x07",
    "\u2028x",
    "\u2029x",
    "\x85x",
    "\x9b31m",
    "\x0b\x0c\x1c\x1d\x1e",
    "\u202e\u2066x",
    "\x7f\x08\x08",
    "a\0b",
    "\ue0001x",
    "\U000e0041",
    "../../../etc/passwd",
    "C:\\x\\y.mp3",
    "..",
    ".",
    "a" * 3_000,
    "%s%n{0}",
    "",
]


def test_no_name_of_a_file_address_or_user_writes_a_line_of_the_log(
    http: requests.Session, server: ServerUnderTest, tmp_path: Path
) -> None:
    before = server.log.stat().st_size
    for name in NAMES:
        quoted = quote(name, safe="")
        assert_told(http.post(f"{server.url}/v1/api/music", files={"f": (name or "x", b"no sound")}, timeout=60), name)
        assert_told(http.get(f"{server.url}/v1/api/tasks/{quoted}", timeout=60), name) if name not in (
            "",
            ".",
            "..",
        ) else None
        assert_told(http.get(f"{server.url}/assets/{quoted}?expires=1&signature={quoted}", timeout=60), name)
        assert_told(
            http.post(f"{server.url}/v1/api/auth/login", json={"username": name, "password": name}, timeout=60), name
        )
        assert_told(http.get(f"{server.url}/v1/api/projects", params={"q": name, "token": name}, timeout=60), name)
    log = server.log.read_bytes()[before:].decode()
    lines = log.split("\n")[:-1]
    assert all(line[:2] == "20" for line in lines), [line for line in lines if line[:2] != "20"][:3]
    assert "all is lost" not in {line.partition("main: ")[2] for line in lines}
    assert not {character for line in lines for character in line if not character.isprintable() and character != " "}
