"""Use cases of webhooks: who is told, with which secret, and what became of the deliveries."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy.orm import Session

from common.errors import Conflict, InvalidInput, NotFound
from config.addresses import parse_network
from models import webhook as table
from models.base import new_id
from models.database_clock import database_now
from models.db import retrying
from models.webhook import Delivery, DeliveryState, Webhook
from service.container import Services
from service.webhooks.addresses import check_url
from service.webhooks.requests import SECRET_PREFIX, NewSecret, NewWebhook, WebhookChanges
from service.workflow import once, webhook_events
from service.workflow.webhook_events import EVENTS

MOST = 20  # webhooks of one account
OLD_SECRET_COUNTS = timedelta(hours=24)
SECRET_BYTES = 32


def _as_added(services: Services, webhook_id: Any) -> tuple[Webhook, str]:
    row = read(services, str(webhook_id))
    return row, row.secret


@once.once(_as_added)
@retrying
def add(services: Services, wanted: NewWebhook) -> tuple[Webhook, str]:
    """Add a webhook; it, and its secret, which is told this once. Raises `InvalidInput` or `Conflict`."""
    _check_url(services, wanted.url)
    secret = wanted.secret or _drawn()
    with services.database.write() as session:
        now = database_now(session)
        once.begin(session, now)
        if len(table.mine(session)) >= MOST:
            raise Conflict(f"最多 {MOST} 个 webhook，请先删除不用的")
        row = Webhook(
            id=new_id(), url=wanted.url, events=_joined(wanted.events or EVENTS), secret=secret, created_at=now
        )
        session.add(row)
        once.made(session, row.id)
    return row, secret


def listed(services: Services) -> Sequence[Webhook]:
    """The caller's webhooks, oldest first."""
    with services.database.read() as session:
        return table.mine(session)


def read(services: Services, webhook_id: str) -> Webhook:
    """One of the caller's webhooks; raises `NotFound`."""
    with services.database.read() as session:
        return _found(session, webhook_id)


@retrying
def change(services: Services, webhook_id: str, wanted: WebhookChanges) -> Webhook:
    """Change what is given. One that is enabled again begins anew: what had been given up stays so. Raises as `add` does."""
    if wanted.url is not None:
        _check_url(services, wanted.url)
    with services.database.write() as session:
        row = _found(session, webhook_id)
        if wanted.url is not None:
            row.url = wanted.url
        if wanted.events is not None:
            row.events = _joined(wanted.events)
        if wanted.enabled is False and row.disabled_at is None:
            table.disable(session, row.id, "已由用户停用", now=database_now(session))
        if wanted.enabled and row.disabled_at is not None:
            row.disabled_at, row.disabled_reason, row.failing_since = None, "", None
            row.failures = row.retry_at = 0
        session.flush()
        session.refresh(row)
    return row


@retrying
def remove(services: Services, webhook_id: str) -> None:
    """Delete a webhook with its deliveries."""
    with services.database.write() as session:
        table.drop(session, _found(session, webhook_id))


@retrying
def rotate(services: Services, webhook_id: str, wanted: NewSecret) -> tuple[Webhook, str]:
    """Give it another secret. The old one signs beside it for a day, so that no delivery is lost while its receiver is changed over."""
    secret = wanted.secret or _drawn()
    with services.database.write() as session:
        row = _found(session, webhook_id)
        row.old_secret, row.old_until = row.secret, database_now(session) + OLD_SECRET_COUNTS
        row.secret = secret
    return row, secret


@retrying
def test(services: Services, webhook_id: str) -> Delivery:
    """Have a message of the type `webhook.test` sent to it. Raises `Conflict` where the webhook is disabled."""
    with services.database.write() as session:
        row = _enabled(session, webhook_id)
        now = database_now(session)
        body = webhook_events.message(webhook_events.TEST, {"webhook_id": row.id}, now)
        sent = Delivery(
            webhook_id=row.id,
            message_id=webhook_events.new_message_id(),
            event=webhook_events.TEST,
            body=body,
            created_at=now,
        )
        session.add(sent)
        row.retry_at = 0
    return sent


@retrying
def resend(services: Services, webhook_id: str, message_id: str) -> Delivery:
    """Send a delivery once more, now, under its old id. Raises `NotFound`, and `Conflict` where the webhook is disabled."""
    with services.database.write() as session:
        row = _enabled(session, webhook_id)
        found = table.delivery(session, row.id, message_id)
        if found is None:
            raise NotFound("没有这次投递")
        found.state, found.attempts, found.not_before, found.ended_at = DeliveryState.PENDING, 0, 0, None
        row.retry_at = 0
    return found


def deliveries(services: Services, webhook_id: str, *, page: int, page_size: int) -> tuple[list[Delivery], int]:
    """One page of a webhook's deliveries, newest first, and how many there are in all."""
    with services.database.read() as session:
        return table.page_of_deliveries(session, _found(session, webhook_id).id, page=page, page_size=page_size)


def event_names(row: Webhook) -> list[str]:
    """What it is told of."""
    return row.events.split()


def allowed_networks(services: Services) -> list[Any]:
    """The networks of our own that a webhook may lead to."""
    return [parse_network(text) for text in services.settings.webhooks.allow_networks]


def _check_url(services: Services, url: str) -> None:
    wrong = check_url(url, allowed_networks(services))
    if wrong:
        raise InvalidInput("url", f"url {wrong}")


def _found(session: Session, webhook_id: str) -> Webhook:
    row = table.find(session, webhook_id)
    if row is None:
        raise NotFound("webhook 不存在")
    return row


def _enabled(session: Session, webhook_id: str) -> Webhook:
    row = _found(session, webhook_id)
    if row.disabled_at is not None:
        raise Conflict("此 webhook 已停用，请先启用")
    return row


def _joined(names: Sequence[str]) -> str:
    return f" {' '.join(names)} "


def _drawn() -> str:
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()
