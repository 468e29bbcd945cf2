"""Where a job's result lies on the node."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from common.errors import BadNodeResult
from service.node.address import NodeAddress, download_path


def locate(result: Mapping[str, Any], address: NodeAddress) -> str:
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
