"""The task: one piece of work and its life."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from common.caller import owner_of_new_rows
from common.request_id import made_task, request_id
from models.base import Base, new_id, next_sequence
from models.types import JsonObject, TextEnum


class TaskType(TextEnum):
    """What is to be made."""

    STORYBOARD = "generate_storyboard"
    IMAGE = "generate_shot"
    NARRATION = "generate_audio"
    FILM = "generate_video"


class TaskStatus(TextEnum):
    """`blocked → pending → processing → finished | failed | cancelled`; every move is one guarded UPDATE (`models.task_transitions`)."""

    BLOCKED = "blocked"
    PENDING = "pending"
    PROCESSING = "processing"
    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"


WAITING = (TaskStatus.BLOCKED, TaskStatus.PENDING)
OPEN = (TaskStatus.BLOCKED, TaskStatus.PENDING, TaskStatus.PROCESSING)
ENDED = (TaskStatus.FINISHED, TaskStatus.FAILED, TaskStatus.CANCELLED)


def dependencies(parameters: dict[str, Any] | None) -> list[str]:
    """Ids of the tasks that must end before the one with these parameters starts."""
    found = (parameters or {}).get("depends_on")
    return [task_id for task_id in found if isinstance(task_id, str)] if isinstance(found, list) else []


def target_shot(shot_id: str | None, parameters: dict[str, Any] | None) -> str:
    """See `Task.target_shot_id`."""
    return shot_id or str(((parameters or {}).get("shot") or {}).get("shotId") or "")


def has_no_shot(type_: str, target_shot_id: str) -> bool:
    """See `Task.is_parent`."""
    return type_ == TaskType.NARRATION and not target_shot_id


class Task(Base):
    """A task's row.

    `parameters` and `result` are the wire's objects (see `service.workflow.payloads`). While the task is processing,
    `result.resource_id` is the model node's job id; `node` is that node's address, from before it has the job until after it is done.
    `lease_owner` may write the row until `lease_until`; a task is not enqueued before `not_before` (both ms since 1970 by the database's
    clock). `attempts` counts the retries after a dependency did not answer, `crashes` the processors that died while running it.
    `owner_id` is the account that asked for it; who may see it is the project's owner.
    """

    __tablename__ = "task"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("project.id", ondelete="CASCADE"))
    shot_id: Mapped[str | None] = mapped_column(ForeignKey("shot.id", ondelete="SET NULL"), default=None)
    type: Mapped[str] = mapped_column(String(32))
    status: Mapped[str] = mapped_column(String(32))
    progress: Mapped[int | None] = mapped_column(Integer, default=0)
    message: Mapped[str | None] = mapped_column(Text, default="")
    parameters: Mapped[dict[str, Any] | None] = mapped_column(JsonObject, default=dict)
    result: Mapped[dict[str, Any] | None] = mapped_column(JsonObject, default=dict)
    error: Mapped[str | None] = mapped_column(Text, default="")
    estimated_duration: Mapped[int | None] = mapped_column(Integer, default=0)
    started_at: Mapped[datetime | None] = mapped_column(default=None)
    finished_at: Mapped[datetime | None] = mapped_column(default=None)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    seq: Mapped[int] = mapped_column(BigInteger, default=next_sequence)
    parent_id: Mapped[str | None] = mapped_column(String(64), default=None)
    lease_owner: Mapped[str | None] = mapped_column(String(64), default=None)
    lease_until: Mapped[int] = mapped_column(BigInteger, default=0)
    not_before: Mapped[int] = mapped_column(BigInteger, default=0)
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    crashes: Mapped[int] = mapped_column(Integer, default=0)
    request_id: Mapped[str | None] = mapped_column(String(64), default=None)
    node: Mapped[str | None] = mapped_column(String(255), default=None)
    owner_id: Mapped[str | None] = mapped_column(String(64), default=owner_of_new_rows)

    @classmethod
    def new(
        cls,
        type_: TaskType,
        project_id: str,
        *,
        now: datetime,
        message: str,
        parameters: dict[str, Any],
        status: TaskStatus = TaskStatus.PENDING,
        shot_id: str | None = None,
        parent_id: str | None = None,
        request: str | None = None,
    ) -> Task:
        """A task that `request` (an id; None: the request being served) asks for."""
        task_id = new_id()
        made_task(task_id)
        return cls(
            id=task_id,
            project_id=project_id,
            shot_id=shot_id,
            parent_id=parent_id,
            type=type_,
            status=status,
            message=message,
            parameters=parameters,
            request_id=request_id() if request is None else request,
            created_at=now,
            updated_at=now,
        )

    @property
    def depends_on(self) -> list[str]:
        """Ids of the tasks that must end before this one starts."""
        return dependencies(self.parameters)

    @property
    def job_id(self) -> str:
        """The model node's job, or ""."""
        return str((self.result or {}).get("resource_id") or "")

    @property
    def target_shot_id(self) -> str:
        """The id of the shot that this task makes something for, or "". The Go backend kept it in the parameters only."""
        return target_shot(self.shot_id, self.parameters)

    @property
    def is_parent(self) -> bool:
        """Whether this is the narration of a whole project: it runs nowhere itself, its state is its children's."""
        return has_no_shot(self.type, self.target_shot_id)
