"""Sends what webhooks are to be told (`models.webhook`), at start and every second, in threads of its own.

Any number of processes share the work: whoever claims a webhook sends to it alone, one message after another, so that a receiver that is
slow holds up no other. A message that does not arrive is tried again for a day; a receiver that has not taken anything for days is
disabled. A process that dies between sending and writing that down sends again, under the same id.
"""

from __future__ import annotations

import logging
import random
import threading
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy.orm import Session
from standardwebhooks import Webhook as Signer

from common.errors import DependencyError
from models import webhook as table
from models.database_clock import database_now
from models.db import retrying
from models.webhook import Delivery, DeliveryState, Webhook
from service.container import Services
from service.webhooks.endpoints import allowed_networks

if TYPE_CHECKING:
    from service.webhooks.sending import Answer

log = logging.getLogger(__name__)

PERIOD_S = 1.0
AT_ONCE = 8  # webhooks
BATCH = 5  # messages to one of them
MARGIN_S = 60  # by which a claim is longer than its messages may take
PAUSES_S = (5, 30, 120, 600, 1800, 3600, 7200, *5 * (14_400,))  # between the tries of one message: about a day
LONGEST_WISH_S = 7200  # of a receiver that says when to come again
LONGEST_PAUSE_S = 300  # between two rounds to a receiver that took nothing
CLEAN_EVERY_S, CLEAN_AT_ONCE = 3600.0, 500
GONE = 410


class WebhookSender:
    """One thread per process, and one more for each receiver that something is being sent to."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._networks = allowed_networks(services)
        self._cleaned = float("-inf")
        self._threads: list[threading.Thread] = []

    def run(self, stopped: threading.Event) -> None:
        """Send until stopped; the first round is at once."""
        while True:
            try:
                self.send(stopped)
                self._forget()
            except DependencyError as error:
                log.warning("webhooks postponed: %s", error)
            except Exception:
                log.exception("webhooks failed; retrying")  # without this thread nobody would be told
            if self._services.clock.wait(stopped, PERIOD_S):
                return

    def send(self, stopped: threading.Event) -> None:
        """Begin to send what is due, to several receivers at once. Nobody waits for a receiver when all stop: it is sent to again then."""
        with self._services.database.read() as session:
            waiting = table.waiting(session, AT_ONCE - len(self._busy()))
        for row in waiting:
            if self._claim(row):
                thread = threading.Thread(
                    target=self._serve, args=(row, stopped), name=f"webhook-{row.id}", daemon=True
                )
                self._threads.append(thread)
                thread.start()

    def _busy(self) -> list[threading.Thread]:
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        return self._threads

    def wait(self) -> None:
        """Until all that is being sent has been."""
        for thread in self._threads:
            thread.join()

    @retrying
    def _claim(self, row: Webhook) -> bool:
        from service.webhooks.sending import TOTAL_S

        with self._services.database.write() as session:
            return table.claim(session, row, for_ms=int(1000 * (BATCH * TOTAL_S + MARGIN_S)))

    def _serve(self, row: Webhook, stopped: threading.Event) -> None:
        try:
            self._send_all(row, stopped)
        except DependencyError as error:
            log.warning("webhook %s postponed: %s", row.id, error)
        except Exception:
            log.exception("webhook %s failed; retrying", row.id)  # the others are sent to

    def _send_all(self, row: Webhook, stopped: threading.Event) -> None:
        arrived = tried = 0
        gone = False
        with self._services.database.read() as session:
            due = table.due(session, row.id, BATCH)
            now = database_now(session)
        try:
            for delivery in due:
                if stopped.is_set() or gone:
                    break
                answer = self._send_one(row, delivery, now)
                tried += 1
                arrived += answer.is_success
                gone = answer.status == GONE
                if not (arrived or gone or answer.status):
                    break  # nobody is there: the rest of them need not find that out, too
        finally:
            self._note(row, tried=tried, arrived=arrived, gone=gone)

    def _send_one(self, row: Webhook, delivery: Delivery, now: datetime) -> Answer:
        from service.webhooks import sending

        answer = sending.post(row.url, delivery.body.encode(), _headers(row, delivery, now), self._networks)
        self._write(delivery, answer)
        return answer

    @retrying
    def _write(self, delivery: Delivery, answer: Answer) -> None:
        with self._services.database.write() as session:
            now = database_now(session)
            reason = answer.reason or ("" if answer.is_success else f"HTTP {answer.status}")
            ending: dict[str, Any]
            if answer.is_success:
                ending = {"state": DeliveryState.DELIVERED, "not_before": None, "ended_at": now}
            elif delivery.attempts >= len(PAUSES_S):
                ending = {"state": DeliveryState.FAILED, "not_before": None, "ended_at": now}
            else:
                ending = {"not_before": _milliseconds(now) + int(1000 * _pause_s(delivery.attempts, answer))}
            table.tried(session, delivery, status=answer.status, error=reason, **ending)

    @retrying
    def _note(self, row: Webhook, *, tried: int, arrived: int, gone: bool) -> None:
        """Write how the receiver does, and let others send to it again."""
        with self._services.database.write() as session:
            now = database_now(session)
            if arrived or not tried:
                clean = {"failures": 0, "failing_since": None} if arrived else {}
                # Where nothing was even tried it is the fault of ours or of this machine: no receiver's, and not asked again at once.
                table.note(session, row.id, retry_in_ms=0 if arrived else 1000 * PAUSES_S[0], **clean)
            else:
                pause_s = min(PAUSES_S[0] * 2 ** min(row.failures, 10), LONGEST_PAUSE_S)
                since = row.failing_since or now
                table.note(session, row.id, retry_in_ms=1000 * pause_s, failures=row.failures + 1, failing_since=since)
                days = self._services.settings.webhooks.disable_after_days
                if now - since >= timedelta(days=days):
                    _disable(session, row, f"连续 {days:g} 天没有一次投递成功", now)
            if gone:
                _disable(session, row, "接收方回答 410：不再需要", now)

    def _forget(self) -> None:
        monotonic = self._services.clock.monotonic()
        if monotonic - self._cleaned < CLEAN_EVERY_S:
            return
        self._cleaned = monotonic
        kept = timedelta(days=self._services.settings.webhooks.keep_days)
        while self._forget_some(kept) == CLEAN_AT_ONCE:
            pass

    @retrying
    def _forget_some(self, kept: timedelta) -> int:
        with self._services.database.write() as session:
            return table.forget(session, kept=kept, now=database_now(session), limit=CLEAN_AT_ONCE)


def _disable(session: Session, row: Webhook, reason: str, now: datetime) -> None:
    log.warning("webhook %s is disabled: %s", row.id, reason)
    table.disable(session, row.id, reason, now=now)


def _headers(row: Webhook, delivery: Delivery, now: datetime) -> dict[str, str]:
    """Those of Standard Webhooks; while an old secret still counts there is a signature of either."""
    secrets = [row.secret] + ([row.old_secret] if row.old_secret and row.old_until and now < row.old_until else [])
    signatures = [Signer(secret).sign(delivery.message_id, now, delivery.body) for secret in secrets]
    return {
        "Content-Type": "application/json; charset=utf-8",
        "User-Agent": "StoryToVideo-Webhooks",
        "webhook-id": delivery.message_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def _pause_s(attempts: int, answer: Answer) -> float:
    """Before the next try: longer each time and never quite the same, or what the receiver wishes."""
    own = PAUSES_S[min(attempts, len(PAUSES_S) - 1)] * random.uniform(0.9, 1.1)  # noqa: S311 - no secret
    return max(own, min(answer.retry_after_s, LONGEST_WISH_S))


def _milliseconds(time: datetime) -> int:
    return int(time.timestamp() * 1000)
