"""The model node behind `service.node.interface.ModelNode`."""

from __future__ import annotations

import io
import json
import logging
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from common.errors import (
    BadNodeResult,
    NodeForbids,
    NodeJobLost,
    NodeRejected,
    NodeUnavailable,
    NotFound,
    StoryToVideoError,
)
from service.node import responses
from service.node.address import NodeAddress
from service.node.breaker import Breaker
from service.node.interface import Character, Job, Scene, Voice
from service.node.job_report import read_job
from service.node.responses import asset_path, read_job_id, resource_url
from service.node.storyboard import cast_inside, scenes_in_file, scenes_inside
from service.node.voices import read_voices

if TYPE_CHECKING:
    from service.node.transport import Transport

log = logging.getLogger(__name__)

HEALTH_FOR_S = 60.0
MAX_NAME = 255  # characters: the width of the column
MAX_ERROR = 1 << 16  # bytes of an error in place of an asset
VOICES_WITHIN_S, SAMPLE_WITHIN_S = 90.0, 150.0
MAX_SAMPLE = 4 << 20  # bytes
CANCEL_WITHIN_S = 5.0  # a cancel is best effort and must not block


class NodeClient:
    """One model node at `addr` ("host:port" or a whole URL; raises `InvalidInput` for anything else). Thread-safe.

    `token` is what the node asks of every request, "" nothing. `max_download` bounds an asset in bytes. `connect_s` and `read_s` bound the
    waits for a connection and for the next byte; `answer_s` and `download_s` a whole answer and a whole asset, however slowly the node
    sends them; `poll_s` a poll, which is made again and must not hold up the worker whose task is cancelled meanwhile. All are seconds.
    """

    def __init__(
        self,
        addr: str,
        *,
        token: str = "",
        max_download: int = 512 << 20,
        connect_s: float = 5.0,
        read_s: float = 30.0,
        answer_s: float = 60.0,
        poll_s: float = 10.0,
        download_s: float = 600.0,
    ) -> None:
        self._address = NodeAddress.parse(addr)

        def transport() -> Transport:
            from service.node.transport import Transport  # its library is a good part of a start, which asks no node

            return Transport(self._address, token=token, connect_s=connect_s, read_s=read_s, answer_s=answer_s)

        self._make_transport = transport  # and no attribute holds the token, which somebody might print
        self.breaker = Breaker()
        self._max_download = max_download
        self._poll_s = poll_s
        self._download_s = download_s
        self._lock = threading.Lock()
        self._health: Mapping[str, Any] = {}
        self._health_until = 0.0
        self._voices: list[Voice] = []
        self._voices_until = 0.0

    @cached_property
    def _transport(self) -> Transport:
        return self._make_transport()

    @property
    def name(self) -> str:
        """What rows and the log call the node: its address without credentials."""
        return self._address.base[:MAX_NAME]

    def generate(self, envelope: Mapping[str, Any]) -> str:
        """See `ModelNode.generate`."""
        try:
            with self._noting():
                return read_job_id(self._transport.json_object("POST", "/v1/generate", envelope))
        except NodeJobLost as error:  # 404 on this route: there is something else at this address
            raise NodeUnavailable(f"{self._address.base} 不是模型节点（没有 /v1/generate）", refused=True) from error

    def job(self, job_id: str) -> Job:
        """See `ModelNode.job`."""
        with self._noting():
            return read_job(self._transport.json_object("GET", _job_path(job_id), within_s=self._poll_s), job_id)

    def cancel(self, job_id: str) -> bool:
        """See `ModelNode.cancel`."""
        try:
            with self._transport.open("DELETE", _job_path(job_id), within_s=CANCEL_WITHIN_S) as body:
                body.readall()
        except StoryToVideoError as error:
            log.info("the node did not cancel job %s: %s", job_id, error)
            return not isinstance(error, NodeUnavailable)
        return True

    def storyboard(self, job: Job) -> list[Scene]:
        """See `ModelNode.storyboard`: the scenes in the result, else those in the file that it names."""
        scenes = scenes_inside(job.result)
        if scenes:
            return scenes
        if not resource_url(job.result):
            raise BadNodeResult("模型节点报告任务完成，但没有给出分镜")
        path = asset_path(job.result, self._address)
        try:
            return scenes_in_file(self._transport.content("GET", path))
        except (NodeJobLost, NodeRejected) as error:
            raise BadNodeResult(f"模型节点的分镜文件无法读取：{error}") from error

    def cast(self, job: Job) -> list[Character]:
        """See `ModelNode.cast`."""
        return cast_inside(job.result)

    def asset(self, job: Job) -> io.BufferedReader:
        """See `ModelNode.asset`."""
        path = asset_path(job.result, self._address)
        try:
            body = self._transport.open("GET", path, limit=self._max_download, within_s=self._download_s)
        except (NodeJobLost, NodeRejected) as error:
            raise BadNodeResult(f"模型节点的结果文件无法读取：{error}") from error
        stream: io.BufferedReader = io.BufferedReader(body)
        try:
            _check_is_no_error(stream)
        except BaseException:
            stream.close()
            raise
        return stream

    def provides(self, kind: str) -> bool:
        """See `ModelNode.provides`; a node that does not say provides nothing beyond what every node must."""
        return responses.has_provider(self._read_health(), kind)

    def speaks_tts_text(self) -> bool:
        """See `ModelNode.speaks_tts_text`. One whose health cannot be had counts as foreign: ours understands that as well."""
        try:
            return responses.reads_tts_text(self._read_health())
        except NodeUnavailable as error:
            log.info("the node does not answer /health: %s", error)
            return False

    def voices(self) -> list[Voice]:
        """See `ModelNode.voices`."""
        with self._lock:
            if time.monotonic() < self._voices_until:
                return self._voices
        try:
            answer = self._transport.json_object("GET", "/v1/voices", within_s=VOICES_WITHIN_S)
        except (NodeJobLost, NodeRejected):
            answer = {}
        found = read_voices(answer, self._address)
        with self._lock:
            self._voices, self._voices_until = found, time.monotonic() + HEALTH_FOR_S
        return found

    def voice_sample(self, provider: str, voice: str) -> bytes:
        """See `ModelNode.voice_sample`."""
        paths = (each.sample for each in self.voices() if (each.provider, each.id) == (provider, voice))
        path = next(paths, "")
        if not path:
            raise NotFound("没有这个声音")
        try:
            with self._transport.open("GET", path, limit=MAX_SAMPLE, within_s=SAMPLE_WITHIN_S) as body:
                return body.readall()
        except (NodeJobLost, NodeRejected) as error:
            raise BadNodeResult(f"模型节点没有给出试听：{error}") from error

    def check(self) -> str:
        """See `ModelNode.check`; raises `NodeUnavailable`."""
        try:
            found = self._transport.json_object("GET", "/health", within_s=self._poll_s)
        except (NodeJobLost, NodeRejected) as error:
            raise NodeUnavailable(f"{self._address.base} 不是模型节点：{error}") from error
        return f"{self._address.base} {responses.health_summary(found)}"

    def look(self, *, within_s: float) -> str:
        """Ask for /health now; one line on it. Raises `NodeUnavailable`, and `NodeForbids` where the token is wrong."""
        return responses.health_summary(self._ask_health(within_s, forgiving=False))

    @property
    def is_known(self) -> bool:
        """Whether the node has ever answered /health."""
        return self._health_until > 0

    def serves(self, kind: str) -> bool:
        """Whether such work may be sent to the node, by what it last said; one that never said anything may do what every node must."""
        return responses.serves(self._health, kind)

    def says(self, kind: str) -> bool:
        """Whether the node last said that it serves this kind of work."""
        return responses.has_provider(self._health, kind)

    def is_degraded(self, kind: str) -> bool:
        """Whether the node last said that another provider than the intended one does this kind of work."""
        return responses.is_degraded(self._health, kind)

    def _read_health(self) -> Mapping[str, Any]:
        """/health, asked for once a minute. A node that has none says nothing; one that does not answer raises `NodeUnavailable`."""
        with self._lock:
            if time.monotonic() < self._health_until:
                return self._health
        return self._ask_health(self._poll_s)

    def _ask_health(self, within_s: float, *, forgiving: bool = True) -> Mapping[str, Any]:
        try:
            with self._noting():
                found: Mapping[str, Any] = self._transport.json_object("GET", "/health", within_s=within_s)
        except (NodeJobLost, NodeRejected) as error:
            if isinstance(error, NodeForbids) and not forgiving:
                self.breaker.not_taken()
                raise
            found = {}
        with self._lock:
            self._health, self._health_until = found, time.monotonic() + HEALTH_FOR_S
        return found

    @contextmanager
    def _noting(self) -> Iterator[None]:
        """Tell the breaker whether there was an answer."""
        try:
            yield
        except NodeUnavailable:
            self.breaker.silent()
            raise
        except StoryToVideoError:
            self.breaker.answered()
            raise
        self.breaker.answered()


def _job_path(job_id: str) -> str:
    return f"/v1/jobs/{quote(job_id, safe='')}"


def _check_is_no_error(asset: io.BufferedReader) -> None:
    """Raise `BadNodeResult` for a JSON object in place of an asset: nodes tell there why they have none."""
    head = asset.peek(MAX_ERROR)[:MAX_ERROR]
    if not head.lstrip().startswith(b"{"):
        return
    content = asset.read(MAX_ERROR)
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        found = None
    why = responses.told_reason(found) if isinstance(found, dict) else ""
    raise BadNodeResult(
        f"模型节点没有给出结果文件，而是：{why or responses.clean_text(content.decode('utf-8', 'replace'), 300)}"
    )
