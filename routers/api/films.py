"""Films and narrations of a project: `/v1/api/projects/:project_id/video`, `/tts` and `/films`."""

from __future__ import annotations

from flask import Blueprint, request

from routers import request_params, serializers
from service import films, narrations
from service.container import Services
from service.schemas import FilmRequest, NarrationRequest


def blueprint(services: Services) -> Blueprint:
    """The routes over these services."""
    routes = Blueprint("films", __name__)

    @routes.post("/projects/<project_id>/video")
    def film(project_id: str) -> serializers.Json:
        wanted = request_params.parse(FilmRequest, request, services.settings)
        task_id = films.request(services, project_id, wanted)
        message = "视频片段任务已提交" if wanted.shot_id else "影片任务已提交"
        return {"message": message, "project_id": project_id, "shot_id": wanted.shot_id, "task_id": task_id}

    @routes.post("/projects/<project_id>/tts")
    def narration(project_id: str) -> serializers.Json:
        wanted = request_params.parse(NarrationRequest, request, services.settings)
        return {
            "task_id": narrations.request(services, project_id, wanted),
            "message": "旁白任务已提交",
            "project_id": project_id,
        }

    @routes.get("/projects/<project_id>/films")
    def versions(project_id: str) -> serializers.Json:
        link = serializers.UrlResolver.of(services, request)
        found = [serializers.film(one.asset, link, one.stale_shots) for one in films.of_project(services, project_id)]
        return {"films": found, "project_id": project_id, "total_films": len(found)}

    return routes
