"""Sentry: what is sent to it, and that without a DSN it is not even imported."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

from config.version import version
from tests.support.server_process import ROOT, clean_environment

CODE = """
import logging, sys
from common.caller import Caller, calling
from common.hidden_credentials import hide
from common.request_id import bound
from runtime import error_reports
from runtime.logging_setup import set_up_logging

set_up_logging("DEBUG", "json")
hide(["planted-known"])
error_reports.start(sys.argv[1])
log = logging.getLogger("part")
with bound("request-1"), calling(Caller("account-1")):
    planted_local = "planted-local"
    log.info("planted-breadcrumb")
    try:
        raise ValueError("at http://user:planted-password@host/?token=planted-token planted-known")
    except ValueError:
        log.exception("failed for %s", "planted-known", extra={"body": "planted-body"})
if sys.argv[1]:
    import sentry_sdk
    sentry_sdk.flush(30)
else:
    assert "sentry_sdk" not in sys.modules
"""


def run(dsn: str) -> None:
    command = [sys.executable, "-c", CODE, dsn]
    subprocess.run(command, cwd=ROOT, env=clean_environment(), check=True, timeout=120, capture_output=True)


def test_an_error_is_sent_with_release_and_user_and_nothing_of_what_it_was_about() -> None:
    received: list[bytes] = []

    class Sentry(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.append(gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    with HTTPServer(("127.0.0.1", 0), Sentry) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        run(f"http://public-key@127.0.0.1:{server.server_port}/1")
        server.shutdown()
        thread.join()
    text = b"\n".join(received).decode()
    [event] = [found for line in text.splitlines() if "exception" in (found := json.loads(line))]
    assert event["release"] == f"storytovideo@{version()}"
    assert event["user"] == {"id": "account-1"}
    assert event["tags"]["request_id"] == "request-1"
    [error] = event["exception"]["values"]
    assert (error["type"], error["value"]) == ("ValueError", "at http://***@host/?token=*** ***")
    frames: list[dict[str, Any]] = error["stacktrace"]["frames"]
    assert frames
    assert not any(frame.get("vars") for frame in frames)
    assert "planted-" not in text


def test_without_a_dsn_the_library_is_not_imported() -> None:
    run("")
