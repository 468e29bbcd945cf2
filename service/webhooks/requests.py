"""What a client may ask of webhooks, validated."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from service.fields import Integer
from service.schemas import Request
from service.webhooks.addresses import MAX_URL
from service.workflow.webhook_events import EVENTS

SECRET_PREFIX = "whsec_"  # noqa: S105 - no password
SHORTEST, LONGEST = 24, 64  # bytes of a secret, after Standard Webhooks


def _secret(text: str) -> str:
    if not text:
        return text
    try:
        size = len(base64.b64decode(text.removeprefix(SECRET_PREFIX), validate=True))
    except (binascii.Error, ValueError):
        size = 0
    if not text.startswith(SECRET_PREFIX) or not SHORTEST <= size <= LONGEST:
        raise ValueError(f"应为 {SECRET_PREFIX} 加 {SHORTEST} 到 {LONGEST} 字节的 Base64")
    return text


def _events(given: Any) -> Any:
    """A list, or names with commas between them."""
    return [name.strip() for name in given.split(",") if name.strip()] if isinstance(given, str) else given


def _known(names: list[str]) -> list[str]:
    if not names or not set(names) <= set(EVENTS):
        raise ValueError(f"只能是 {'、'.join(EVENTS)} 中的一个或几个")
    return [name for name in EVENTS if name in names]


Url = Annotated[str, Field(max_length=MAX_URL)]
Secret = Annotated[str, AfterValidator(_secret)]
Events = Annotated[list[str], BeforeValidator(_events), AfterValidator(_known)]


class NewWebhook(Request):
    """POST .../webhooks. A secret is drawn where none is given; None is all events."""

    url: Url
    events: Events | None = None
    secret: Secret = ""


class WebhookChanges(Request):
    """PATCH .../webhooks/:id; None means "not given"."""

    url: Url | None = None
    events: Events | None = None
    enabled: bool | None = None


class NewSecret(Request):
    """POST .../webhooks/:id/rotate. A secret is drawn where none is given."""

    secret: Secret = ""


class DeliveryPage(Request):
    """GET .../webhooks/:id/deliveries."""

    page: Annotated[Integer, Field(ge=1, le=1_000_000)] = 1
    page_size: Annotated[Integer, Field(ge=1, le=100)] = 20
