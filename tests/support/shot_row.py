"""A project's row of shots, asked for and changed over HTTP."""

from __future__ import annotations

import io
from datetime import datetime, timezone
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

V1 = "/v1/api"
HOUR_MS = 3_600_000
TEXTS = ["一只狐狸。它住在森林里。", "A bear came. It was big.", "最后一句。", ""]


def listed(client: FlaskClient, row: str) -> list[dict[str, Any]]:
    found = client.get(row).get_json()["shots"]
    assert [shot["order"] for shot in found] == list(range(1, len(found) + 1))
    return list(found)


def ids(client: FlaskClient, row: str) -> list[str]:
    return [shot["id"] for shot in listed(client, row)]


def upload(client: FlaskClient, shot: str, kind: str, content: bytes) -> TestResponse:
    answer = client.post(f"{shot}/{kind}", data={"file": (io.BytesIO(content), "x")})
    assert answer.status_code == 201, answer.text
    return answer


def numbers(client: FlaskClient, shot: str, kind: str) -> list[tuple[int, bool]]:
    return [(one["number"], one["current"]) for one in client.get(f"{shot}/{kind}/versions").get_json()["versions"]]


def tasks(client: FlaskClient, row: str) -> dict[str, str]:
    found = client.get(row.removesuffix("shots") + "tasks").get_json()["tasks"]
    return {task["id"]: task["status"] for task in found}


def is_about_now(text: str, hours: int) -> bool:
    then = datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
    return abs((then - datetime.now(timezone.utc)).total_seconds() - hours * 3600) < 60
