"""`/api/tasks/:task_id/status`."""

from __future__ import annotations

from flask import Blueprint, request

from routers.gateway import serializers
from routers.serializers import Json, UrlResolver
from service import tasks
from service.container import Services


def blueprint(services: Services) -> Blueprint:
    """The route over these services."""
    routes = Blueprint("tasks", __name__)

    @routes.get("/tasks/<task_id>/status")
    def status(task_id: str) -> Json:
        outcome = tasks.outcome(services, task_id)
        return serializers.success(serializers.task(outcome, UrlResolver.of(services, request)))

    return routes
