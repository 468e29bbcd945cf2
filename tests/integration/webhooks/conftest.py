"""Services with webhooks, and who sends them, a round at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from config.settings import WebhookSettings
from models.webhook import Delivery, Webhook
from processor.webhooks import WebhookSender
from service.container import Services
from service.webhooks import endpoints, sending
from service.webhooks.requests import NewWebhook
from tests.support.columns import DATABASES, address_of
from tests.support.soak import soaking
from tests.support.web_app import make_settings, open_services

Send = Callable[[], None]


@pytest.fixture(params=soaking(DATABASES, keep=1))
def services(request: pytest.FixtureRequest, tmp_path: Path, redis_url: str) -> Iterator[Services]:
    address = address_of(request.param, request)
    settings = make_settings(tmp_path / "data", address)
    settings = settings.model_copy(update={"webhooks": WebhookSettings(allow_networks=["127.0.0.1"])})
    with open_services(settings, redis_url) as parts:
        yield parts


@pytest.fixture
def send(services: Services) -> Send:
    """Send what is due, and wait until that is done."""
    sender = WebhookSender(services)

    def round_() -> None:
        sender.send(threading.Event())
        sender.wait()

    return round_


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is waited for long."""
    monkeypatch.setattr(sending, "TOTAL_S", 0.4)
    monkeypatch.setattr(sending, "CONNECT_S", 0.2)


def added(services: Services, url: str, events: list[str] | None = None) -> tuple[Webhook, str]:
    """A webhook, and its secret."""
    return endpoints.add(services, NewWebhook(url=url, events=events))


def log_of(services: Services, row: Webhook) -> list[Delivery]:
    """Its deliveries, newest first."""
    return endpoints.deliveries(services, row.id, page=1, page_size=100)[0]


def due_now(services: Services) -> None:
    """As if all pauses were over."""
    with services.database.write() as session:
        session.query(Delivery).filter(Delivery.not_before.is_not(None)).update({"not_before": 0})
        session.query(Webhook).update({"retry_at": 0})
