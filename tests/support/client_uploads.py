"""A client that uploads to the storage itself, over `/api/oss`."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import requests
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.contract import story

OSS = "/api/oss"


def presigned(client: FlaskClient, told: story.Told, content: bytes, type_: str = "image/png", **more: Any) -> Any:
    wanted = {"project_id": told.project_id, "name": "../我的.png", "size": len(content), "content_type": type_}
    answer = client.post(f"{OSS}/presign", json={**wanted, "sha256": sha256(content), **more})
    assert answer.status_code == 200, answer.text
    return answer.get_json()


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def put(client: FlaskClient, url: str, content: bytes, headers: dict[str, str]) -> tuple[int, str, str]:
    """Status, ETag and the word on sniffing, of whoever the link leads to."""
    parts = urlsplit(url)
    if parts.path.startswith("/uploads/"):
        own = client.put(f"{parts.path}?{parts.query}", data=content, headers=headers)
        return own.status_code, own.headers.get("ETag", ""), own.headers.get("X-Content-Type-Options", "")
    answer = requests.put(url, data=content, headers=headers, timeout=60)
    return answer.status_code, answer.headers.get("ETag", ""), answer.headers.get("X-Content-Type-Options", "")


def send(client: FlaskClient, given: Any, content: bytes, numbers: Sequence[int] = ()) -> list[dict[str, Any]]:
    """Upload by what presign said; the parts as complete takes them."""
    if given["url"]:
        assert put(client, given["url"], content, given["headers"])[0] == 200
        return []
    sent = []
    for part in given["parts"]:
        if not numbers or part["number"] in numbers:
            start = (part["number"] - 1) * given["part_size"]
            piece = content[start : start + part["size"]]
            status, etag, _ = put(client, part["url"], piece, part["headers"])
            assert status == 200
            sent.append({"number": part["number"], "etag": etag})
    return sent[::-1]  # in any order


def complete(client: FlaskClient, told: story.Told, given: Any, content: bytes, kind: str, **more: Any) -> TestResponse:
    asked = {
        "project_id": told.project_id,
        "key": given["key"],
        "upload_id": given["upload_id"],
        "size": len(content),
        "sha256": sha256(content),
        "kind": kind,
        "shot_id": "" if kind == "music" else told.shot_ids[0],
    }
    return client.post(f"{OSS}/complete", json={**asked, **more})
