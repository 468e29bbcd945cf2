"""Compressed bodies."""

from __future__ import annotations

import gzip
import io
import json
import zlib
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from config.settings import ServerSettings, Settings
from tests.integration.routers.test_files import V1, tone

STORY = {"Title": "猫", "StoryText": "小猫出门了。" * 20, "ShotCount": 1}


def bare_deflate(content: bytes) -> bytes:
    deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return deflater.compress(content) + deflater.flush()


PACKINGS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "gzip": ("gzip", gzip.compress),
    "two members": ("GZIP", lambda content: gzip.compress(content[:40]) + gzip.compress(content[40:])),
    "old name": ("x-gzip", gzip.compress),
    "deflate": ("deflate", zlib.compress),
    "bare deflate": ("deflate", bare_deflate),
    "none": ("identity", bytes),
}


@pytest.mark.parametrize(("coding", "pack"), PACKINGS.values(), ids=PACKINGS)
def test_a_compressed_body_is_read(client: FlaskClient, coding: str, pack: Callable[[bytes], bytes]) -> None:
    body = pack(json.dumps(STORY).encode())
    headers = {"Content-Encoding": coding}
    created = client.post(f"{V1}/projects", data=body, headers=headers, content_type="application/json")
    assert created.status_code == 200, created.text
    project = client.get(f"{V1}/projects/{created.get_json()['project_id']}").get_json()["project_detail"]
    assert project["storyText"] == STORY["StoryText"]


def test_a_compressed_body_without_a_length_is_read(client: FlaskClient) -> None:
    answer = client.post(
        f"{V1}/projects",
        input_stream=io.BytesIO(gzip.compress(json.dumps(STORY).encode())),
        headers={"Content-Encoding": "gzip"},
        content_type="application/json",
        environ_overrides={"wsgi.input_terminated": True},
    )
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress])
def test_what_unpacks_beyond_the_limit_is_a_413(client: FlaskClient, pack: Callable[[bytes], bytes]) -> None:
    limit = Settings(server=ServerSettings()).server.max_body
    packed = pack(json.dumps({"Title": "x" * (8 * limit)}).encode())
    coding = "gzip" if pack is gzip.compress else "deflate"
    headers = {"Content-Encoding": coding}
    answer = client.post(f"{V1}/projects", data=packed, headers=headers, content_type="application/json")
    assert answer.status_code == 413


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
@pytest.mark.parametrize("damage", [lambda packed: packed[:-9], lambda packed: b"?" + packed, lambda _packed: b"{}"])
def test_what_is_damaged_is_the_clients_fault(
    client: FlaskClient, coding: str, damage: Callable[[bytes], bytes]
) -> None:
    packed = (gzip.compress if coding == "gzip" else zlib.compress)(json.dumps(STORY).encode())
    headers = {"Content-Encoding": coding}
    answer = client.post(f"{V1}/projects", data=damage(packed), headers=headers, content_type="application/json")
    assert (answer.status_code, answer.get_json()["field"]) == (400, "body")


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip, gzip", "\u00e9"])
def test_a_coding_that_is_not_known_is_a_415_that_says_which_are(client: FlaskClient, coding: str) -> None:
    headers = {"Content-Encoding": coding}
    answer = client.post(f"{V1}/projects", data=b"x", headers=headers, content_type="application/json")
    assert answer.status_code == 415
    assert "gzip" in answer.get_json()["message"]
    assert "gzip" in answer.headers["Accept-Encoding"]


def test_a_compressed_upload_is_taken(client: FlaskClient) -> None:
    part = b'--B\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
    body = gzip.compress(part + tone() + b"\r\n--B--\r\n")
    headers = {"Content-Encoding": "gzip"}
    answer = client.post(f"{V1}/music", data=body, headers=headers, content_type="multipart/form-data; boundary=B")
    assert answer.status_code == 200, answer.text
