"""ZIPs of stories: what people send is taken, GBK and all; what is hostile is refused as a whole, and nothing is made of it."""

from __future__ import annotations

import io
import json
import stat
import struct
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from config.settings import AuthSettings, LimitsSettings
from routers.app import create_app
from service.access import accounts
from service.container import Services
from tests.support.openapi import CheckedClient
from tests.support.web_app import make_settings, open_services

V1 = "/v1/api"
STORY = "从前有一只狐狸。它住在森林里。"
ZIP, LINES = "application/zip", "application/x-ndjson"


@pytest.fixture
def services(tmp_path: Path, redis_url: str) -> Iterator[Services]:
    with open_services(make_settings(tmp_path / "data"), redis_url) as parts:
        yield parts


@pytest.fixture
def client(services: Services) -> FlaskClient:
    app = create_app(services)
    app.test_client_class = CheckedClient
    return app.test_client()


def send(client: FlaskClient, body: bytes, kind: str = ZIP, **sent: Any) -> TestResponse:
    return client.post(f"{V1}/projects/batch", data=body, content_type=kind, **sent)


def results(answer: TestResponse) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    found = answer.get_json()["results"]
    assert [result["index"] for result in found] == list(range(len(found)))
    return list(found)


def made(client: FlaskClient) -> list[str]:
    """The titles of what there is, oldest first."""
    return [item["title"] for item in client.get(f"{V1}/projects?page_size=100").get_json()["items"]][::-1]


def zipped(*files: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        for name, content in files:
            archive.writestr(name, content)
    return packed.getvalue()


def by_hand(*files: dict[str, Any], end: dict[str, Any] | None = None) -> bytes:
    """A ZIP whose every field may lie. Of each file `name` and `content`, and what its headers say otherwise than they should."""
    body, directory = bytearray(), bytearray()
    for file in files:
        content = file.get("content", STORY.encode())
        squeezer = zlib.compressobj(9, zlib.DEFLATED, -15)
        packed = content if file.get("method", 8) == 0 else squeezer.compress(content) + squeezer.flush()
        name = file.get("name", b"a.txt")
        said = {"flags": 0, "method": 8, "crc": zlib.crc32(content), "packed": len(packed), "size": len(content)} | file
        own = said | file.get("local", {})
        at = file.get("offset", len(body))
        fields = [20, said["flags"], said["method"], 0, 0, said["crc"], said["packed"], said["size"], len(name)]
        local = [20, own["flags"], own["method"], 0, 0, own["crc"], own["packed"], own["size"], len(name)]
        body += struct.pack("<4s5H3L2H", b"PK\3\4", *local, 0) + name + packed
        attributes = file.get("mode", 0) << 16
        extra = file.get("extra", b"")
        directory += struct.pack("<4s6H3L5H2L", b"PK\1\2", 0x314, *fields, len(extra), 0, 0, 0, attributes, at)
        directory += name + extra
    told: dict[str, Any] = {"count": len(files), "size": len(directory), "offset": len(body), "disk": 0}
    told |= end or {}
    here = told.get("here", told["count"])
    last = struct.pack("<4s4H2LH", b"PK\5\6", told["disk"], 0, here, told["count"], told["size"], told["offset"], 0)
    return bytes(body + directory + told.get("before_end", b"") + last)


def test_what_people_pack_is_taken_with_their_names(client: FlaskClient) -> None:
    gbk = {"name": "狐狸.txt".encode("gbk"), "content": STORY.encode("gbk"), "flags": 0}
    utf8 = {"name": "集/兔子.md".encode(), "content": b"\xef\xbb\xbf" + STORY.encode(), "flags": 1 << 11}
    utf16 = {"name": b"Fox.TXT", "content": STORY.encode("utf-16")}
    late = {"name": b"late.txt", "flags": 8, "local": {"crc": 0, "packed": 0, "size": 0}}
    told = b"\1" + zlib.crc32(b"x.txt").to_bytes(4, "little") + "名.txt".encode()
    named = {"name": b"x.txt", "extra": struct.pack("<2H", 0x7075, len(told)) + told}
    stored = {"name": b"s.txt", "method": 0}
    folder = {"name": b"a/", "content": b"", "method": 0, "mode": stat.S_IFDIR}
    left = [{"name": name, "content": b"x"} for name in (b"__MACOSX/._a.txt", b".DS_Store", b"a/Thumbs.db")]
    found = results(send(client, by_hand(gbk, utf8, utf16, late, named, stored, folder, *left)))
    assert [result["status"] for result in found] == [200] * 6
    assert [result["name"] for result in found][:2] == ["狐狸.txt", "集/兔子.md"]
    assert made(client) == ["狐狸", "兔子", "Fox", "late", "名", "s"]
    for result in found:
        project = client.get(f"{V1}/projects/{result['project_id']}").get_json()["project_detail"]
        assert project["storyText"] == STORY
    assert len(results(send(client, zipped(("b.txt", STORY.encode()))))) == 1


def test_one_bad_story_stops_no_other_and_the_query_holds_for_all(client: FlaskClient) -> None:
    lines = [
        {"StoryText": STORY, "title": "一", "style": "油画", "ShotCount": 1},
        {"story_text": " "},
        {"story_text": STORY, "aspect": "2:1"},
        {"story_text": STORY, "Title": "二", "film": {"mode": "preview"}},
    ]
    body = "\n".join([*(json.dumps(line, ensure_ascii=False) for line in lines), "{", "", "[]"])
    answer = send(client, body.encode("gbk"), LINES, query_string={"style": "水墨", "film": "{}"})
    found = results(answer)
    assert [result["status"] for result in found] == [200, 400, 400, 200, 400, 400]
    assert [result.get("field") for result in found] == [None, "story_text", "aspect", None, "body", "body"]
    assert [result["name"] for result in found][:4] == ["一", "", "", "二"]
    assert made(client) == ["一", "二"]
    styles, modes = [], []
    for result in (found[0], found[3]):
        styles.append(client.get(f"{V1}/projects/{result['project_id']}").get_json()["project_detail"]["style"])
        film = client.get(f"{V1}/tasks/{result['film_task_id']}").get_json()["task"]
        modes.append(film["parameters"]["film"]["mode"])
    assert (styles, modes) == (["油画", "水墨"], ["final", "preview"])
    texts = zipped(("a.txt", b"\xff\xff\xff"), ("b.png", b"x"), ("c.txt", b""), ("d.txt", STORY.encode()))
    assert [result["status"] for result in results(send(client, texts))] == [400, 400, 400, 200]


def test_the_limits_on_requests_and_stories_count_each_of_them(tmp_path: Path, redis_url: str) -> None:
    settings = make_settings(tmp_path / "closed").model_copy(
        update={
            "auth": AuthSettings(required="true", secret="x" * 40),
            "limits": LimitsSettings(expensive="4/minute", stories_per_day=2),
        }
    )
    with open_services(settings, redis_url) as services:
        accounts.add(services.database, "alice", "correct horse", admin=False, now=services.clock.now())
        client = create_app(services).test_client()
        login = client.post(f"{V1}/auth/login", json={"username": "alice", "password": "correct horse"}).get_json()
        bearer = {"Authorization": f"Bearer {login['access_token']}"}
        line = json.dumps({"story_text": STORY, "shot_count": 1})
        answer = send(client, "\n".join([line] * 6).encode(), LINES, headers=bearer)
        found = results(answer)
        assert [result["status"] for result in found] == [200, 200, 429, 429, 429, 429]
        assert ["今日" in result.get("error", "") for result in found] == [False, False, True, True, False, False]
        assert client.get(f"{V1}/projects", headers=bearer).get_json()["total"] == 2
        assert send(client, line.encode(), LINES, headers=bearer).status_code == 429


def test_under_a_key_each_story_is_made_once(client: FlaskClient) -> None:
    lines = "\n".join(
        json.dumps({"story_text": text, "shot_count": 1}, ensure_ascii=False) for text in (STORY, " ", "另一个。")
    )
    key = {"Idempotency-Key": "k"}
    first = results(send(client, lines.encode(), LINES, headers=key))
    assert results(send(client, lines.encode(), LINES, headers=key)) == first
    assert len(made(client)) == 2
    other = lines.replace("另一个。", "第三个。")
    assert send(client, other.encode(), LINES, headers=key).status_code == 422
    assert len(made(client)) == 2


def _overlapping() -> bytes:
    """Two entries over the same bytes."""
    whole = {"name": b"a.txt"}
    return by_hand(whole, {"name": b"a.txt", "offset": 0})


def _quoted() -> bytes:
    """One entry whose data holds another's header (Fifield)."""
    inner = by_hand({"name": b"b.txt", "method": 0})
    length = 30 + 5 + len(STORY.encode())
    outer = {"name": b"a.txt", "method": 0, "content": inner[:length]}
    return by_hand(outer, {"name": b"b.txt", "method": 0, "offset": 30 + 5})


def _doubled_name() -> bytes:
    return by_hand({"name": b"a.txt"}, {"name": b"a.txt"})


ZIP64 = struct.pack("<4sLQL", b"PK\6\7", 0, 0, 1)
TEXT = STORY.encode()
HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "nothing": (lambda: b"", "不是 ZIP"),
    "noise": (lambda: b"PK\5\6" + b"x" * 40, ""),
    "no entries": (by_hand, "没有收到故事"),
    "cut off": (lambda: zipped(("a.txt", TEXT))[:-3], ""),
    "its head cut off": (lambda: zipped(("a.txt", TEXT))[3:], ""),
    "something behind it": (lambda: zipped(("a.txt", TEXT)) + b"x", "多余"),
    "bomb": (lambda: zipped(("a.txt", b"a" * (20 << 20))), "压缩比"),
    "bomb that tells a small size": (lambda: by_hand({"content": b"a" * (20 << 20), "size": 100}), "大小与声明不符"),
    "larger than it tells": (lambda: by_hand({"size": len(TEXT) - 1}), "与声明不符"),
    "smaller than it tells": (lambda: by_hand({"size": len(TEXT) + 1}), "与声明不符"),
    "stored, and larger than it tells": (lambda: by_hand({"method": 0, "size": 1}), "大小与声明不符"),
    "too much in all": (
        lambda: by_hand(*({"name": b"%d.txt" % n, "method": 0, "content": bytes(4_200_000)} for n in range(8))),
        "32 MiB",
    ),
    "much in all, by what it tells": (
        lambda: by_hand(*({"name": b"%d.txt" % n, "packed": 1 << 20, "size": 9 << 20} for n in range(9))),
        "",
    ),
    "another check sum": (lambda: by_hand({"crc": 1}), "与声明不符"),
    "another header inside": (lambda: by_hand({"local": {"size": 1}}), "文件头与目录不符"),
    "another method inside": (lambda: by_hand({"local": {"method": 0}}), "文件头与目录不符"),
    "overlapping entries": (_overlapping, "重叠"),
    "an entry within another": (_quoted, "重叠"),
    "an entry over the directory": (lambda: by_hand({"method": 0, "packed": 400, "size": 400}), "重叠"),
    "an entry far away": (lambda: by_hand({"offset": 1 << 30}), "不完整"),
    "a name twice": (_doubled_name, "重名"),
    "a name twice, spelt otherwise": (lambda: by_hand({"name": b"a/b.txt"}, {"name": b"a\\b.txt"}), "重名"),
    "NUL in a name": (lambda: by_hand({"name": b"a\0.txt"}), "文件名无效"),
    "no name": (lambda: by_hand({"name": b""}), "文件名无效"),
    "a name in no encoding": (lambda: by_hand({"name": b"\xff\xff.txt"}), "无法识别"),
    "a name that lies about UTF-8": (lambda: by_hand({"name": "狐".encode("gbk"), "flags": 1 << 11}), "无法识别"),
    "absolute": (lambda: by_hand({"name": b"/etc/a.txt"}), "绝对路径"),
    "absolute on Windows": (lambda: by_hand({"name": b"C:\\a.txt"}), "绝对路径"),
    "on another's share": (lambda: by_hand({"name": b"\\\\host\\a.txt"}), "绝对路径"),
    "out of the folder": (lambda: by_hand({"name": b"a/../../a.txt"}), ".."),
    "out of the folder on Windows": (lambda: by_hand({"name": b"..\\a.txt"}), ".."),
    "a link": (lambda: by_hand({"mode": stat.S_IFLNK | 0o777}), "链接"),
    "a device": (lambda: by_hand({"mode": stat.S_IFCHR}), "链接"),
    "encrypted": (lambda: by_hand({"flags": 1}), "加密"),
    "strongly encrypted": (lambda: by_hand({"flags": 1 << 6}), "加密"),
    "another method": (lambda: zipped(("a.txt", TEXT), method=zipfile.ZIP_LZMA), "压缩方式"),
    "a ZIP within": (lambda: zipped(("a.zip", TEXT)), "又有压缩文件"),
    "a ZIP within, by another name": (lambda: zipped(("a.txt", zipped(("b.txt", TEXT)))), "又有压缩文件"),
    "gzip within, by another name": (lambda: zipped(("a.txt", b"\x1f\x8b\x08")), "又有压缩文件"),
    "tar within, by another name": (lambda: zipped(("a.txt", b"x" * 257 + b"ustar")), "又有压缩文件"),
    "101 stories": (lambda: zipped(*((f"{n}.txt", TEXT) for n in range(101))), "最多 100 个"),
    "100,001 entries": (lambda: zipped(*((f"{n}/", b"") for n in range(100_001))), ""),
    "100,001 entries, by what it tells 1": (
        lambda: by_hand(*({"name": b"%d" % n, "content": b"", "method": 0} for n in range(100_001)), end={"count": 1}),
        "与声明不符",
    ),
    "fewer entries than it tells": (lambda: by_hand({}, end={"count": 2}), ""),
    "another number of entries here": (lambda: by_hand({}, end={"here": 2}), "分卷"),
    "a second disk": (lambda: by_hand({}, end={"disk": 1}), "分卷"),
    "a directory elsewhere": (lambda: by_hand({}, end={"offset": 0}), "位置"),
    "a directory of 4 GiB": (lambda: by_hand({}, end={"size": 0xFFFFFFFE}), "位置"),
    "ZIP64 by its count": (lambda: by_hand({}, end={"count": 0xFFFF}), "ZIP64"),
    "ZIP64 by its offset": (lambda: by_hand({}, end={"offset": 0xFFFFFFFF}), "ZIP64"),
    "ZIP64 by its locator": (lambda: by_hand({}, end={"before_end": ZIP64}), "ZIP64"),
    "ZIP64 by an entry's size": (lambda: by_hand({"size": 0xFFFFFFFF}), "ZIP64"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_zip_is_refused_as_a_whole(client: FlaskClient, name: str) -> None:
    make, word = HOSTILE[name]
    good = {"name": b"good.txt"}
    assert results(send(client, by_hand(good)))[0]["status"] == 200
    answer = send(client, make())
    assert (answer.status_code, answer.get_json()["field"]) == (400, "body"), answer.text
    assert word in answer.get_json()["error"]
    assert made(client) == ["good"]


def test_refusing_a_bomb_costs_little(client: FlaskClient) -> None:
    """No more comes out than it was said to hold."""
    bomb = by_hand({"content": bytes(200 << 20), "size": 100_000})
    tracemalloc.start()
    try:
        answer = send(client, bomb)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert answer.status_code == 400
    assert peak < 16 << 20


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"x", "text/plain", 415),
        (b"x", "application/json", 415),
        (b"", LINES, 400),
        (b"\n \n", LINES, 400),
        (b"{}\n" * 101, LINES, 400),
        (b"\xff\xff", LINES, 400),
        (b"x" * (34 << 20), ZIP, 413),
        (b" " * (34 << 20), LINES, 413),
    ],
    ids=["text", "json", "nothing", "blanks", "101", "noise", "long zip", "long lines"],
)
def test_what_is_no_batch_is_refused(client: FlaskClient, body: bytes, kind: str, status: int) -> None:
    assert send(client, body, kind).status_code == status
    assert made(client) == []
