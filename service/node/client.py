"""The model node behind `service.node.job.ModelNode`."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from typing import Any, BinaryIO, cast
from urllib.parse import quote

from service.errors import BadNodeResult, NodeJobLost, NodeUnavailable, StoryToVideoError
from service.node.assets import AssetStream, locate, path_on_node, resource_url
from service.node.job import Job, Scene
from service.node.job_reader import read_job, read_job_id
from service.node.storyboard_reader import scenes_in_file, scenes_inside
from service.node.transport import Transport

log = logging.getLogger(__name__)

HEALTH_FOR_S = 60.0
OURS = "storytovideo"
UNSERVED = {"", "none", "off", "disabled", "false"}


class NodeClient:
    """One model node. Thread-safe."""

    def __init__(
        self, addr: str, *, max_download: int = 512 << 20, connect_s: float = 5.0, read_s: float = 30.0
    ) -> None:
        self._transport = Transport(addr, connect_s=connect_s, read_s=read_s)
        self._max_download = max_download
        self._lock = threading.Lock()
        self._health: Mapping[str, Any] = {}
        self._health_until = 0.0

    def generate(self, envelope: Mapping[str, Any]) -> str:
        """See `ModelNode.generate`."""
        try:
            return read_job_id(self._transport.json("POST", "/v1/generate", envelope))
        except NodeJobLost as error:  # 404 on this route: there is something else at this address
            raise NodeUnavailable(f"{self._transport.base} 不是模型节点（没有 /v1/generate）") from error

    def job(self, job_id: str) -> Job:
        """See `ModelNode.job`. An answer that cannot be understood is a node that does not answer."""
        try:
            return read_job(self._transport.json("GET", f"/v1/jobs/{quote(job_id, safe='')}"), job_id)
        except BadNodeResult as error:
            raise NodeUnavailable(str(error)) from error

    def cancel(self, job_id: str) -> None:
        """See `ModelNode.cancel`."""
        try:
            self._transport.open("DELETE", f"/v1/jobs/{quote(job_id, safe='')}").close()
        except StoryToVideoError as error:
            log.info("the node did not cancel job %s: %s", job_id, error)

    def storyboard(self, job: Job) -> list[Scene]:
        """See `ModelNode.storyboard`: the scenes in the result, else those in the file that it names."""
        scenes = scenes_inside(job.result)
        if scenes:
            return scenes
        url = resource_url(job.result)
        if not url:
            raise BadNodeResult("模型节点报告任务完成，但没有给出分镜")
        try:
            return scenes_in_file(self._transport.list(path_on_node(url, self._transport.host)))
        except NodeJobLost as error:
            raise BadNodeResult(f"模型节点的分镜文件不存在：{url[:200]}") from error

    def asset(self, job: Job) -> BinaryIO:
        """See `ModelNode.asset`."""
        path = locate(job.result, self._transport.host)
        try:
            response = self._transport.open("GET", path)
        except NodeJobLost as error:
            raise BadNodeResult(f"模型节点的结果文件不存在：{path[:200]}") from error
        return cast("BinaryIO", AssetStream(response, self._max_download))

    def provides(self, kind: str) -> bool:
        """See `ModelNode.provides`; a node that does not say provides nothing beyond what every node must."""
        providers = self._read_health().get("providers")
        served = providers.get(kind) if isinstance(providers, dict) else None
        return bool(served) and str(served).strip().lower() not in UNSERVED

    def speaks_tts_text(self) -> bool:
        """See `ModelNode.speaks_tts_text`."""
        health = self._read_health()
        return health.get("node") == OURS or health.get("tts_text") is True

    def check(self) -> str:
        """See `ModelNode.check`; raises `NodeUnavailable`."""
        try:
            health = self._transport.json("GET", "/health")
        except (BadNodeResult, NodeJobLost) as error:
            raise NodeUnavailable(f"{self._transport.base} 不是模型节点：{error}") from error
        providers = health.get("providers")
        served = ", ".join(f"{kind}={name}" for kind, name in providers.items()) if isinstance(providers, dict) else "?"
        return f"{self._transport.base} {str(health.get('status'))[:40]} ({served[:200]})"

    def _read_health(self) -> Mapping[str, Any]:
        """/health, asked for once a minute; a node that does not answer it is taken for a foreign one, and asked again next time."""
        with self._lock:
            if time.monotonic() < self._health_until:
                return self._health
        try:
            health = self._transport.json("GET", "/health")
        except StoryToVideoError as error:
            log.info("the node does not answer /health: %s", error)
            return {}
        with self._lock:
            self._health, self._health_until = health, time.monotonic() + HEALTH_FOR_S
        return health
