"""Reading what a model node answers: jobs, where their assets lie, the storyboards in them, its health.

Nodes in the field put the same thing in different places. What they write is cleaned and bounded before it is used.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from common.errors import BadNodeResult, NodeRejected
from service.node.address import NodeAddress, download_path
from service.node.interface import Job, JobState, Scene

SUCCEEDED = {"finished", "success", "completed", "succeeded"}
FAILED = {"failed", "error"}
CANCELLED = {"cancelled", "canceled"}
MAX_TEXT = 2000  # characters
MAX_ID = 128  # characters

MAX_SCENES = 200
MAX_TITLE, MAX_PROMPT, MAX_NARRATION, MAX_BGM = 255, 4000, 20_000, 255

OUR_NODE = "storytovideo"
UNSERVED = {"", "none", "null", "off", "no", "disabled", "unavailable", "false"}


def read_job(answer: Mapping[str, Any], job_id: str) -> Job:
    """The job in an answer to GET /v1/jobs/{id}; keys that we do not know mean nothing."""
    status = str(answer.get("status") or "").strip().lower()
    result = answer.get("result")
    return Job(
        id=job_id,
        state=_state(status),
        progress=_progress(answer.get("progress")),
        message=clean_text(answer.get("message"), MAX_TEXT),
        error=reason_text(answer.get("error"), MAX_TEXT),
        result=result if isinstance(result, dict) else {},
    )


def read_job_id(answer: Mapping[str, Any]) -> str:
    """The job's id in an answer to POST /v1/generate: `id`, else `job_id`. Raises `NodeRejected` when it has none that can be used."""
    for name in ("id", "job_id"):
        value = answer.get(name)
        if isinstance(value, str | int) and not isinstance(value, bool) and str(value).strip():
            job_id = str(value).strip()
            usable = len(job_id) <= MAX_ID and job_id.isprintable() and "/" not in job_id and job_id not in (".", "..")
            if not usable:
                raise NodeRejected("模型节点给出的任务编号无法使用")
            return job_id
    why = reason_text(answer.get("error"), MAX_TEXT) or clean_text(answer.get("message"), MAX_TEXT)
    raise NodeRejected(f"模型节点没有给出任务编号{'：' + why if why else ''}")


def _state(status: str) -> JobState:
    if status in SUCCEEDED:
        return JobState.SUCCEEDED
    if status in FAILED:
        return JobState.FAILED
    return JobState.CANCELLED if status in CANCELLED else JobState.WAITING


def _progress(value: object) -> int | None:
    """0 to 100, also from text and from fractions; None when the node does not say."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value.strip().removesuffix("%") if isinstance(value, str) else value)
        return round(min(max(number, 0.0), 100.0))
    except (ValueError, OverflowError):
        return None


def asset_path(result: Mapping[str, Any], address: NodeAddress) -> str:
    """The request path of a job's asset. Raises `BadNodeResult` when the job left none, or one on a foreign host.

    What stands under `legacy` is not looked at: such nodes write paths of their own there and serve no `/v1/download`.
    """
    url = resource_url(result)
    if url:
        return address.path_of(url)
    path = _reported_path(result)
    if path:
        return download_path(path)
    raise BadNodeResult("模型节点报告任务完成，但没有给出结果文件（resource_url 为空）")


def resource_url(result: Mapping[str, Any]) -> str:
    """`resource_url`, or the URL of the first of `resources` that has one; "" when there is neither."""
    candidates = [result.get("resource_url")]
    resources = result.get("resources")
    for item in resources if isinstance(resources, list) else []:
        if isinstance(item, dict):
            candidates += [item.get("url"), item.get("resource_url")]
    return next((value.strip() for value in candidates if isinstance(value, str) and value.strip()), "")


def _reported_path(result: Mapping[str, Any]) -> str:
    """`task_video.path` or the first shot's `path`, as nodes without `resource_url` report it at the top of the result."""
    video = result.get("task_video")
    shots = result.get("task_shots")
    items = shots.get("generated_shots") if isinstance(shots, dict) else None
    for holder in (video, *(items[:1] if isinstance(items, list) else ())):
        if isinstance(holder, dict) and isinstance(holder.get("path"), str) and holder["path"].strip():
            return str(holder["path"]).strip()
    return ""


def scenes_inside(result: Mapping[str, Any]) -> list[Scene]:
    """The scenes that stand in the result itself, at its top or under `legacy`: in `task_shots.generated_shots`, else in `storyboard`.

    Empty when none do.
    """
    legacy = result.get("legacy")
    for holder in (result, legacy if isinstance(legacy, dict) else {}):
        for name in ("task_shots", "storyboard"):
            scenes = _scenes(_list_in(holder.get(name)))
            if scenes:
                return scenes
    return []


def scenes_in_file(content: object) -> list[Scene]:
    """The scenes of a storyboard file: a list, or an object that holds one. Raises `BadNodeResult` when there is none."""
    scenes = _scenes(_list_in(content))
    if not scenes:
        raise BadNodeResult("模型节点的分镜里没有任何镜头")
    return scenes


def _list_in(content: object) -> object:
    if isinstance(content, dict):
        return next((value for value in content.values() if isinstance(value, list)), None)
    return content


def _scenes(items: object) -> list[Scene]:
    if not isinstance(items, list):
        return []
    found = [_scene(item) for item in items[:MAX_SCENES] if isinstance(item, dict)]
    return [scene for scene in found if scene.prompt or scene.narration]


def _scene(item: Mapping[str, Any]) -> Scene:
    """A scene without words to speak, or without an image to paint, makes do with the other."""
    narration = clean_text(item.get("narration"), MAX_NARRATION)
    prompt = clean_text(item.get("prompt"), MAX_PROMPT) or narration[:MAX_PROMPT]
    return Scene(clean_text(item.get("title"), MAX_TITLE), prompt, narration, clean_text(item.get("bgm"), MAX_BGM))


def reads_tts_text(health: Mapping[str, Any]) -> bool:
    """Whether it is a node of this project, or one that says that it reads `tts.text` as ours does."""
    return health.get("node") == OUR_NODE or health.get("tts_text") is True


def has_provider(health: Mapping[str, Any], kind: str) -> bool:
    """Whether `providers` names something that serves this kind of work; an entry may be an object with `available`."""
    providers = health.get("providers")
    served = providers.get(kind) if isinstance(providers, dict) else None
    if isinstance(served, dict):
        served = bool(served) and served.get("available", True)
    return bool(served) and str(served).strip().lower() not in UNSERVED


def health_summary(health: Mapping[str, Any]) -> str:
    """One line, as text of bounded length."""
    providers = health.get("providers")
    served = ", ".join(f"{kind}={name}" for kind, name in providers.items()) if isinstance(providers, dict) else "?"
    return f"{clean_text(str(health.get('status')), 40)} ({clean_text(served, 200)})"


def clean_text(value: object, limit: int) -> str:
    """Without NUL bytes and halves of UTF-16 pairs, trimmed, at most `limit` characters; "" for what is no text."""
    if not isinstance(value, str):
        return ""
    return value.replace("\x00", "").encode("utf-8", "replace").decode().strip()[:limit]


def reason_text(value: object, limit: int) -> str:
    """A failure's reason; some nodes give an object."""
    if isinstance(value, dict | list) and value:
        value = json.dumps(value, ensure_ascii=False)
    return clean_text(value, limit)
