"""Where a job's asset lies on the node, and a bounded stream over it.

The node must not make the server fetch anything else: of an address on loopback or on the node's own host only the path counts, taken on
the address that is configured; any other host is refused.
"""

from __future__ import annotations

import io
import ipaddress
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import requests

from service.errors import BadNodeResult, NodeUnavailable
from service.node.transport import CHUNK, download_path, file_path

MAX_SECONDS = 600.0  # of one download, however slowly the node sends


def locate(result: Mapping[str, Any], node_host: str) -> str:
    """The request path of a job's asset. Raises `BadNodeResult` when the job left none, or one on a foreign host."""
    url = resource_url(result)
    if url:
        return path_on_node(url, node_host)
    path = _reported_path(result)
    if path:
        return download_path(path)
    raise BadNodeResult("模型节点报告任务完成，但没有给出结果文件（resource_url 为空）")


def resource_url(result: Mapping[str, Any]) -> str:
    """`resource_url`, or the URL of the first of `resources`; "" when there is neither."""
    candidates = [result.get("resource_url")]
    resources = result.get("resources")
    for item in resources if isinstance(resources, list) else []:
        if isinstance(item, dict):
            candidates += [item.get("url"), item.get("resource_url")]
    return next((value.strip() for value in candidates if isinstance(value, str) and value.strip()), "")


def path_on_node(url: str, node_host: str) -> str:
    """The path and query of a URL that the node reported."""
    try:
        parts = urlsplit(url.replace("\\", "/"))
        host = parts.hostname
    except ValueError as error:
        raise BadNodeResult(f"模型节点给出的地址无法理解：{url[:200]}") from error
    if parts.scheme not in ("", "http", "https"):
        raise BadNodeResult(f"模型节点给出的地址不是 HTTP：{url[:200]}")
    if host is not None and host != node_host and not _is_loopback(host):
        raise BadNodeResult(f"模型节点给出了其他主机的地址，已拒绝：{host[:200]}")
    path = "/" + parts.path.lstrip("/")
    return file_path(path) + (f"?{file_path(parts.query)}" if parts.query else "")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback or ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return host.lower() == "localhost"


def _reported_path(result: Mapping[str, Any]) -> str:
    """`task_video.path` or the first shot's `path`, as nodes without `resource_url` report it at the top of the result."""
    video = result.get("task_video")
    if isinstance(video, dict) and isinstance(video.get("path"), str):
        return str(video["path"])
    shots = result.get("task_shots")
    items = shots.get("generated_shots") if isinstance(shots, dict) else None
    if isinstance(items, list) and items and isinstance(items[0], dict) and isinstance(items[0].get("path"), str):
        return str(items[0]["path"])
    return ""


class AssetStream(io.RawIOBase):
    """A response's body, bounded in bytes and in time, whose errors are ours."""

    def __init__(self, response: requests.Response, limit: int) -> None:
        super().__init__()
        self._response = response
        self._chunks = response.iter_content(CHUNK)
        self._limit = limit
        self._size = 0
        self._deadline = time.monotonic() + MAX_SECONDS

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        """The next piece, of whatever length the network gives; b"" at the end. `size` is a hint that is not needed."""
        try:
            chunk = next(self._chunks, b"")
        except requests.RequestException as error:
            raise NodeUnavailable(f"从模型节点下载时连接中断：{type(error).__name__}") from error
        self._size += len(chunk)
        if self._size > self._limit:
            raise BadNodeResult(f"模型节点的文件超过 {self._limit >> 20} MB")
        if time.monotonic() > self._deadline:
            raise NodeUnavailable(f"从模型节点下载超过 {MAX_SECONDS:.0f} 秒")
        return chunk

    def close(self) -> None:
        if not self.closed:
            self._response.close()
        super().close()
