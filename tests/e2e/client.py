"""A client of the API, over HTTP."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests

from tests.support.wait import wait_until

PATIENCE_S = 240.0


@dataclass
class Client:
    """Speaks to the servers as clients behind a load balancer do: one request here, the next one there. `answered` counts by server."""

    urls: Sequence[str]
    folder: Path
    answered: Counter[str] = field(default_factory=Counter)
    _turn: itertools.count[int] = field(default_factory=itertools.count)

    def request(self, method: str, path: str, **arguments: Any) -> requests.Response:
        """An answer of whatever status."""
        url = self.urls[next(self._turn) % len(self.urls)]
        answer = requests.request(method, url + path, timeout=60, **arguments)
        self.answered[url] += 1
        return answer

    def get(self, path: str) -> Any:
        answer = self.request("GET", path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, body: dict[str, Any] | None = None) -> Any:
        answer = self.request("POST", path, json=body or {})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def create(self, title: str, story: str, shots: int) -> Any:
        """A new project."""
        return self.post("/v1/api/projects", {"Title": title, "StoryText": story, "ShotCount": shots})

    def task(self, task_id: str) -> Any:
        return self.get(f"/v1/api/tasks/{task_id}")["task"]

    def tasks(self, project: str) -> Any:
        return self.get(f"/v1/api/projects/{project}/tasks")["tasks"]

    def wait(self, task_id: str) -> Any:
        """The task once it has ended well."""

        def ended() -> Any:
            task = self.task(task_id)
            assert task["status"] not in ("failed", "cancelled"), task
            return task if task["status"] == "finished" else None

        return wait_until(ended, PATIENCE_S, f"task {task_id}")

    def film(self, project: str, **options: Any) -> tuple[Path, Any]:
        """Ask for a film; the file and its finished task."""
        task = self.wait(self.post(f"/v1/api/projects/{project}/video", options)["task_id"])
        return self.fetch(task["result"]["resource_url"]), task

    def fetch(self, url: str) -> Path:
        """Download without a header, as a player does."""
        answer = requests.get(url, timeout=60)
        assert answer.status_code == 200, answer.text
        path = self.folder / f"{sha256(url.encode()).hexdigest()[:16]}-{Path(urlsplit(url).path).name}"
        path.write_bytes(answer.content)
        return path
