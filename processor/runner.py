"""One task from its claim to its end."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from datetime import datetime

from sqlalchemy.orm import Session
from tenacity import RetryCallState, Retrying, wait_exponential, wait_random

from common import host_faults
from common.caller import Caller, calling
from common.errors import Cancelled, DiskFull, HostUnavailable, NodeUnavailable, StoryToVideoError
from common.request_id import bound
from common.user_text import without_paths
from models import queries, task_transitions
from models.db import retrying
from models.shot import ShotStatus
from models.task import Task, TaskStatus, TaskType
from processor.cancellation import CancellationRegistry, CancelToken
from processor.claimed_task import ClaimedTask
from processor.handlers import film_spec, handler_of
from processor.heartbeat import LEASE_MS
from service.assets import versions
from service.container import Services
from service.film.cache import acquire_slot
from service.metrics import work
from service.metrics.state import KINDS
from service.workflow import completion
from service.workflow.unit_of_work import ProjectUnit, project_unit

log = logging.getLogger(__name__)

WAITING = "等待其他影片完成"
MAX_CRASHES = 5
CRASHED = f"执行该任务的处理进程已 {MAX_CRASHES} 次意外终止，任务停止；请检查服务器日志与内存后重试"
MAX_DOUBLINGS = 4  # of the delay between two retries
UNEXPECTED = "服务器内部错误，请重试；若仍失败请联系管理员"


class Runner:
    """Claims tasks for `owner` and hands them to the handler of their type."""

    def __init__(self, services: Services, registry: CancellationRegistry, owner: str) -> None:
        self._services = services
        self._registry = registry
        self._owner = owner

    def run(self, task_id: str) -> None:
        """Run a task to its end, if it can be claimed. Never raises: errors are written into the row, or its lease expires."""
        token = self._registry.register(task_id)
        if token is None:
            return
        try:
            with self._services.database.read() as session:
                task = queries.task(session, task_id)
            if task is not None:
                self._run_in_slot(task, token)
        except StoryToVideoError as error:
            log.warning("task %s interrupted; the recoverer will resume it: %s", task_id, error)
        except Exception:
            log.exception("task %s crashed; the recoverer will resume it", task_id)  # and the worker takes the next one
        finally:
            self._registry.remove(token)

    def _run_in_slot(self, task: Task, token: CancelToken) -> None:
        with ExitStack() as slot:
            in_slot = self._needs_slot(task)
            if in_slot and not self._acquire_slot(slot):
                self._wait_for_slot(task)
                return
            claimed = self._claim(task)
            if claimed is not None:
                token.owns_lease = True
                request = claimed.request_id or ""
                trace = self._services.queue.trace(request) if request else ""
                with bound(request, trace), calling(Caller(claimed.owner_id, sees_all=True)):
                    log.info("task %s (%s) claimed", claimed.id, claimed.type)
                    self._run_claimed(claimed, token, in_slot=in_slot)

    def _needs_slot(self, task: Task) -> bool:
        """Whether this host makes the task's pictures: a film, or a clip that the node cannot make.

        A clip whose node does not say gets no slot: its handler meets the same silence, and has the task retried.
        """
        if task.type != TaskType.FILM:
            return False
        try:
            return not (task.target_shot_id and self._services.node.provides("i2v"))
        except NodeUnavailable:
            return False

    def _acquire_slot(self, slot: ExitStack) -> bool:
        """Whether the host has a slot for a film or a clip. One that gets none waits in the database, not in a worker.

        Otherwise a few of them would hold all workers, and nobody's images would be made meanwhile.
        """
        settings = self._services.settings
        return acquire_slot(film_spec.cache_dir(settings), settings.film.concurrent, slot)

    @retrying
    def _wait_for_slot(self, task: Task) -> None:
        now, pause_ms = self._services.clock.now(), int(self._services.settings.worker.poll_seconds * 1000)
        with self._services.database.write() as session:
            task_transitions.reschedule(session, task.id, pause_ms=pause_ms, message=WAITING, now=now)

    @retrying
    def _claim(self, known: Task) -> Task | None:
        """The task, claimed, as it is now; None when another processor has it, or when it has ended."""
        with project_unit(self._services, known.project_id) as unit:
            task = queries.task(unit.session, known.id)
            if task is None:
                return None
            if task.is_parent:
                self._adopt_group(unit, task)
                return None
            if not task_transitions.claim(unit.session, task.id, owner=self._owner, now=unit.now, lease_ms=LEASE_MS):
                return None
            unit.session.refresh(task)
            if task.type == TaskType.IMAGE:
                _mark_shot(unit.session, task, now=unit.now)
            if task.parent_id:
                completion.refresh_group(unit, task.parent_id)
        return task

    def _adopt_group(self, unit: ProjectUnit, group: Task) -> None:
        """A whole project's narration that the Go backend left: give it its tasks."""
        if group.status in (TaskStatus.PENDING, TaskStatus.PROCESSING) and not group.depends_on:
            completion.begin_narrations(unit, group)

    def _run_claimed(self, task: Task, token: CancelToken, *, in_slot: bool) -> None:
        claimed = ClaimedTask(self._services, task, token, self._owner, in_slot=in_slot)
        if task.crashes >= MAX_CRASHES:
            self._fail(claimed, CRASHED)
            return
        try:
            versions.delete_orphans(self._services, task)
            handler_of(task)(claimed)
            work.STAGES.observe(self._services.clock.monotonic() - claimed.began, _stage(task))
        except Cancelled:
            log.info("task %s cancelled", task.id)
        except StoryToVideoError as error:
            self._put_off_or_fail(claimed, error, str(error))
        except Exception as error:
            if host_faults.fault_of(error) is None:
                log.exception("task %s failed unexpectedly", task.id)
            self._put_off_or_fail(claimed, error, UNEXPECTED)

    def _put_off_or_fail(self, claimed: ClaimedTask, error: Exception, text: str) -> None:
        """What a dependency or this machine is to blame for is tried again; the rest fails with this text."""
        away = error if isinstance(error, StoryToVideoError) and error.retryable else self._fault(error)
        if away is None:
            self._fail(claimed, text)
        else:
            self._retry_or_fail(claimed, away)

    def _fault(self, error: Exception) -> HostUnavailable | None:
        """The fault of this machine behind an error. Programs that a full disk stops do not always say so: then the disk is asked."""
        fault = host_faults.fault_of(error)
        if fault is not None:
            return fault
        try:
            for folder in (self._services.settings.data_dir, host_faults.temporary_folder()):
                if host_faults.is_full(folder):
                    return DiskFull(host_faults.DISK_FULL)
        except HostUnavailable as full:
            return full
        return None

    @retrying
    def _retry_or_fail(self, claimed: ClaimedTask, error: StoryToVideoError) -> None:
        """A dependency did not answer: schedule a retry, with exponential backoff.

        The node has `worker.dispatch_retries` retries. Storage, whose restart must not cost work that is done, has at least the
        task's time limit. A full disk has no limit: it stops everything, and ends when somebody makes room.
        """
        settings = self._services.settings.worker
        attempts, clock = claimed.task.attempts, self._services.clock
        late = clock.monotonic() - claimed.began > settings.timeout_minutes * 60
        given_up = (late or isinstance(error, NodeUnavailable)) and not isinstance(error, DiskFull)
        if attempts >= settings.dispatch_retries and given_up:
            self._fail(claimed, f"{error}（已重试 {attempts} 次）")
            return
        message = f"{error}，第 {attempts + 1} 次重试"
        log.warning("task %s: %s", claimed.task.id, message)
        with self._services.database.write() as session:
            task_transitions.schedule_retry(
                session,
                claimed.task.id,
                owner=self._owner,
                pause_ms=_pause_ms(attempts, settings.poll_seconds),
                message=without_paths(message),
                now=clock.now(),
            )

    def _fail(self, claimed: ClaimedTask, error: str) -> None:
        log.warning("task %s failed: %s", claimed.task.id, error)
        claimed.fail(error)


def _pause_ms(attempts: int, poll_s: float) -> int:
    """How long to wait after so many retries: twice as long each time, and up to one poll more at random, so that tasks which
    failed together do not come back together. It is not slept: the row keeps it, over restarts and for every processor.
    """
    tries = Retrying(wait=wait_exponential(poll_s, max=poll_s * 2**MAX_DOUBLINGS) + wait_random(0, poll_s))
    state = RetryCallState(tries, None, (), {})
    state.attempt_number = attempts + 1
    return int(1000 * tries.wait(state))


def _stage(task: Task) -> str:
    """What a task's time is counted as."""
    if task.type == TaskType.FILM:
        return "clip" if task.target_shot_id else "film"
    return KINDS[task.type]


def _mark_shot(session: Session, task: Task, *, now: datetime) -> None:
    shot = queries.shot(session, task.target_shot_id)
    if shot is not None:
        shot.status, shot.updated_at = ShotStatus.PROCESSING, now
