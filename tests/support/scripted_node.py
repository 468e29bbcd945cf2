"""A real HTTP server that behaves as a model node is told to: the fault injector of the processor's tests.

Each task type has a script: what a job reports at each poll, in order (the last report repeats), and the bytes it leaves. `ledger` keeps
what was asked, in order: ("start", task id), ("cancel", job id).
"""

from __future__ import annotations

import contextlib
import io
import json
import threading
import wave
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from PIL import Image

Report = dict[str, Any]
PIECE = 1 << 16  # bytes


def png(colour: tuple[int, int, int] = (90, 140, 60), size: tuple[int, int] = (64, 64)) -> bytes:
    """An image."""
    out = io.BytesIO()
    Image.new("RGB", size, colour).save(out, "PNG")
    return out.getvalue()


def wav(seconds: float = 1.0, rate: int = 8000) -> bytes:
    """A quiet saw tooth."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(b"".join(((i % 40) * 200).to_bytes(2, "little") for i in range(int(seconds * rate))))
    return out.getvalue()


def scenes(count: int) -> list[dict[str, str]]:
    """A storyboard."""
    return [
        {
            "scene_id": str(number),
            "title": f"第{number}幕",
            "prompt": f"prompt {number}",
            "narration": f"旁白{number}。",
            "bgm": "calm",
        }
        for number in range(1, count + 1)
    ]


@dataclass
class Script:
    """`reports` are merged into the job at each poll; `file` is served as the job's asset.

    `gate`, while clear, holds the job at its last but one report.
    """

    reports: list[Report]
    file: bytes = b""
    gate: threading.Event = field(default_factory=threading.Event)


@dataclass
class _Job:
    id: str
    envelope: dict[str, Any]
    script: Script
    polls: int = 0
    cancelled: bool = False


class ScriptedNode:
    """`addr` is its address. `on_generate` and `on_poll` may return (status, body) to answer instead of the script.

    `between_pieces` is called after each piece of a file that it sends, to slow it down.
    """

    def __init__(self) -> None:
        self.ledger: list[tuple[str, str]] = []
        self.envelopes: list[dict[str, Any]] = []
        self.health: dict[str, Any] = {"status": "ok", "node": "storytovideo", "tts_text": True, "providers": {}}
        self.on_generate: Callable[[dict[str, Any]], tuple[int, Any] | None] = lambda _envelope: None
        self.on_poll: Callable[[str], tuple[int, Any] | None] = lambda _job_id: None
        self.between_pieces: Callable[[], None] = lambda: None
        self.stops_when_cancelled = True
        self.jobs: dict[str, _Job] = {}
        self.polled: list[str] = []
        self._by_task: dict[str, str] = {}
        self._lock = threading.RLock()
        self._scripts: dict[str, Callable[[dict[str, Any]], Script]] = {}
        self.script_storyboards()
        self.script("generate_shot", lambda _envelope: finished(png()))
        self.script("generate_audio", lambda _envelope: finished(wav()))
        self.script("generate_video", lambda _envelope: finished(b""))
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.addr = f"127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the server."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def script(self, type_: str, make: Callable[[dict[str, Any]], Script]) -> None:
        """Let `make` write the script of each job of this type, from its envelope."""
        self._scripts[type_] = make

    def script_storyboards(self) -> None:
        """Let each storyboard have as many scenes as were asked for."""
        self.script("generate_storyboard", self._storyboard)

    def held_storyboard(self) -> threading.Event:
        """Hold storyboards at "processing" until the returned event is set."""
        gate = threading.Event()

        def script(envelope: dict[str, Any]) -> Script:
            made = self._storyboard(envelope)
            return Script(
                [{"status": "processing", "progress": 10, "message": "step 10"}, *made.reports], made.file, gate
            )

        self.script("generate_storyboard", script)
        return gate

    def starts(self, type_: str | None = None) -> list[str]:
        """Task ids of the jobs that were started, in order."""
        with self._lock:
            wanted = {e["id"] for e in self.envelopes if type_ is None or e["type"] == type_}
            return [task_id for what, task_id in self.ledger if what == "start" and task_id in wanted]

    def cancels(self) -> list[str]:
        """Job ids that were asked to stop."""
        with self._lock:
            return [job_id for what, job_id in self.ledger if what == "cancel"]

    def cancelled(self) -> set[str]:
        """Job ids of those that were stopped."""
        with self._lock:
            return {job.id for job in self.jobs.values() if job.cancelled}

    def add_job(self, job_id: str, script: Script) -> None:
        """A job that somebody else started before."""
        with self._lock:
            self.jobs[job_id] = _Job(job_id, {}, script)

    def forget_jobs(self) -> None:
        """As a node does that is restarted."""
        with self._lock:
            self.jobs.clear()
            self._by_task.clear()

    def _storyboard(self, envelope: dict[str, Any]) -> Script:
        count = (envelope["parameters"].get("shot_defaults") or {}).get("shot_count") or 3
        return finished(json.dumps(scenes(count)).encode())

    def generate(self, envelope: dict[str, Any]) -> tuple[int, Any]:
        with self._lock:
            self.envelopes.append(envelope)
        answer = self.on_generate(envelope)  # outside the lock: it may block
        if answer is not None:
            return answer
        with self._lock:
            known = self._by_task.get(envelope["id"])
            if known is None:
                known = f"job-{len(self.ledger)}-{envelope['id'][:8]}"
                self.jobs[known] = _Job(known, envelope, self._scripts[envelope["type"]](envelope))
                self._by_task[envelope["id"]] = known
                self.ledger.append(("start", envelope["id"]))
            return 202, {"job_id": known, "message": "", "error": ""}

    def poll(self, job_id: str) -> tuple[int, Any]:
        answer = self.on_poll(job_id)
        if answer is not None:
            return answer
        with self._lock:
            self.polled.append(job_id)
            job = self.jobs.get(job_id)
            if job is None:
                return 404, {"detail": "job not found"}
            if job.cancelled and self.stops_when_cancelled:
                return 200, {"id": job_id, "status": "cancelled"}
            last = len(job.script.reports) - 1
            step = min(job.polls, last if job.script.gate.is_set() else max(last - 1, 0))
            job.polls += 1
            body = {"id": job_id, "progress": 0, "message": "", "error": "", "startedAt": None}
            return 200, body | {"result": {}} | _filled(job.script.reports[step], job_id)

    def cancel(self, job_id: str) -> tuple[int, Any]:
        with self._lock:
            self.ledger.append(("cancel", job_id))
            job = self.jobs.get(job_id)
            if job is None:
                return 404, {"detail": "job not found"}
            job.cancelled = True
            return 200, {"success": True, "deleteAT": "", "error": ""}

    def file(self, job_id: str) -> bytes | None:
        with self._lock:
            job = self.jobs.get(job_id)
            return job.script.file if job else None


def finished(content: bytes, *progress: int) -> Script:
    """A job that reports these progresses, one a poll, then is finished and leaves `content`."""
    reports: list[Report] = [{"status": "processing", "progress": p, "message": f"step {p}"} for p in progress]
    reports.append({"status": "finished", "progress": 100, "result": {"resource_url": "/files/{job}"}})
    script = Script(reports, content)
    script.gate.set()
    return script


def running(content: bytes = b"", progress: int = 30) -> Script:
    """A job that goes on until its script's gate is set."""
    script = finished(content, progress)
    script.gate.clear()
    return script


def failed(error: str) -> Script:
    """A job that fails."""
    script = Script([{"status": "failed", "progress": 40, "error": error}])
    script.gate.set()
    return script


def _filled(report: Report, job_id: str) -> Report:
    filled: Report = json.loads(json.dumps(report).replace("{job}", job_id))
    return filled


def _handler(node: ScriptedNode) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            if parts.path == "/health":
                self._json(200, node.health)
            elif parts.path.startswith("/v1/jobs/"):
                self._json(*node.poll(parts.path.rsplit("/", 1)[1]))
            else:
                name = parse_qs(parts.query).get("path", [parts.path.rsplit("/", 1)[1]])[0]
                content = node.file(name)
                self._bytes(404 if content is None else 200, content or b"", "application/octet-stream", is_file=True)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self._json(*node.generate(json.loads(body)))

        def do_DELETE(self) -> None:
            self._json(*node.cancel(urlsplit(self.path).path.rsplit("/", 1)[1]))

        def _json(self, status: int, body: Any) -> None:
            self._bytes(status, json.dumps(body).encode(), "application/json")

        def _bytes(self, status: int, body: bytes, content_type: str, *, is_file: bool = False) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with contextlib.suppress(ConnectionError):  # the processor may stop reading
                for start in range(0, len(body), PIECE):
                    self.wfile.write(body[start : start + PIECE])
                    if is_file:
                        node.between_pieces()

    return Handler
