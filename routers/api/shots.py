"""Shots: `/v1/api/projects/:project_id/shots` and `/v1/api/shots/:shot_id`."""

from __future__ import annotations

from flask import Blueprint, Response, request

from routers import entity_tags, request_params, serializers, shown
from service import shots
from service.container import Services
from service.schemas import ShotChanges


def blueprint(services: Services) -> Blueprint:
    """The routes over these services."""
    routes = Blueprint("shots", __name__)

    @routes.get("/projects/<project_id>/shots")
    def of_project(project_id: str) -> Response:
        return shown.answer(services, shown.shots_of_project, project_id)

    @routes.get("/projects/<project_id>/shots/<shot_id>")
    def read(project_id: str, shot_id: str) -> Response:
        shot = shots.get(services, project_id, shot_id)
        link = serializers.UrlResolver.of(services, request)
        return entity_tags.tagged({"shot": serializers.shot(shot, link)}, shot)

    @routes.post("/projects/<project_id>/shots/<shot_id>")
    def update(project_id: str, shot_id: str) -> serializers.Json:
        changes = request_params.parse(ShotChanges, request, services.settings)
        task_id = shots.update(services, project_id, shot_id, changes, entity_tags.known(request))
        message = "分镜已更新，正在重新生成图片" if task_id else "分镜已更新"
        return {"shot_id": shot_id, "task_id": task_id, "message": message}

    @routes.delete("/shots/<shot_id>")
    def delete(shot_id: str) -> serializers.Json:
        project_id = shots.delete(services, shot_id, entity_tags.known(request))
        return {"message": "分镜已删除", "shot_id": shot_id, "project_id": project_id}

    return routes
