"""Where a task's job goes: choosing a node, starting the job there, and moving it off a node that is away.

With one node the job goes there, and what that node says of it is raised. With several the row names the node before the job is sent, so
that whoever takes the task over asks there first: the same task is no second job on a node of ours.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from common.errors import Cancelled, DiskFull, NodeForbids, NodeUnavailable, StoryToVideoError
from models.task import TaskType
from processor import node_envelope
from processor.claimed_task import ClaimedTask
from service.node.client import NodeClient

log = logging.getLogger(__name__)

KINDS: dict[str, str] = {
    TaskType.STORYBOARD: "llm",
    TaskType.IMAGE: "t2i",
    TaskType.NARRATION: "tts",
    TaskType.FILM: "i2v",
}
MOVED = "模型节点没有响应，任务已改由其他节点执行"


class Dispatcher:
    """One task's jobs, one after the other. `parameters` are the task's own unless given."""

    def __init__(self, claimed: ClaimedTask, resource_type: str, parameters: Mapping[str, Any] | None) -> None:
        self._claimed, self._resource_type, self._parameters = claimed, resource_type, parameters
        self._pool, self._kind = claimed.services.node, KINDS[claimed.task.type]
        self._unable: set[str] = set()
        self._begun = "" if claimed.task.job_id else claimed.task.node or ""

    def resumed(self) -> tuple[NodeClient, str]:
        """The node and the job that the row names; "" where it names none, or a node that is none of ours any more."""
        task = self._claimed.task
        node = self._pool.of_row(task.node)
        if node is None:
            log.warning("task %s: its node %s is not configured any more", task.id, task.node)
            return self._pool.first, ""
        return node, task.job_id

    def dispatch(self) -> tuple[NodeClient, str]:
        """Start the job; returns the node that took it, and its id there.

        Raises `NodeUnavailable` when no node took it and a later try may do better, `DiskFull` when one had no room.
        """
        tried, again = set(self._unable), True
        last: StoryToVideoError | None = None  # why the last one did not take it
        node: NodeClient | None = None
        while True:
            self._claimed.check()
            node = node or self._choose(tried, last)
            try:
                job_id = self._ask(node)
            except (NodeUnavailable, DiskFull, NodeForbids) as error:
                if not self._pool.several:
                    raise
                log.warning("task %s: %s did not take it: %s", self._claimed.task.id, node.name, error)
                lost = isinstance(error, NodeUnavailable) and not error.refused  # it may have the job all the same
                if lost and again and node.breaker.allows():
                    again = False  # only the answer was lost: asked once more it names the same job
                    continue
                self._give_up(node, self._claimed.task.id if lost else "")
                tried.add(node.name)
                node, again, last = None, True, error
            else:
                self._keep(node, job_id)
                return node, job_id

    def moved_off(self, node: NodeClient, job_id: str) -> bool:
        """Whether a silent node's job is another's to do now. It is deleted there when that node is back."""
        if not self._pool.several:
            return False
        _, strays = self._claimed.nodes_at_work()
        if not self._pool.elsewhere(self._kind, {node.name, *self._unable, *strays}):
            return False
        log.warning("task %s: job %s is moved off %s, which is silent", self._claimed.task.id, job_id, node.name)
        self._record("", "", left=(node.name, job_id))
        self._claimed.report(0, MOVED)
        return True

    def can_do_without(self, node: NodeClient) -> bool:
        """Whether another node may still do what this one cannot."""
        self._unable.add(node.name)
        if not self._pool.elsewhere(self._kind, self._unable):
            return False
        log.warning("task %s: %s has no model for it; asking another node", self._claimed.task.id, node.name)
        return True

    def _choose(self, tried: set[str], last: StoryToVideoError | None) -> NodeClient:
        if not self._pool.several:
            return self._pool.first
        begun, self._begun = self._pool.named(self._begun), ""
        if begun is not None:
            if begun.breaker.allows():
                return begun
            self._give_up(begun, self._claimed.task.id)
        with self._pool.choosing:
            jobs, strays = self._claimed.nodes_at_work()
            try:
                node = self._pool.choose(self._kind, jobs, tried | strays)
            except NodeUnavailable as error:
                raise last if isinstance(last, (NodeUnavailable, DiskFull)) else error from None
            node.breaker.chosen()
            self._record("", node.name)
        return node

    def _ask(self, node: NodeClient) -> str:
        """Have the job started under the task's id, which keeps our node from starting it twice."""
        foreign = not node.speaks_tts_text()
        job_id = node.generate(node_envelope.build(self._claimed.task, self._parameters, foreign=foreign))
        node.breaker.took()
        return job_id

    def _keep(self, node: NodeClient, job_id: str) -> None:
        claimed = self._claimed
        if not claimed.record_job(self._resource_type, job_id, node.name):
            if not claimed.is_open():  # cancelled while the node was answering: no one else knows this job
                node.cancel(job_id)
            claimed.cancel_token.cancel()
            raise Cancelled

    def _give_up(self, node: NodeClient, job_id: str) -> None:
        """The node did not take the job; what it may have begun under this id, if it is one, is deleted later."""
        node.breaker.not_taken()
        self._record("", "", left=(node.name, job_id) if job_id else None)

    def _record(self, job_id: str, node: str, *, left: tuple[str, str] | None = None) -> None:
        if not self._claimed.record_job(self._resource_type, job_id, node, left=left):
            self._claimed.cancel_token.cancel()
            raise Cancelled
