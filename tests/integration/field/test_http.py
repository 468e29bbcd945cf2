"""Clients and model nodes as they come: states in many words, compressed bodies, names in many charsets, sockets with subprotocols."""

from __future__ import annotations

import gzip
import io
import json
import socket
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import websocket
from flask import Flask
from flask.testing import FlaskClient

from config.settings import Settings
from routers.app import create_app
from service.container import Services
from service.node.client import NodeClient
from service.node.interface import Job, JobState
from tests.integration.routers.test_files import V1, tone
from tests.support.node.server import Node
from tests.support.web_app import HEAR_S, hear, make_settings, new_task, open_services, serving

STORY = {"Title": "猫", "StoryText": "小猫出门了。" * 20, "ShotCount": 1}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return make_settings(tmp_path / "data")


@pytest.fixture
def services(settings: Settings, redis_url: str) -> Iterator[Services]:
    with open_services(settings, redis_url) as parts:
        yield parts


@pytest.fixture
def app(services: Services) -> Flask:
    return create_app(services)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def node() -> Iterator[Node]:
    with Node() as started:
        yield started


# The words of model nodes.

RESULT = {"resource_url": "/files/a.png"}
WORDS: list[tuple[dict[str, Any], JobState]] = [
    ({"status": "SUCCESS"}, JobState.SUCCEEDED),  # Celery
    ({"status": "STARTED"}, JobState.WAITING),
    ({"status": "RETRY"}, JobState.WAITING),
    ({"status": "REVOKED"}, JobState.FAILED),
    ({"status": "FAILURE", "error": "x"}, JobState.FAILED),
    ({"status": "in_progress"}, JobState.WAITING),  # OpenAI
    ({"status": "Completed"}, JobState.SUCCEEDED),
    ({"status": "starting"}, JobState.WAITING),  # Replicate
    ({"status": "canceled"}, JobState.CANCELLED),
    ({"status": "succeed"}, JobState.SUCCEEDED),  # Kling
    ({"status": " Done "}, JobState.SUCCEEDED),
    ({"status": "COMPLETE"}, JobState.SUCCEEDED),
    ({"status": "Timeout"}, JobState.FAILED),
    ({"status": "EXPIRED"}, JobState.FAILED),
    ({"status": "ready", "result": {}}, JobState.WAITING),
    ({"status": "READY"}, JobState.SUCCEEDED),
    ({"status": "ok"}, JobState.SUCCEEDED),
    ({"status": "fail"}, JobState.FAILED),
    ({"status": "IN_QUEUE"}, JobState.WAITING),
    ({"status": "timed_out"}, JobState.FAILED),
    ({"status": "aborted"}, JobState.FAILED),
    ({"status": "terminated"}, JobState.FAILED),
    ({"status": {"status_str": "success", "completed": True}}, JobState.SUCCEEDED),
    ({"status": "已完成"}, JobState.SUCCEEDED),
    ({"status": "失败"}, JobState.FAILED),
    ({"status": "排队中"}, JobState.WAITING),
    ({"status": "2"}, JobState.WAITING),
    ({"status": "stopped"}, JobState.WAITING),
    ({"status": "task_succeeded"}, JobState.WAITING),
]


@pytest.mark.parametrize(("said", "state"), WORDS, ids=str)
def test_a_nodes_word_for_a_state_is_understood(node: Node, said: dict[str, Any], state: JobState) -> None:
    node.routes["GET"] = lambda exchange: exchange.json({"id": "j1", "progress": 50, "result": RESULT, **said})
    found = NodeClient(node.addr).job("j1").state
    ended = (JobState.FAILED, JobState.CANCELLED)
    assert found is state or (found in ended and state in ended), found


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"detail": "16 kHz only"}, "16 kHz only"),
        ({"fail_reason": "含有敏感词"}, "含有敏感词"),
        ({"errors": ["a", "b"]}, '["a", "b"]'),
        ({"error": {"code": 1, "message": "显存不足"}}, "显存不足"),
        ({"traceback": "Traceback (most recent call last):\n  File x\nRuntimeError: boom\n"}, "RuntimeError: boom"),
    ],
)
def test_a_failed_jobs_reason_is_found_by_the_names_in_use(node: Node, said: dict[str, Any], reason: str) -> None:
    node.routes["GET"] = lambda exchange: exchange.json({"id": "j1", "status": "failed", **said})
    assert NodeClient(node.addr).job("j1").error == reason


@pytest.mark.parametrize(
    ("scene", "spoken", "painted"),
    [
        ({"text": "下雨了。", "image_prompt": "rain"}, "下雨了。", "rain"),
        ({"description": "rain", "voiceover": "下雨了。"}, "下雨了。", "rain"),
        ({"画面": "rain", "文案": "下雨了。"}, "下雨了。", "rain"),
        ({"prompt": "rain", "text": "RAIN", "narration": "下雨了。"}, "下雨了。", "rain"),
        ({"prompt": "rain", "dialogue": [{"role": "狐", "text": "你好"}], "description": "x"}, "你好", "rain"),
    ],
)
def test_a_scenes_words_are_found_by_the_names_in_use(
    node: Node, scene: dict[str, Any], spoken: str, painted: str
) -> None:
    node.serve("/s.json", json.dumps({"scenes": [scene]}).encode())
    job = Job("j1", JobState.SUCCEEDED, result={"resource_url": "/s.json"})
    [found] = NodeClient(node.addr).storyboard(job)
    assert (found.narration, found.prompt) == (spoken, painted)


BOARD = '[{"title":"夜","prompt":"rain","narration":"下雨了。"}]'
WRITTEN = {
    "a mark of the byte order": b"\xef\xbb\xbf" + BOARD.encode(),
    "GBK": BOARD.encode("gbk"),
    "as Python prints it": BOARD.replace('"', "'").encode(),
    "a comment": BOARD.replace("[{", "[// one\n{").encode(),
    "a text that is JSON": json.dumps(BOARD).encode(),
    "prose around it": f"好的，以下是分镜：\n{BOARD}\n希望你喜欢！".encode(),
    "as a chat answers": json.dumps({"choices": [{"message": {"content": f"```json\n{BOARD}\n```"}}]}).encode(),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_a_storyboard_is_read_however_a_program_wrote_it(node: Node, name: str) -> None:
    node.serve("/s.json", WRITTEN[name])
    [found] = NodeClient(node.addr).storyboard(Job("j1", JobState.SUCCEEDED, result={"resource_url": "/s.json"}))
    assert (found.title, found.prompt, found.narration) == ("夜", "rain", "下雨了。")


# Compressed bodies.


def _zlib_chunks(body: bytes) -> bytes:
    """As .NET's streams write it: flushed in the middle."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return packer.compress(body[:50]) + packer.flush(zlib.Z_FULL_FLUSH) + packer.compress(body[50:]) + packer.flush()


def _named_gzip(body: bytes) -> bytes:
    """As the gzip program packs a file: name and comment in the header."""
    packed = gzip.compress(body)
    return packed[:3] + bytes([0x18]) + packed[4:10] + "故事.json".encode() + b"\0by hand\0" + packed[10:]


def _stored(body: bytes) -> bytes:
    """Level 0: nothing is smaller for it."""
    return gzip.compress(body, 0)


@pytest.mark.parametrize("pack", [_zlib_chunks, _named_gzip, _stored])
@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_a_body_that_a_program_compressed_is_read(
    client: FlaskClient, pack: Callable[[bytes], bytes], method: str
) -> None:
    created = client.post(f"{V1}/projects", json=STORY).get_json()["project_id"]
    told = {**STORY, "Title": "狗"}
    path = f"{V1}/projects" if method == "POST" else f"{V1}/projects/{created}"
    headers = {"Content-Encoding": " gzip ", "Content-Type": "application/json; charset=UTF-8"}
    answer = client.open(path, method=method, data=pack(json.dumps(told).encode()), headers=headers)
    assert answer.status_code == 200, answer.text
    project = answer.get_json().get("project_id") or created
    found = client.get(f"{V1}/projects/{project}").get_json()["project_detail"]
    assert (found["title"], found["storyText"]) == ("狗", STORY["StoryText"])


@pytest.mark.parametrize("behind", [bytes(20), gzip.compress(b"", mtime=0)], ids=["zeros", "an empty file"])
def test_padding_behind_a_compressed_body_is_no_fault(client: FlaskClient, behind: bytes) -> None:
    packed = gzip.compress(json.dumps(STORY).encode()) + behind
    headers = {"Content-Encoding": "gzip"}
    answer = client.post(f"{V1}/projects", data=packed, headers=headers, content_type="application/json")
    assert answer.status_code == 200, answer.text


# Names of files.

NAMES: dict[str, tuple[bytes, str]] = {
    "both forms, RFC 5987 counts": (b"filename=\"a.wav\"; filename*=UTF-8''%E7%8C%AB%E7%9A%84%E6%AD%8C.wav", "猫的歌"),
    "both forms, the second in quotes": (b'filename="a.wav"; filename*="UTF-8\'\'%E7%8C%AB.wav"', "猫"),
    "two single quotes": (b"filename=\"t'es't.wav\"", "t'es't"),
    "RFC 5987 alone, lower case": (b"filename*=utf-8''%e7%8c%ab.wav", "猫"),
    "GBK without quotes' harm": ('filename="晴天\\".wav"'.encode("gbk"), '晴天"'),
    "GBK, second bytes like ASCII": ('filename="镕丂.wav"'.encode("gbk"), "镕丂"),
    "GB 18030, four bytes": ('filename="㐀猫.wav"'.encode("gb18030"), "㐀猫"),
    "a Windows path": (b'filename="C:\\Users\\me\\song.wav"', "song"),
    "a Windows share, GBK": ('filename="\\\\server\\音乐\\誠.wav"'.encode("gbk"), "誠"),
    "UTF-8, decomposed by a Mac": ('filename="cafe\u0301.wav"'.encode(), "cafe\u0301"),
    "percent signs of a browser": (b'filename="100%25 %22a%22.wav"', ""),
    "no quotes": (b"filename=song.wav", "song"),
    "semicolons and equals signs": ('filename="a; b=c；d.wav"'.encode(), "a; b=c；d"),
}


@pytest.mark.parametrize("name", NAMES)
def test_an_uploads_name_is_taken_whatever_program_wrote_it(client: FlaskClient, name: str) -> None:
    disposition, title = NAMES[name]
    part = b'--B\r\nContent-Disposition: form-data; name="file"; ' + disposition + b"\r\n\r\n"
    body = part + tone() + b"\r\n--B--\r\n"
    answer = client.post(f"{V1}/music", data=body, content_type="multipart/form-data; boundary=B")
    assert answer.status_code == 200, answer.text
    found = answer.get_json()["music"]["title"]
    assert found == title or (not title and found)


# Sockets.


@pytest.mark.parametrize(
    ("offered", "answered"),
    [
        ("graphql-ws", "graphql-ws"),
        ("base64.binary, chat", "base64.binary"),
        ("json,msgpack", "json"),
        ("soap , wamp", "soap"),
    ],
)
def test_a_browser_is_answered_one_subprotocol_of_its_own(
    app: Flask, services: Services, offered: str, answered: str
) -> None:
    task_id = new_task(services)
    with serving(app) as address:
        head = _upgrade(address, task_id, f"Sec-WebSocket-Protocol: {offered}\r\n")
    assert head.startswith("HTTP/1.1 101")
    told = [
        line.split(":", 1)[1].strip() for line in head.splitlines() if line.lower().startswith("sec-websocket-protocol")
    ]
    assert told == [answered]


def test_two_headers_of_subprotocols_are_one_list(app: Flask, services: Services) -> None:
    task_id = new_task(services)
    with serving(app) as address:
        head = _upgrade(address, task_id, "Sec-WebSocket-Protocol: a.b\r\nSec-WebSocket-Protocol: c\r\n")
    assert "sec-websocket-protocol: a.b\r\n" in head.lower()


@pytest.mark.parametrize("more", ["", "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"])
def test_who_offers_no_subprotocol_is_answered_none(app: Flask, services: Services, more: str) -> None:
    task_id = new_task(services)
    with serving(app) as address:
        head = _upgrade(address, task_id, more).lower()
    assert head.startswith("http/1.1 101")
    assert "sec-websocket-protocol" not in head


def _upgrade(address: str, task_id: str, more: str) -> str:
    """The head of the answer to a browser's request for a socket."""
    host, port = address.split(":")
    with socket.create_connection((host, int(port)), timeout=HEAR_S) as connection:
        request = (
            f"GET /tasks/{task_id}/wss HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
            f"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{more}\r\n"
        )
        connection.sendall(request.encode())
        head = b""
        while b"\r\n\r\n" not in head:
            head += connection.recv(4096)
        connection.sendall(b"\x88\x82" + struct.pack(">I", 0) + struct.pack(">H", 1000))
    return head.partition(b"\r\n\r\n")[0].decode() + "\r\n"


def test_a_client_that_compresses_its_frames_is_served_without(app: Flask, services: Services) -> None:
    task_id = new_task(services)
    with serving(app) as address:
        header = {"Sec-WebSocket-Extensions": "permessage-deflate"}
        client = websocket.create_connection(f"ws://{address}/tasks/{task_id}/wss", timeout=HEAR_S, header=header)
        assert hear(client)["id"] == task_id
        client.shutdown()  # type: ignore[no-untyped-call]  # websocket-client leaves it out


def test_an_upload_whose_part_has_no_type_and_a_long_boundary_is_taken(client: FlaskClient) -> None:
    boundary = "----WebKitFormBoundary7MA4YWxkTrZu0gW" + "x" * 30
    part = f'--{boundary}\r\ncontent-disposition: form-data; NAME="file"; FILENAME="a.wav"\r\n\r\n'.encode()
    body = b"preamble\r\n" + part + tone() + f"\r\n--{boundary}--\r\nepilogue".encode()
    sent = {"data": io.BytesIO(body), "content_type": f'multipart/form-data; boundary="{boundary}"'}
    answer = client.post(f"{V1}/music", **sent)
    assert answer.status_code == 200, answer.text
