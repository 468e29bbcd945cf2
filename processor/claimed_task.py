"""The task as its handler has it: the services, the cancel token, and the few writes that it may make.

Every write is guarded by the task's lease. A write that hits nothing means that the task was cancelled, deleted or taken over: `Cancelled`
stops the handler, which cleans up. What users read names no folder of this machine.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from common.errors import Cancelled
from common.user_text import without_paths
from models import queries, stray_job, task_transitions
from models.db import retrying
from models.task import OPEN, Task
from processor.cancellation import CancelToken
from service.container import Services
from service.node.interface import ModelNode
from service.workflow import completion
from service.workflow.unit_of_work import ProjectUnit, project_unit

RUNNING_MAX = 99  # 100 is for finished tasks


class ClaimedTask:
    """One claimed task. `task` is as it was claimed; `cancel_token` says whether to stop.

    `node` has its job, once there is one. `in_slot`: it holds one of the host's slots for making films. `began` is when the task was first
    claimed, by whichever processor, on this one's monotonic clock. `outcome` is the result of its job on the node, once that has ended,
    well or badly: what it cost is counted however the task ends.
    """

    def __init__(
        self, services: Services, task: Task, cancel_token: CancelToken, owner: str, *, in_slot: bool = False
    ) -> None:
        self.services = services
        self.task = task
        self.cancel_token = cancel_token
        self.in_slot = in_slot
        self.node: ModelNode = services.node.of_row(task.node) or services.node.first
        self.began = services.clock.monotonic() - _age_s(task)
        self.outcome: dict[str, Any] | None = None
        self._owner = owner
        self._seen = (task.progress or 0, task.message or "")

    def check(self) -> None:
        """Raise `Cancelled` when the task was cancelled."""
        if self.cancel_token.is_set():
            raise Cancelled

    @retrying
    def record_job(self, resource_type: str, job_id: str, node: str, *, left: tuple[str, str] | None = None) -> bool:
        """Store the node and its job's id, "" as long as it has none; False when the lease is no longer ours.

        `left` are the node and the job that it had before: they are deleted when that node is back.
        """
        now, task_id = self.services.clock.now(), self.task.id
        result = {"resource_type": resource_type, "resource_id": job_id, "resource_url": ""}
        with self.services.database.write() as session:
            ours = task_transitions.record_job(session, task_id, owner=self._owner, result=result, node=node, now=now)
            if ours and left:
                stray_job.leave(session, task_id, *left)
            return ours

    def nodes_at_work(self) -> tuple[dict[str, int], set[str]]:
        """How many tasks each node has now, by name; and the nodes that may still have a job of this task which is not wanted there."""
        with self.services.database.read() as session:
            return queries.jobs_by_node(session), stray_job.nodes_of(session, self.task.id)

    @retrying
    def give_up_job(self, resource_type: str) -> None:
        """Forget the node's job, which ended: the next attempt is another one. What this one cost is counted here."""
        with project_unit(self.services, self.task.project_id) as unit:
            result = {"resource_type": resource_type, "resource_id": "", "resource_url": ""}
            ours = task_transitions.record_job(
                unit.session, self.task.id, owner=self._owner, result=result, node="", now=self.services.clock.now()
            )
            if ours:
                completion.charge(unit, self.outcome)
        self.outcome = None

    def is_open(self) -> bool:
        """Whether the task is still to be done, by us or by the processor that took it over, which then has the same job on the node."""
        with self.services.database.read() as session:
            task = queries.task(session, self.task.id)
            return task is not None and task.status in OPEN

    def report(self, progress: int, message: str) -> None:
        """Write progress (0 to 99) and message when they changed; progress never goes back."""
        seen = (min(max(progress, self._seen[0]), RUNNING_MAX), without_paths(message) or self._seen[1])
        if seen == self._seen:
            return
        if not self._record_progress(*seen):
            self.cancel_token.cancel()
            raise Cancelled
        self._seen = seen

    @retrying
    def _record_progress(self, progress: int, message: str) -> bool:
        """Without the project's lock, unless the task's group has to be told."""
        record = partial(
            task_transitions.record_progress,
            task_id=self.task.id,
            owner=self._owner,
            progress=progress,
            message=message,
            now=self.services.clock.now(),
        )
        if not self.task.parent_id:
            with self.services.database.write() as session:
                return record(session)
        with project_unit(self.services, self.task.project_id) as unit:
            ours = record(unit.session)
            if ours:
                completion.refresh_group(unit, self.task.parent_id)
            return ours

    def finish(self, result: dict[str, Any], message: str, write: Callable[[ProjectUnit], None]) -> None:
        """Finish the task. Its row, and what `write` changes, become visible in one commit; then the tasks that depend on it are enqueued.

        Raises `Cancelled`, with nothing written, when the lease is no longer ours.
        """
        completion.finish(
            self.services, self.task, owner=self._owner, result=result, message=without_paths(message), write=write
        )

    def fail(self, error: str) -> None:
        """End the task with an error, which its user reads."""
        completion.fail(self.services, self.task, owner=self._owner, error=without_paths(error), result=self.outcome)


def _age_s(claimed: Task) -> float:
    """Seconds from the first claim of a task to the one by which it was just written, both of which are the database's times."""
    return (claimed.updated_at - (claimed.started_at or claimed.updated_at)).total_seconds()
