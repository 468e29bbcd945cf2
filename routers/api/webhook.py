"""POST /api/webhook/task_complete: the model node says that a job of ours has ended.

Nothing in the delivery is believed but the task's id: it only wakes the processor's poll, which asks the node. So a
delivery that comes twice, or late, changes nothing.

A delivery carries a `timestamp` and is signed by HMAC-SHA256 under the shared secret, in hex, in one of two forms: in the body as
`signature`, over the rest of the body as canonical JSON (keys sorted, no blanks, UTF-8), or as a header over the raw body.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

from flask import Blueprint, request

from common.errors import Forbidden, InvalidInput, NotFound
from common.request_id import request_id
from routers import request_params, serializers
from service import tasks
from service.container import Services
from service.fields import is_id, shorten

TOLERANCE = timedelta(minutes=5)


def blueprint(services: Services) -> Blueprint:
    """The route over these services; without a shared secret there is none."""
    routes = Blueprint("webhook", __name__)

    @routes.post("/webhook/task_complete")
    def task_complete() -> serializers.Json:
        secret = services.settings.worker.webhook_secret
        if not secret:
            raise NotFound("没有这个地址")
        raw = request_params.body_of(request)
        body = request_params.json_object(raw)
        verify(secret, raw, body, request.headers.get("X-Signature", ""), services.clock.now())
        task_id = body.get("task_id")
        if not isinstance(task_id, str):
            raise InvalidInput("task_id", "task_id 必须是文本")
        if not is_id(task_id):
            raise NotFound(f"task not found: {shorten(task_id)}")
        services.events.wake(tasks.get(services, task_id).id)
        return {"code": 0, "message": "ok", "request_id": request_id()}

    return routes


def sign(secret: str, message: bytes) -> str:
    """HMAC-SHA256 in hex."""
    return hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()


def canonical(body: Mapping[str, Any]) -> bytes:
    """The bytes that the signature in a body covers."""
    rest = {name: value for name, value in body.items() if name != "signature"}
    return json.dumps(rest, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")


def verify(secret: str, raw: bytes, body: Mapping[str, Any], header: str, now: datetime) -> None:
    """Raise `Forbidden` unless one of the two signatures holds and the timestamp is less than five minutes off."""
    given = header or body.get("signature")
    expected = sign(secret, raw if header else canonical(body))
    if not isinstance(given, str) or not hmac.compare_digest(
        given.lower().encode("utf-8", "replace"), expected.encode()
    ):
        raise Forbidden("签名无效")
    sent = _time(body.get("timestamp"))
    if sent is None or abs(now - sent) > TOLERANCE:
        raise Forbidden("时间戳缺失或相差超过 5 分钟")


def _time(value: Any) -> datetime | None:
    """Seconds since 1970, as a number or as text, or RFC 3339."""
    try:
        if isinstance(value, str) and not value.replace(".", "", 1).isdigit():
            parsed = datetime.fromisoformat(value.replace("Z", "+00:00"))
            return parsed if parsed.tzinfo else parsed.replace(tzinfo=timezone.utc)
        return datetime.fromtimestamp(float(value), timezone.utc)
    except (TypeError, ValueError, OverflowError, OSError):
        return None
