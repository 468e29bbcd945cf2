"""The answers of `/v1/api/webhooks`, as the document describes them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from routers.openapi.answers import Answer, CamelCased, Time


class Webhook(CamelCased):
    id: str
    url: str
    events: list[Literal["task.ended", "project.ready", "film.made"]]
    enabled: bool
    disabled_reason: str
    failures: int = Field(description="Rounds in a row in which nothing arrived.")
    failing_since: Time
    old_secret_until: Time
    created_at: Time


class OneWebhook(Answer):
    webhook: Webhook


class WebhookWithSecret(OneWebhook):
    secret: str = Field(description="Told this once.")


class Webhooks(Answer):
    webhooks: list[Webhook]
    total: int
    events: list[str]


class WebhookDeleted(Answer):
    message: str
    webhook_id: str


class WebhookDelivery(CamelCased):
    id: str
    event: str
    state: Literal["pending", "delivered", "failed"]
    attempts: int
    status: int = Field(description="Of the receiver's last answer; 0 where there was none.")
    error: str
    next_attempt_at: Time
    created_at: Time
    ended_at: Time
    body: str


class OneDelivery(Answer):
    delivery: WebhookDelivery


class Deliveries(Answer):
    deliveries: list[WebhookDelivery]
    total: int
    page: int
    page_size: int
