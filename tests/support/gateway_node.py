"""A stand-in for the FastAPI gateway in the field, with all its habits: what a client of a foreign node must cope with."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tests.support.foreign_nodes import Exchange, Node
from tests.support.scripted_node import png, wav

TEXT, NUMBER, TRUTH = str, int, bool
TYPES: dict[str, dict[str, type]] = {
    "shot_defaults": {"shot_count": NUMBER, "style": TEXT, "storyText": TEXT},
    "shot": {
        "transition": TEXT,
        "shotId": TEXT,
        "image_width": TEXT,
        "image_height": TEXT,
        "prompt": TEXT,
        "style": TEXT,
        "image_llm": TEXT,
        "generate_tts": TRUTH,
    },
    "video": {"resolution": TEXT, "fps": NUMBER, "format": TEXT, "bitrate": NUMBER},
    "tts": {"voice": TEXT, "lang": TEXT, "sample_rate": NUMBER, "format": TEXT},
}
TOP: dict[str, type] = {
    **dict.fromkeys(("id", "project_id", "shot_id", "type", "status", "message", "error"), TEXT),
    **dict.fromkeys(("started_at", "finished_at", "created_at", "updated_at"), TEXT),
    **dict.fromkeys(("progress", "estimated_duration"), NUMBER),
}
RESOURCE_TYPES = {"generate_shot": "image", "generate_audio": "audio", "generate_video": "video"}


@dataclass
class GatewayJob:
    """`spoken` is the text that a speech job found; `polls` counts how often anybody asked."""

    id: str
    envelope: dict[str, Any]
    spoken: str = ""
    polls: int = 0


class Gateway:
    """`addr` is its address. Its jobs live in memory, start anew for every POST, and go on when they are cancelled.

    `scenes` is how many shots a storyboard has, whatever was asked. `words` are the words for success, one a job in turn. `running` holds
    every job before its end while it is set; `serving` holds every download while it is clear. `says` overrides what jobs of a type report.
    """

    def __init__(self) -> None:
        self.scenes = 2
        self.words: Iterator[str] = itertools.cycle(["finished", "success", "completed", "succeeded"])
        self.running = threading.Event()
        self.serving = threading.Event()
        self.serving.set()
        self.downloading = threading.Event()
        self.says: dict[str, dict[str, Any]] = {}
        self.files: dict[str, bytes] = {"generate_shot": png(), "generate_audio": wav(), "generate_video": b""}
        self.health: dict[str, Any] = {"status": "ok", "models": {"llm": "qwen"}, "gpu": None}
        self.on_poll: Callable[[], None] = lambda: None
        self.jobs: dict[str, GatewayJob] = {}
        self.started: list[GatewayJob] = []
        self.cancelled: list[str] = []
        self.refused: list[str] = []
        self._lock = threading.Lock()
        self._node = Node({"POST": self._generate, "GET": self._get, "DELETE": self._cancel})
        self._node.__enter__()
        self.addr = self._node.addr

    def close(self) -> None:
        """End the server."""
        self.serving.set()
        self._node.__exit__()

    def restart(self) -> None:
        """Forget all jobs."""
        with self._lock:
            self.jobs.clear()

    def of_type(self, type_: str) -> list[GatewayJob]:
        """The jobs of this type that were ever started."""
        with self._lock:
            return [job for job in self.started if job.envelope["type"] == type_]

    def paths(self) -> list[str]:
        """What was asked for by GET, in order."""
        return [asked.path for asked in self._node.asked if asked.method == "GET"]

    def _generate(self, exchange: Exchange) -> None:
        envelope = exchange.body
        wrong = _wrong_types(envelope)
        if wrong:
            self.refused += wrong
            exchange.json({"detail": [{"loc": ["body", name], "msg": "wrong type"} for name in wrong]}, 422)
            return
        with self._lock:
            job = GatewayJob(f"{len(self.started) + 1:08x}", envelope, _spoken(envelope))
            self.started.append(job)
            self.jobs[job.id] = job
        exchange.json({"id": job.id, "job_id": "legacy-" + job.id, "status": "queued", "queue": {"length": 1}}, 201)

    def _get(self, exchange: Exchange) -> None:
        if exchange.path == "/health":
            exchange.json(self.health)
        elif exchange.path.startswith("/v1/jobs/"):
            self.on_poll()
            self._poll(exchange, exchange.path.rsplit("/", 1)[1])
        elif exchange.path.startswith("/files/"):
            self._serve(exchange, exchange.path.split("/")[2])
        else:  # no /v1/download either
            exchange.json({"detail": "Not Found"}, 404)

    def _poll(self, exchange: Exchange, job_id: str) -> None:
        with self._lock:
            job = self.jobs.get(job_id)
        if job is None:
            exchange.json({"detail": "job not found"}, 404)
            return
        job.polls += 1
        exchange.json(self._report(job))

    def _report(self, job: GatewayJob) -> dict[str, Any]:
        type_ = job.envelope["type"]
        report: dict[str, Any] = {
            "id": job.id,
            "projectId": None,
            "shotId": None,
            "type": type_,
            "status": "warming up",
            "progress": 37.5,
            "message": None,
            "parameters": {"shot": {"image_width": 1024, "image_height": 1024}, "video": {"fps": "24"}},
            "result": None,
            "error": None,
            "estimatedDuration": "90",
            "startedAt": "2025-01-02T03:04:05.678901",
            "createdAt": "2025-01-02T11:04:05+08:00",
            "updatedAt": None,
            "worker": {"pid": 7},
        }
        if not self.running.is_set():
            report |= {"status": next(self.words), "progress": 100, "finishedAt": "2025-01-02T03:05:05"}
            report["result"] = self._result(job)
            report |= self.says.get(type_, {})
        return report

    def _result(self, job: GatewayJob) -> dict[str, Any]:
        """A relative address, and one on the node's own loopback, in turn; under `legacy` the node's own paths."""
        type_ = job.envelope["type"]
        legacy = {"task_video": {"path": "/srv/node/out.mp4", "fps": "24"}, "storyboard": [], "path": "C:\\out\\a.png"}
        if type_ == "generate_storyboard":
            shots = {"generated_shots": scenes(self.scenes), "total_shots": str(self.scenes)}
            return {"resource_type": "storyboard", "resource_url": "", "legacy": {**legacy, "task_shots": shots}}
        path = f"/files/{job.id}/result.mp3?v=1"
        loopback = int(job.id, 16) % 2
        resource = {
            "resource_type": RESOURCE_TYPES[type_],
            "resource_id": 7,
            "resource_url": f"http://127.0.0.1:8000{path}" if loopback else path.lstrip("/"),
            "meta": None,
        }
        return {"resources": [resource], "legacy": legacy, "task_shots": None}

    def _serve(self, exchange: Exchange, job_id: str) -> None:
        """Whatever it is, its name and content type say MP3."""
        self.downloading.set()
        self.serving.wait(60)
        job = next(job for job in self.started if job.id == job_id)
        exchange.answer(200, self.files[job.envelope["type"]], "audio/mpeg")

    def _cancel(self, exchange: Exchange) -> None:
        self.cancelled.append(exchange.path.rsplit("/", 1)[1])
        exchange.json({"success": True, "deleteAT": "2025-01-02T03:04:05.678901", "error": ""})


def scenes(count: int) -> list[dict[str, Any]]:
    """Scenes with `id` in place of `scene_id`, and `bgm` null or missing."""
    made: list[dict[str, Any]] = [
        {"id": number, "title": None, "prompt": f"scene {number}", "narration": f"第{number}句。", "camera": "pan"}
        for number in range(1, count + 1)
    ]
    for scene in made[::2]:
        scene["bgm"] = None
    return made


def _spoken(envelope: dict[str, Any]) -> str:
    """Where this node looks for the text to speak."""
    parameters = envelope["parameters"]
    shot, defaults = parameters.get("shot") or {}, parameters.get("shot_defaults") or {}
    return str(shot.get("prompt") or defaults.get("storyText") or envelope["message"])


def _wrong_types(envelope: dict[str, Any]) -> list[str]:
    """The names of values that are not of the task's own types; what it does not know it lets pass."""
    groups = envelope["parameters"]
    told = [(name, value, TOP.get(name)) for name, value in envelope.items()]
    for group, types in TYPES.items():
        told += [(f"{group}.{name}", value, types.get(name)) for name, value in groups.get(group, {}).items()]
    wrong = [name for name, value, type_ in told if type_ is not None and type(value) is not type_]
    missing = [name for name in TOP if name not in envelope]
    return wrong + missing + [name for name, value in groups.items() if json.dumps(value) in ("null", "{}")]
