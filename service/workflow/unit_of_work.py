"""One unit of work over a project, and what is to be done when it is committed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.orm import Session

from models import queries
from models.project import Project
from models.queries import Locked
from models.task import Task
from service.container import Services
from service.workflow import once
from service.workflow.cancellation import stop_work
from service.workflow.dispatch import enqueue


@dataclass
class ProjectUnit:
    """The session, and what waits for its commit.

    `project` is locked, and None when there is none. `now` is the database's time, so that what follows from something is never older
    than it, whichever hosts the two were done on. `ended` are tasks whose work is to be stopped; `ready` are ids to be enqueued.
    """

    session: Session
    project: Project | None
    now: datetime
    ended: list[Task] = field(default_factory=list)
    ready: list[str] = field(default_factory=list)


@contextmanager
def project_unit(
    services: Services, project_id: str, *, lock: Callable[[Session, str], Locked] = queries.lock_project
) -> Iterator[ProjectUnit]:
    """Lock the project and commit what the block did; then stop the work on what ended, and enqueue what became ready.

    Whoever moves a project's tasks holds its lock, so that no two ends miss each other. An exception rolls everything back.
    """
    with services.database.write() as session:
        unit = ProjectUnit(session, *lock(session, project_id))
        once.begin(session, unit.now)
        yield unit
    stop_work(services, unit.ended)
    enqueue(services, unit.ready)
