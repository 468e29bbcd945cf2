"""Webhooks: whose programs want to be told of what, and the deliveries, written in the commit of what they tell."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import (
    BigInteger,
    CursorResult,
    Integer,
    String,
    Text,
    delete,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Mapped, Session, mapped_column

from common import caller
from models.account import Account
from models.base import Base
from models.database_clock import database_ms
from models.types import TextEnum, Timestamp


class DeliveryState(TextEnum):
    """How far a delivery is."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


class Webhook(Base):
    """An address that is told of `events` (with a blank between, before and behind them).

    `account_id` is its owner's, whose projects it hears of; NULL where nobody logs in. `old_secret` signs beside `secret` until
    `old_until`. Nothing is sent to it before `retry_at` (ms since 1970 by the database's clock): whoever sends puts that into the future,
    and so is alone.
    """

    __tablename__ = "webhook"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    account_id: Mapped[str | None] = mapped_column(String(64), default=caller.owner_of_new_rows)
    url: Mapped[str] = mapped_column(String(2048))
    events: Mapped[str] = mapped_column(String(255))
    secret: Mapped[str] = mapped_column(String(255))
    old_secret: Mapped[str] = mapped_column(String(255), default="")
    old_until: Mapped[datetime | None] = mapped_column(default=None)
    failing_since: Mapped[datetime | None] = mapped_column(default=None)
    disabled_at: Mapped[datetime | None] = mapped_column(default=None)
    disabled_reason: Mapped[str] = mapped_column(String(255), default="")
    failures: Mapped[int] = mapped_column(Integer, default=0)
    retry_at: Mapped[int] = mapped_column(BigInteger, default=0)
    created_at: Mapped[datetime]


class Delivery(Base):
    """One message to one webhook. `body` is what is sent, byte for byte, however often; `status` and `error` are the last try's.

    It is tried at `not_before` (ms since 1970 by the database's clock), which is NULL where nothing more is tried.
    """

    __tablename__ = "webhook_delivery"

    webhook_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    message_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    event: Mapped[str] = mapped_column(String(64))
    body: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(16), default=DeliveryState.PENDING)
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    not_before: Mapped[int | None] = mapped_column(BigInteger, default=0)
    status: Mapped[int | None] = mapped_column(Integer, default=None)
    error: Mapped[str] = mapped_column(String(255), default="")
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None] = mapped_column(default=None)


def announce(session: Session, owner_id: str | None, event: str, message_id: str, body: str, *, now: datetime) -> None:
    """Have all webhooks of the owner that want the event be told, in one statement, whether there are any or not."""
    row = {
        "message_id": literal(message_id),
        "event": literal(event),
        "body": literal(body),
        "state": literal(DeliveryState.PENDING.value),
        "attempts": literal(0),
        "not_before": literal(0),
        "error": literal(""),
        "created_at": literal(now, Timestamp()),
    }
    owned = Webhook.account_id.is_(None) if owner_id is None else Webhook.account_id == owner_id
    wants = Webhook.events.contains(f" {event} ", autoescape=True)
    told = select(Webhook.id, *row.values()).where(owned, wants, Webhook.disabled_at.is_(None))
    session.execute(insert(Delivery).from_select(["webhook_id", *row], told, include_defaults=False))


def mine(session: Session) -> Sequence[Webhook]:
    """The caller's webhooks, oldest first."""
    return session.scalars(select(Webhook).where(*_own()).order_by(Webhook.created_at, Webhook.id)).all()


def find(session: Session, webhook_id: str) -> Webhook | None:
    """The webhook, or None; another's is as if it were not there."""
    row = session.scalar(select(Webhook).where(Webhook.id == webhook_id, *_own()))
    return row if row is not None and row.id == webhook_id else None


def drop(session: Session, webhook: Webhook) -> None:
    """Delete a webhook with its deliveries."""
    session.execute(delete(Delivery).where(Delivery.webhook_id == webhook.id))
    session.delete(webhook)


def page_of_deliveries(session: Session, webhook_id: str, *, page: int, page_size: int) -> tuple[list[Delivery], int]:
    """One page, newest first, and how many there are in all."""
    of_webhook = Delivery.webhook_id == webhook_id
    total = session.scalar(select(func.count()).select_from(Delivery).where(of_webhook)) or 0
    newest = select(Delivery).where(of_webhook).order_by(Delivery.created_at.desc(), Delivery.message_id)
    return list(session.scalars(newest.limit(page_size).offset((page - 1) * page_size))), total


def delivery(session: Session, webhook_id: str, message_id: str) -> Delivery | None:
    """The delivery, or None."""
    found = session.get(Delivery, (webhook_id, message_id))
    return found if found is not None and found.message_id == message_id else None


def waiting(session: Session, limit: int) -> Sequence[Webhook]:
    """Webhooks to which something is to be sent now, those first that have waited longest. Not those of an account that is disabled."""
    due = select(Delivery.message_id).where(
        Delivery.webhook_id == Webhook.id, Delivery.not_before.is_not(None), Delivery.not_before <= database_ms()
    )
    disabled = select(Account.id).where(Account.id == Webhook.account_id, Account.disabled_at.is_not(None))
    chosen = select(Webhook).where(
        Webhook.disabled_at.is_(None), Webhook.retry_at <= database_ms(), due.exists(), ~disabled.exists()
    )
    return session.scalars(chosen.order_by(Webhook.retry_at, Webhook.id).limit(limit)).all()


def claim(session: Session, webhook: Webhook, *, for_ms: int) -> bool:
    """Be the only one who sends to this webhook for so long; False when somebody else is."""
    free = (Webhook.id == webhook.id, Webhook.retry_at == webhook.retry_at)
    done = session.execute(update(Webhook).where(*free).values(retry_at=database_ms() + for_ms))
    return cast("CursorResult[Any]", done).rowcount == 1


def due(session: Session, webhook_id: str, limit: int) -> Sequence[Delivery]:
    """What is to be sent to the webhook now, the most overdue first."""
    of_webhook = (
        Delivery.webhook_id == webhook_id,
        Delivery.not_before.is_not(None),
        Delivery.not_before <= database_ms(),
    )
    oldest = select(Delivery).where(*of_webhook).order_by(Delivery.not_before, Delivery.created_at)
    return session.scalars(oldest.limit(limit)).all()


def tried(session: Session, tried_: Delivery, *, status: int | None, error: str, **values: Any) -> None:
    """Write what became of one try. Nothing happens where the delivery is gone, with its webhook."""
    same = (Delivery.webhook_id == tried_.webhook_id, Delivery.message_id == tried_.message_id)
    values |= {"attempts": Delivery.attempts + 1, "status": status, "error": error[:255]}
    session.execute(update(Delivery).where(*same).values(**values).execution_options(synchronize_session=False))


def note(session: Session, webhook_id: str, *, retry_in_ms: int, **values: Any) -> None:
    """Write how the webhook does, and let it be sent to again after so long."""
    values["retry_at"] = database_ms() + retry_in_ms
    of_webhook = update(Webhook).where(Webhook.id == webhook_id).values(**values)
    session.execute(of_webhook.execution_options(synchronize_session=False))


def disable(session: Session, webhook_id: str, reason: str, *, now: datetime) -> None:
    """Send nothing more to it; what waits is given up."""
    ended = update(Delivery).where(Delivery.webhook_id == webhook_id, Delivery.state == DeliveryState.PENDING)
    session.execute(
        ended.values(state=DeliveryState.FAILED, not_before=None, ended_at=now).execution_options(
            synchronize_session=False
        )
    )
    values = {"disabled_at": now, "disabled_reason": reason[:255]}
    session.execute(update(Webhook).where(Webhook.id == webhook_id).values(**values))


def forget(session: Session, *, kept: timedelta, now: datetime, limit: int) -> int:
    """Delete at most so many deliveries that ended longer ago than they are kept, and those without a webhook; returns how many."""
    there = select(Webhook.id).where(Webhook.id == Delivery.webhook_id)
    ended = Delivery.state != DeliveryState.PENDING
    old = select(Delivery.webhook_id, Delivery.message_id).where(
        Delivery.created_at < now - kept, or_(ended, ~there.exists())
    )
    rows = session.execute(old.limit(limit)).all()
    for webhook_id, message_id in rows:
        session.execute(delete(Delivery).where(Delivery.webhook_id == webhook_id, Delivery.message_id == message_id))
    return len(rows)


def _own() -> tuple[Any, ...]:
    """What leaves the caller's own rows of a statement's."""
    owner = caller.restricted_to()
    return () if owner is None else (Webhook.account_id == owner,)
