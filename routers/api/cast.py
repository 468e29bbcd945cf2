"""`/v1/api/projects/:project_id/cast`: who appears in a story."""

from __future__ import annotations

from typing import BinaryIO, cast

from flask import Blueprint, request
from werkzeug.exceptions import RequestEntityTooLarge

from routers import request_params, serializers
from routers.multipart import FORM_SLACK, only_file
from service import cast as cast_
from service.container import Services
from service.schemas import CastChanges, NewCastMember

Answer = tuple[serializers.Json, int]


def blueprint(services: Services) -> Blueprint:
    """The routes over these services."""
    routes = Blueprint("cast", __name__)

    def link() -> serializers.UrlResolver:
        return serializers.UrlResolver.of(services, request)

    @routes.get("/projects/<project_id>/cast")
    def read(project_id: str) -> serializers.Json:
        found = cast_.of_project(services, project_id)
        return {"cast": [serializers.cast_member(row, link()) for row in found]}

    @routes.post("/projects/<project_id>/cast")
    def add(project_id: str) -> Answer:
        new = request_params.parse(NewCastMember, request, services.settings)
        return {"member": serializers.cast_member(cast_.add(services, project_id, new), link())}, 201

    @routes.patch("/projects/<project_id>/cast/<cast_id>")
    def change(project_id: str, cast_id: str) -> serializers.Json:
        changes = request_params.parse(CastChanges, request, services.settings)
        return {"member": serializers.cast_member(cast_.change(services, project_id, cast_id, changes), link())}

    @routes.delete("/projects/<project_id>/cast/<cast_id>")
    def remove(project_id: str, cast_id: str) -> serializers.Json:
        cast_.remove(services, project_id, cast_id)
        return {"message": "角色已删除", "cast_id": cast_id, "project_id": project_id}

    @routes.put("/projects/<project_id>/cast/<cast_id>/reference")
    def set_reference(project_id: str, cast_id: str) -> serializers.Json:
        """A multipart form with the picture, under any name."""
        request.max_content_length = cast_.MAX_REFERENCE + FORM_SLACK
        try:
            file = only_file(request)
        except RequestEntityTooLarge as error:
            raise cast_.too_large() from error
        member = cast_.set_reference(services, project_id, cast_id, cast(BinaryIO, file.stream))
        return {"member": serializers.cast_member(member, link())}

    @routes.post("/projects/<project_id>/cast/<cast_id>/repaint")
    def repaint(project_id: str, cast_id: str) -> serializers.Json:
        begun = cast_.repaint(services, project_id, cast_id)
        return {"tasks": [serializers.task(task, link()) for task in begun], "project_id": project_id}

    return routes
