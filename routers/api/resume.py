"""`/v1/api/projects/:project_id/resume`: start again whatever failed, and go on to the film."""

from __future__ import annotations

from flask import Blueprint, request

from routers import request_params, serializers
from service import resume
from service.container import Services
from service.schemas import ResumeRequest


def blueprint(services: Services) -> Blueprint:
    """The route over these services."""
    routes = Blueprint("resume", __name__)

    @routes.post("/projects/<project_id>/resume")
    def again(project_id: str) -> serializers.Json:
        wanted = request_params.parse(ResumeRequest, request, services.settings)
        resumed = resume.resume(services, project_id, wanted)
        link = serializers.UrlResolver.of(services, request)
        begun = [serializers.task(task, link) for task in resumed.tasks]
        return {"tasks": begun, "project_id": project_id, "film_task_id": resumed.film_task_id}

    return routes
