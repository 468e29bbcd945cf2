"""Removes from storage what the outbox (`models.outbox`) says, at start and every few seconds, in a thread of its own; and, for good, what
was deleted over an hour ago (`service.deletions`).

Any number of processes share the work: a removal is claimed for a while, and making it twice does no harm. One that fails is tried again
later, however often; while storage is away it is asked now and then.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from common.errors import DependencyError, StoryToVideoError
from models import database_clock, outbox, queries
from models.asset import Asset
from models.db import retrying
from models.outbox import Claim, Removal
from service import deletions
from service.container import Services
from service.oss import keys, links

log = logging.getLogger(__name__)

PERIOD_S = 3.0
LONGEST_PAUSE_S = 15.0  # between two rounds, and between two tries of one removal
BATCH = 100
BATCH_S = 20.0  # after which nothing more of a batch is begun
CLAIM_S = 120.0  # a process that has said nothing of its batch for so long is dead
SETTLE_S = 10.0  # after which an upload that failed has come to its end within the storage, too

Outcomes = Mapping[Claim, Exception | None]


class Remover:
    """One thread per process."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def run(self, stopped: threading.Event) -> None:
        """Remove until stopped; the first round is at once."""
        pause = PERIOD_S
        while True:
            went_well = False
            try:
                went_well = self.remove(stopped)
            except DependencyError as error:
                log.warning("removal of objects postponed: %s", error)
            except Exception:
                log.exception("removal of objects failed; retrying")  # without this thread objects would stay for good
            pause = PERIOD_S if went_well else min(2 * pause, LONGEST_PAUSE_S)
            if self._services.clock.wait(stopped, pause):
                return

    def remove(self, stopped: threading.Event) -> bool:
        """One round: remove what is due, with it what was deleted and cannot be had back any more. False when nothing of a batch could be
        removed: storage seems to be away.
        """
        self._purge()
        while claims := self._claim():
            named = self._named(claims)
            outcomes = {
                claim: None if claim.key in named else self._try(claim) for claim in self._in_time(claims, stopped)
            }
            self._note(claims, outcomes, named)
            failed = {claim.key: error for claim, error in outcomes.items() if error is not None}
            if failed:
                key, reason = next(iter(failed.items()))
                log.warning("%d objects cannot be removed yet, such as %s: %s", len(failed), key, reason)
            if stopped.is_set() or len(failed) == len(outcomes):
                return not failed
        return True

    def _now_ms(self, session: Session) -> int:
        """By the database's clock, since the processes that share the work may not agree about the time."""
        return database_clock.milliseconds(session)

    def _purge(self) -> None:
        with self._services.database.read() as session:
            now_ms = self._now_ms(session)
        deletions.purge(self._services, now_ms)

    def _claim(self) -> list[Claim]:
        with self._services.database.read() as session:
            now_ms = self._now_ms(session)
            due = outbox.due(session, now_ms, BATCH)
        return self._take(due, until_ms=now_ms + int(CLAIM_S * 1000)) if due else []

    @retrying
    def _take(self, due: Sequence[Removal], *, until_ms: int) -> list[Claim]:
        with self._services.database.write() as session:
            return outbox.claim(session, due, until_ms=until_ms)

    def _named(self, claims: list[Claim]) -> set[str]:
        """What rows name after all: an upload that was committed, a project that was put back from a copy of the database."""
        wanted = [claim.key for claim in claims]
        with self._services.database.read() as session:
            stored = select(Asset.object_key).where(Asset.object_key.in_(wanted), Asset.stored_at.is_not(None))
            found = set(session.scalars(stored))
            for project_id in {claim.project_id for claim in claims}:
                found |= self._named_by(session, project_id)
        return found

    def _named_by(self, session: Session, project_id: str) -> set[str]:
        bucket = self._services.settings.minio.bucket
        named = queries.stored_names(session, project_id)
        return {key for name in named if (key := links.key_of(name, bucket)) is not None}

    def _in_time(self, claims: list[Claim], stopped: threading.Event) -> Iterator[Claim]:
        clock = self._services.clock
        begun = clock.monotonic()
        for claim in claims:
            if stopped.is_set() or clock.monotonic() - begun > BATCH_S:
                return
            yield claim

    def _try(self, claim: Claim) -> Exception | None:
        """Remove the object and what belongs to it; returns what kept it from that, which must not keep the next from theirs."""
        try:
            if claim.key.endswith("/"):
                self._services.store.remove_prefix(claim.key, but=self._announced(claim.project_id))
                return None
            for key in keys.parts_of(claim.key):
                self._services.store.remove(key)
        except StoryToVideoError as error:
            return error
        except Exception as error:
            log.exception("cannot remove %s", claim.key)
            return error
        return None

    def _announced(self, project_id: str) -> set[str]:
        """What has a removal of its own, when its time comes."""
        with self._services.database.read() as session:
            return set(outbox.keys_of(session, project_id))

    @retrying
    def _note(self, claims: list[Claim], outcomes: Outcomes, named: set[str]) -> None:
        """Write what became of the claims. Those that were not begun are anybody's again."""
        with self._services.database.write() as session:
            now_ms = self._now_ms(session)
            for claim in claims:
                if claim not in outcomes:
                    outbox.postpone(session, claim, not_before_ms=now_ms, attempts=claim.attempts)
                elif outcomes[claim] is not None:
                    later = now_ms + int(_pause_s(claim.attempts) * 1000)
                    outbox.postpone(session, claim, not_before_ms=later, attempts=claim.attempts + 1)
                elif claim.key in named:
                    outbox.drop(session, claim)
                else:
                    outbox.removed(session, claim, again_ms=now_ms + int(SETTLE_S * 1000))


def _pause_s(attempts: int) -> float:
    """How long to wait after so many failures before this one: twice as long each time."""
    return float(min(PERIOD_S * 2 ** min(attempts, 10), LONGEST_PAUSE_S))
