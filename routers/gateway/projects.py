"""`/api/projects`: create, list, read the storyboard, and ask for film and narration."""

from __future__ import annotations

from flask import Blueprint, Response, request

from routers import request_params
from routers.gateway import serializers, shown
from routers.gateway.schemas import NewStory
from routers.serializers import Json, UrlResolver
from routers.shown import answer
from service import films, narrations, projects
from service.container import Services
from service.schemas import FilmOptions, FilmRequest, NarrationRequest, PageRequest


def blueprint(services: Services) -> Blueprint:
    """The routes over these services."""
    routes = Blueprint("projects", __name__)

    @routes.post("/projects/create")
    def create() -> Json:
        wanted = request_params.parse(NewStory, request, services.settings)
        created = projects.create(services, wanted.project())
        reserved = [serializers.reserved_shot(id_, order) for order, id_ in enumerate(created.shot_ids, start=1)]
        film = {"film_task_id": created.film_task_id} if created.film_task_id else {}
        return serializers.success(
            {"project_id": created.project_id, "shots": reserved, "task_id": created.text_task_id, **film}
        )

    @routes.get("/projects")
    def page() -> Json:
        found = projects.page(services, request_params.parse(PageRequest, request, services.settings))
        link = UrlResolver.of(services, request)
        return serializers.success(
            {
                "items": [serializers.project(row, link) for row in found.items],
                "page": found.page,
                "page_size": found.page_size,
                "total": found.total,
            }
        )

    @routes.get("/projects/<project_id>/storyboard")
    def storyboard(project_id: str) -> Response:
        return answer(services, shown.storyboard, project_id)

    @routes.post("/projects/<project_id>/compose")
    def compose(project_id: str) -> Json:
        options = request_params.parse(FilmOptions, request, services.settings)
        wanted = FilmRequest(**options.model_dump())
        return serializers.accepted(films.request(services, project_id, wanted))

    @routes.post("/projects/<project_id>/tts")
    def narration(project_id: str) -> Json:
        wanted = request_params.parse(NarrationRequest, request, services.settings)
        return serializers.accepted(narrations.request(services, project_id, wanted))

    return routes
