"""The node's deliveries, against a receiver on a real socket."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any

import pytest

from tests.support.wait import wait_until
from worker_node import webhook
from worker_node.envelope import Envelope
from worker_node.job_store import Job, JobStatus
from worker_node.webhook import Webhook


class Refusing(http.server.ThreadingHTTPServer):
    """Answers 503 to everything, and counts."""

    daemon_threads = True
    asked = 0


@pytest.fixture
def refusing() -> Iterator[Refusing]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            server.asked += 1
            self.send_response(503)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None: ...

    server = Refusing(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def ended_job() -> Job:
    now = datetime.now(timezone.utc)
    envelope = Envelope.model_validate({"id": "task-1", "type": "generate_shot", "parameters": {}})
    return Job("job-1", envelope, {}, "", created_at=now, updated_at=now, status=JobStatus.FINISHED)


def test_close_ends_the_pause_before_the_next_attempt(refusing: Refusing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook, "PAUSE_S", 600.0)
    telling = Webhook(f"http://127.0.0.1:{refusing.server_address[1]}/hook", "shared")
    telling.start()
    telling.announce(ended_job())
    wait_until(lambda: refusing.asked == 1, 60, "the first attempt")
    telling.close()
    wait_until(
        lambda: not any(thread.name == "webhook" for thread in threading.enumerate()), 60, "the end of its thread"
    )
    assert refusing.asked == 1
