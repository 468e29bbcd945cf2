"""The FastAPI gateway in the field, with all its habits: what a client of a foreign node must cope with."""

from __future__ import annotations

import json
from typing import Any

from tests.support.node.dialect import Dialect, Envelope, Job
from tests.support.node.scripts import Report

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

GATEWAY_SCENES = [
    {"id": 1, "title": "夜", "prompt": "rainy street", "narration": "下雨了。", "bgm": None},
    {"id": 2, "title": "晨", "prompt": "sunny street", "narration": "天晴了。"},
    {"id": 3, "title": "补白", "prompt": "", "narration": ""},
]


def gateway_job(**said: Any) -> dict[str, Any]:
    """A job's report: integers and texts mixed up, nulls, keys of its own, times without an offset."""
    return {
        "id": "j1",
        "projectId": None,
        "shotId": None,
        "type": "generate_storyboard",
        "status": "finished",
        "progress": 100,
        "message": None,
        "parameters": {"shot": {"image_width": 1024, "image_height": 1024}, "video": {"fps": "24"}},
        "result": {"resource_type": "storyboard", "resource_id": 7, "resource_url": None, "legacy": {}},
        "error": None,
        "estimatedDuration": "90",
        "startedAt": "2025-01-02T03:04:05.678901",
        "finishedAt": None,
        "createdAt": "2025-01-02T11:04:05+08:00",
        "updatedAt": None,
        "gpu": {"name": "x"},
        **said,
    }


def spoken(envelope: Envelope) -> str:
    """Where this node looks for the text to speak."""
    parameters = envelope["parameters"]
    shot, defaults = parameters.get("shot") or {}, parameters.get("shot_defaults") or {}
    return str(shot.get("prompt") or defaults.get("storyText") or envelope["message"])


def _scenes(count: int) -> list[dict[str, Any]]:
    """Scenes with `id` in place of `scene_id`, and `bgm` null or missing."""
    made: list[dict[str, Any]] = [
        {"id": number, "title": None, "prompt": f"scene {number}", "narration": f"第{number}句。", "camera": "pan"}
        for number in range(1, count + 1)
    ]
    for scene in made[::2]:
        scene["bgm"] = None
    return made


def _wrong_types(envelope: Envelope) -> list[str]:
    """The names of values that are not of the task's own types; what it does not know it lets pass."""
    groups = envelope["parameters"]
    told = [(name, value, TOP.get(name)) for name, value in envelope.items()]
    for group, types in TYPES.items():
        told += [(f"{group}.{name}", value, types.get(name)) for name, value in groups.get(group, {}).items()]
    wrong = [name for name, value, type_ in told if type_ is not None and type(value) is not type_]
    missing = [name for name in TOP if name not in envelope]
    return wrong + missing + [name for name, value in groups.items() if json.dumps(value) in ("null", "{}")]


def _result(job: Job) -> dict[str, Any]:
    """A relative address, and one on the node's own loopback, in turn; under `legacy` the node's own paths."""
    type_ = job.envelope["type"]
    legacy = {"task_video": {"path": "/srv/node/out.mp4", "fps": "24"}, "storyboard": [], "path": "C:\\out\\a.png"}
    if type_ == "generate_storyboard":
        shots = json.loads(job.script.file or b"[]")
        told = {"generated_shots": shots, "total_shots": str(len(shots))}
        return {"resource_type": "storyboard", "resource_url": "", "legacy": {**legacy, "task_shots": told}}
    path = f"/files/{job.id}/result.mp3?v=1"
    resource = {
        "resource_type": RESOURCE_TYPES[type_],
        "resource_id": 7,
        "resource_url": f"http://127.0.0.1:8000{path}" if job.number % 2 else path.lstrip("/"),
        "meta": None,
    }
    return {"resources": [resource], "legacy": legacy, "task_shots": None}


def _form(job: Job) -> Report:
    return gateway_job(id=job.id, type=job.envelope["type"], progress=37.5, result=None)


def _ending(job: Job) -> Report:
    return {"finishedAt": "2025-01-02T03:05:05", "result": _result(job)}


def _accepted(job: Job) -> tuple[int, Any]:
    return 201, {"id": job.id, "job_id": "legacy-" + job.id, "status": "queued", "queue": {"length": 1}}


GATEWAY = Dialect(
    health={"status": "ok", "models": {"llm": "qwen"}, "gpu": None},
    accepted=_accepted,
    cancelled={"success": True, "deleteAT": "2025-01-02T03:04:05.678901", "error": ""},
    form=_form,
    ending=_ending,
    scenes=_scenes,
    words={"processing": ("warming up",), "finished": ("finished", "success", "completed", "succeeded")},
    refused=_wrong_types,
    content_type="audio/mpeg",  # whatever it is
    one_job_per_task=False,
    stops_when_cancelled=False,
    scene_count=2,
)
