"""The model node's part of a task: dispatch, then poll until the job ends."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from common.errors import Cancelled, NodeJobFailed, NodeJobLost, NodeUnavailable, TaskTimeout
from processor import node_envelope
from processor.claimed_task import TaskHandle
from service.node.interface import Job, JobState

log = logging.getLogger(__name__)

AWAY, BACK = "模型节点暂时没有响应，继续等待", "模型节点已恢复响应"


def run_job(handle: TaskHandle, resource_type: str, parameters: Mapping[str, Any] | None = None) -> Job:
    """Dispatch the task, or resume its job after a restart, and poll until it succeeded.

    `parameters` are the task's own unless given. Raises `NodeUnavailable` when the dispatch is to be tried again, `TaskError` when the task
    failed, `Cancelled` when it was called off.
    """
    clock, worker = handle.services.clock, handle.services.settings.worker
    job_id, since = handle.task.job_id, handle.task.started_at or clock.now()
    losses, away = 0, False
    while True:
        handle.check()
        if not job_id:
            job_id, since = _dispatch(handle, resource_type, parameters), clock.now()
        try:
            job = handle.services.node.job(job_id)
        except NodeJobLost:
            losses += 1
            if losses > worker.dispatch_retries:
                raise
            log.warning("task %s: the node lost job %s; dispatching again", handle.task.id, job_id)
            job_id = ""
            continue
        except NodeUnavailable as error:
            log.warning("task %s: %s", handle.task.id, error)
            handle.report(0, AWAY)
            away = True
        else:
            handle.report(job.progress or 0, job.message or (BACK if away else ""))
            away = False
            if job.state is JobState.SUCCEEDED:
                return job
            if job.state is not JobState.WAITING:
                raise NodeJobFailed(_why(job))
        _check_limit(handle, job_id, since)
        clock.wait(handle.watch.wake, worker.poll_seconds)
        handle.watch.wake.clear()


def _dispatch(handle: TaskHandle, resource_type: str, parameters: Mapping[str, Any] | None) -> str:
    """Start the job under the task's id, which keeps our node from starting it twice."""
    handle.check()
    node, task = handle.services.node, handle.task
    job_id = node.generate(node_envelope.build(task, parameters, foreign=not node.speaks_tts_text()))
    if not handle.record_job(resource_type, job_id):
        if not handle.is_open():  # cancelled while the node was answering: nobody else knows this job
            node.cancel(job_id)
        handle.watch.call_off()
        raise Cancelled
    return job_id


def _check_limit(handle: TaskHandle, job_id: str, since: datetime) -> None:
    """The limit counts from the job's start: one that the node lost and that was started again has all of it."""
    minutes = handle.services.settings.worker.timeout_minutes
    if (handle.services.clock.now() - since).total_seconds() <= minutes * 60:
        return
    handle.services.node.cancel(job_id)
    raise TaskTimeout(f"模型节点在 {minutes} 分钟内没有完成，任务超时")


def _why(job: Job) -> str:
    if job.state is JobState.CANCELLED:
        return "模型节点取消了任务"
    return f"模型节点执行失败：{job.error or job.message or '没有给出原因'}"
