"""Reading what a model node answers: a job's id, where its asset lies, the node's health, reasons.

Jobs that are polled are read by `job_report`, scenes by `storyboard`. Nodes in the field put the same thing in different places. What they
write is cleaned and bounded before it is used.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from common.errors import BadNodeResult, NodeRejected
from service.node.address import NodeAddress, download_path

MAX_TEXT = 2000  # characters
_WORDS = ("message", "msg", "detail", "reason")  # of an object that is a reason: where its words are
MAX_ID = 128  # characters

OUR_NODE = "storytovideo"
UNSERVED = {"", "none", "null", "off", "no", "disabled", "unavailable", "false"}


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
    why = told_reason(answer)
    raise NodeRejected(f"模型节点没有给出任务编号{'：' + why if why else ''}")


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


def serves(health: Mapping[str, Any], kind: str) -> bool:
    """Whether such work may be sent there: a node that says nothing of its providers does what every node must, which i2v is not."""
    if isinstance(health.get("providers"), dict) and health["providers"]:
        return has_provider(health, kind)
    return kind != "i2v"


def is_degraded(health: Mapping[str, Any], kind: str) -> bool:
    """Whether another provider than the intended one does this kind of work, or none."""
    degraded = health.get("degraded")
    return isinstance(degraded, dict) and bool(degraded.get(kind))


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
    if isinstance(value, dict):
        words = (value.get(name) for name in _WORDS)
        value = next((word for word in words if isinstance(word, str) and word.strip()), value)
    if isinstance(value, dict | list) and value:
        value = json.dumps(value, ensure_ascii=False)
    return clean_text(value, limit)


def told_reason(answer: Mapping[str, Any]) -> str:
    """Why an answer is none, in the node's own words; "" where it does not say."""
    given = (reason_text(answer.get(name), MAX_TEXT) for name in ("error", "message", "msg", "detail"))
    return next(filter(None, given), "")
