"""Jobs that were left on a model node that was away: each is given to another node, and deleted there once the first is back."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, cast

from sqlalchemy import BigInteger, CursorResult, Integer, String, delete, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base, insert_missing
from models.database_clock import database_ms

PASSES = 2  # a request that lay unread in a node that hung may start its job only after the first


class StrayJob(Base):
    """`job_id` is the node's own, or the task's id where the node did not live to tell it: ours know their jobs by that as well.

    `passes` are those that are left; it is not due before `not_before` (ms since 1970 by the database's clock).
    """

    __tablename__ = "stray_job"

    task_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    node: Mapped[str] = mapped_column(String(255), primary_key=True)
    job_id: Mapped[str] = mapped_column(String(128), primary_key=True)
    passes: Mapped[int] = mapped_column(Integer, default=PASSES)
    not_before: Mapped[int] = mapped_column(BigInteger, default=0)


def leave(session: Session, task_id: str, node: str, job_id: str) -> None:
    """The task's job is not wanted on this node any more."""
    values = {"task_id": task_id, "node": node, "job_id": job_id, "passes": PASSES, "not_before": 0}
    insert_missing(session, StrayJob, [values])


def nodes_of(session: Session, task_id: str) -> set[str]:
    """The nodes that may still have a job of this task which is to be deleted: until that is done it cannot have another there."""
    return set(session.scalars(select(StrayJob.node).where(StrayJob.task_id == task_id)))


def due(session: Session, *, away: Collection[str], limit: int) -> Sequence[StrayJob]:
    """What is to be deleted now, but on nodes that are away."""
    now = select(StrayJob).where(StrayJob.not_before <= database_ms(), StrayJob.node.not_in(away))
    return session.scalars(now.order_by(StrayJob.not_before, StrayJob.task_id).limit(limit)).all()


def deleted(session: Session, stray: StrayJob, *, again_ms: int) -> None:
    """The node has been told; once more after `again_ms`, while passes are left. Whoever else told it meanwhile has counted it."""
    same = (*_same(stray), StrayJob.passes == stray.passes)
    if stray.passes > 1:
        again = update(StrayJob).where(*same).values(passes=stray.passes - 1, not_before=database_ms() + again_ms)
        session.execute(again.execution_options(synchronize_session=False))
    else:
        session.execute(delete(StrayJob).where(*same).execution_options(synchronize_session=False))


def forget(session: Session, stray: StrayJob) -> bool:
    """Its node is none of ours any more; whether the row was there."""
    done = session.execute(delete(StrayJob).where(*_same(stray)).execution_options(synchronize_session=False))
    return cast("CursorResult[Any]", done).rowcount == 1


def _same(stray: StrayJob) -> tuple[Any, ...]:
    return (StrayJob.task_id == stray.task_id, StrayJob.node == stray.node, StrayJob.job_id == stray.job_id)
