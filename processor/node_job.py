"""The model node's part of a task: dispatch, then poll until the job ends."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Mapping
from typing import Any

from common.errors import DiskFull, NodeJobFailed, NodeJobLost, NodeUnavailable, StoryToVideoError, TaskTimeout
from common.host_faults import says_full
from processor.claimed_task import ClaimedTask
from processor.node_dispatch import Dispatcher
from service.node.client import NodeClient
from service.node.interface import Job, JobState
from service.node.responses import clean_text
from service.node.usage import read_usage
from service.workflow import payloads

log = logging.getLogger(__name__)

AWAY, BACK = "模型节点暂时没有响应，继续等待", "模型节点已恢复响应"
DONE = "完成"  # how our node's message of a finished job begins
MAX_TOLD = 500  # characters
MODEL_UNAVAILABLE = 903
NODE_FULL = "模型节点的磁盘空间不足"


def run_job(claimed: ClaimedTask, resource_type: str, parameters: Mapping[str, Any] | None = None) -> Job:
    """Dispatch the task, or resume its job after a restart, and poll until it succeeded; `claimed.node` then has the result.

    `parameters` are the task's own unless given. Raises `NodeUnavailable` when the dispatch is to be retried, `DiskFull` when the node has
    no room for the job or its result, `TaskError` when the task failed, `Cancelled` when it was cancelled.
    """
    clock, worker = claimed.services.clock, claimed.services.settings.worker
    dispatcher = Dispatcher(claimed, resource_type, parameters)
    (node, job_id), since = dispatcher.resumed(), claimed.began
    losses, word = 0, ""
    silent_since: float | None = None
    while True:
        claimed.check()
        if not job_id:
            (node, job_id), since, silent_since = dispatcher.dispatch(), clock.monotonic(), None
        claimed.node, asked = node, clock.monotonic()
        try:
            job = node.job(job_id)
        except NodeJobLost:
            losses += 1
            if losses > worker.dispatch_retries:
                raise
            log.warning("task %s: the node lost job %s; redispatching", claimed.task.id, job_id)
            job_id = ""
            continue
        except NodeUnavailable as error:
            silent_since = asked if silent_since is None else silent_since
            if clock.monotonic() - silent_since >= worker.node_patience and dispatcher.moved_off(node, job_id):
                job_id = ""
                continue
            log.warning("task %s: %s", claimed.task.id, error)
            claimed.report(0, AWAY)
        else:
            claimed.report(job.progress or 0, job.message or (BACK if silent_since is not None else ""))
            silent_since, word = None, job.unknown_word
            if job.state is not JobState.WAITING:
                claimed.outcome = outcome(resource_type, job)
            if job.state is JobState.SUCCEEDED:
                return job
            if job.state is not JobState.WAITING:
                _check_is_elsewhere(claimed, resource_type, dispatcher, job, node)
                job_id = ""
                continue
        _check_limit(claimed, resource_type, job_id, since, word)
        clock.wait(claimed.cancel_token.wake, worker.poll_seconds)
        claimed.cancel_token.wake.clear()


def _check_is_elsewhere(
    claimed: ClaimedTask, resource_type: str, dispatcher: Dispatcher, job: Job, node: NodeClient
) -> None:
    """Raise the failure of a job, unless it is only that this node has no model for it, and another may have."""
    if says_full(f"{job.error} {job.message}"):
        node.breaker.not_taken()
        claimed.give_up_job(resource_type)
        raise DiskFull(NODE_FULL)
    if job.code != MODEL_UNAVAILABLE or not dispatcher.can_do_without(node):
        raise NodeJobFailed(_why(job))
    claimed.give_up_job(resource_type)


def _check_limit(claimed: ClaimedTask, resource_type: str, job_id: str, since: float, word: str) -> None:
    """The limit counts from the job's start (monotonic clock): a job that the node lost and that was redispatched has all of it.

    `word` is what the node calls the job's state, where we do not know it: it may well mean an end.
    """
    minutes = claimed.services.settings.worker.timeout_minutes
    if claimed.services.clock.monotonic() - since <= minutes * 60:
        return
    claimed.node.cancel(job_id)
    with contextlib.suppress(StoryToVideoError):  # what it used until now is paid
        claimed.outcome = outcome(resource_type, claimed.node.job(job_id))
    unknown = f"；节点报告的状态“{word}”无法识别" if word else ""
    raise TaskTimeout(f"模型节点在 {minutes} 分钟内没有完成，任务超时{unknown}")


def told(made: str, job: Job) -> str:
    """What a finished task says: what was made, and what our node has to tell of it, such as who made it in whose place."""
    begin, comma, rest = job.message.partition("，")
    return f"{made}，{clean_text(rest, MAX_TOLD)}" if begin == DONE and comma else made


def outcome(resource_type: str, job: Job, url: str = "") -> dict[str, Any]:
    """A task's `result` by its job, with who made it and what that took, where the node says so."""
    return {**payloads.result(resource_type, job.id, url), **read_usage(job.result)}


def _why(job: Job) -> str:
    if job.state is JobState.CANCELLED:
        return "模型节点取消了任务"
    if job.code == MODEL_UNAVAILABLE:
        return f"没有可用的模型（{MODEL_UNAVAILABLE}）：{job.error or job.message or '没有给出原因'}"
    return f"模型节点执行失败：{job.error or job.message or '没有给出原因'}"
