"""POST /api/webhook/task_complete: the model node says that a job of ours has ended.

Nothing in the delivery is believed but the task's id: it only makes the processor ask the node now instead of at its next poll. So a
delivery that comes twice, or late, changes nothing.
"""

from __future__ import annotations

from flask import Blueprint, request

from common.errors import InvalidInput, NotFound
from common.request_id import request_id
from routers import params, wire
from service import tasks, webhook
from service.context import Services
from service.request_errors import shorten
from service.requests import is_id


def blueprint(services: Services) -> Blueprint:
    """The route over these services; without a shared secret there is none."""
    routes = Blueprint("webhook", __name__)

    @routes.post("/webhook/task_complete")
    def task_complete() -> wire.Json:
        secret = services.settings.worker.webhook_secret
        if not secret:
            raise NotFound("没有这个地址")
        raw = params.body_of(request)
        body = params.json_object(raw)
        webhook.verify(secret, raw, body, request.headers.get("X-Signature", ""), services.clock.now())
        task_id = body.get("task_id")
        if not isinstance(task_id, str):
            raise InvalidInput("task_id", "task_id 必须是文本")
        if not is_id(task_id):
            raise NotFound(f"task not found: {shorten(task_id)}")
        services.events.nudge(tasks.get(services, task_id).id)
        return {"code": 0, "message": "ok", "request_id": request_id()}

    return routes
