"""`/api/tasks/:task_id/status`."""

from __future__ import annotations

from flask import Blueprint, Response

from routers.gateway import shown
from routers.shown import answer
from service.container import Services


def blueprint(services: Services) -> Blueprint:
    """The route over these services."""
    routes = Blueprint("tasks", __name__)

    @routes.get("/tasks/<task_id>/status")
    def status(task_id: str) -> Response:
        return answer(services, shown.task, task_id)

    return routes
