"""What is in storage once the outbox has been worked off."""

from __future__ import annotations

import itertools
import threading

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.outbox import UPLOADING, Removal
from processor.removals import Remover
from service.container import Services
from tests.support.wait import wait_until

STEP_MS = 60_000  # more than a removal waits for its second pass, or for its next try; less than an upload may take


class LaterRemover(Remover):
    """One whose clock is so many milliseconds ahead."""

    def __init__(self, services: Services, ahead_ms: int) -> None:
        super().__init__(services)
        self._ahead_ms = ahead_ms

    def _now_ms(self, session: Session) -> int:
        return super()._now_ms(session) + self._ahead_ms


def outbox(services: Services) -> list[Removal]:
    """Its rows."""
    with services.database.read() as session:
        return list(session.scalars(select(Removal).order_by(Removal.object_key)))


def sweep(services: Services, *, ahead_ms: int = 0) -> bool:
    """One round of removals, as if it were so much later."""
    return LaterRemover(services, ahead_ms).remove(threading.Event())


def swept(services: Services, prefix: str = "") -> list[str]:
    """The keys in storage once all that is to be removed is gone."""
    times = itertools.count(0, STEP_MS)

    def is_empty() -> bool:
        sweep(services, ahead_ms=next(times))
        return all(row.passes == UPLOADING for row in outbox(services))

    wait_until(is_empty, 60, "the end of all removals")
    return list(services.store.list(prefix))
