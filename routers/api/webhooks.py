"""`/v1/api/webhooks`: addresses that are told what ended, and the log of what they were told."""

from __future__ import annotations

from flask import Blueprint, request

from routers import request_params, serializers
from service.container import Services
from service.webhooks import endpoints
from service.webhooks.requests import DeliveryPage, NewSecret, NewWebhook, WebhookChanges
from service.workflow.webhook_events import EVENTS


def blueprint(services: Services) -> Blueprint:
    """The routes over these services."""
    routes = Blueprint("webhooks", __name__)

    @routes.post("/webhooks")
    def add() -> tuple[serializers.Json, int]:
        wanted = request_params.parse(NewWebhook, request, services.settings)
        row, secret = endpoints.add(services, wanted)
        return {"webhook": serializers.webhook(row), "secret": secret}, 201

    @routes.get("/webhooks")
    def listed() -> serializers.Json:
        found = [serializers.webhook(row) for row in endpoints.listed(services)]
        return {"webhooks": found, "total": len(found), "events": list(EVENTS)}

    @routes.get("/webhooks/<webhook_id>")
    def read(webhook_id: str) -> serializers.Json:
        return {"webhook": serializers.webhook(endpoints.read(services, webhook_id))}

    @routes.patch("/webhooks/<webhook_id>")
    def change(webhook_id: str) -> serializers.Json:
        wanted = request_params.parse(WebhookChanges, request, services.settings)
        return {"webhook": serializers.webhook(endpoints.change(services, webhook_id, wanted))}

    @routes.delete("/webhooks/<webhook_id>")
    def remove(webhook_id: str) -> serializers.Json:
        endpoints.remove(services, webhook_id)
        return {"message": "webhook 已删除", "webhook_id": webhook_id}

    @routes.post("/webhooks/<webhook_id>/rotate")
    def rotate(webhook_id: str) -> serializers.Json:
        wanted = request_params.parse(NewSecret, request, services.settings)
        row, secret = endpoints.rotate(services, webhook_id, wanted)
        return {"webhook": serializers.webhook(row), "secret": secret}

    @routes.post("/webhooks/<webhook_id>/test")
    def test(webhook_id: str) -> tuple[serializers.Json, int]:
        return {"delivery": serializers.delivery(endpoints.test(services, webhook_id))}, 202

    @routes.get("/webhooks/<webhook_id>/deliveries")
    def deliveries(webhook_id: str) -> serializers.Json:
        wanted = request_params.parse(DeliveryPage, request, services.settings)
        rows, total = endpoints.deliveries(services, webhook_id, page=wanted.page, page_size=wanted.page_size)
        found = [serializers.delivery(row) for row in rows]
        return {"deliveries": found, "total": total, "page": wanted.page, "page_size": wanted.page_size}

    @routes.post("/webhooks/<webhook_id>/deliveries/<message_id>/resend")
    def resend(webhook_id: str, message_id: str) -> tuple[serializers.Json, int]:
        return {"delivery": serializers.delivery(endpoints.resend(services, webhook_id, message_id))}, 202

    return routes
