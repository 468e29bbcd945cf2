"""`/v1/api/tasks`: read, cancel, retry, and the one POST of an older desktop client."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request

from common.errors import InvalidInput, NotFound
from routers import request_params, serializers, shown
from service import films, schemas, shots, tasks
from service.container import Services
from service.fields import is_id, shorten
from service.schemas import FilmRequest, ShotChanges, fold


def blueprint(services: Services) -> Blueprint:
    """The routes over these services."""
    routes = Blueprint("tasks", __name__)

    @routes.get("/tasks/<task_id>")
    def read(task_id: str) -> Response:
        return shown.answer(services, shown.task, task_id)

    @routes.post("/tasks/<task_id>/cancel")
    def cancel(task_id: str) -> serializers.Json:
        return {
            "task": serializers.task(tasks.cancel(services, task_id), serializers.UrlResolver.of(services, request))
        }

    @routes.post("/tasks/<task_id>/retry")
    def retry(task_id: str) -> serializers.Json:
        return {"task_id": tasks.retry(services, task_id), "message": "任务已重新提交"}

    @routes.post("/tasks")
    def create() -> serializers.Json:
        given = {fold(name): value for name, value in request_params.read(request).items()}
        kind = given.get("type")
        if kind == "updateShot":
            return _update_shot(services, given)
        if kind == "generateVideo":
            return _generate_video(services, given)
        raise InvalidInput("type", f"type 只能是 updateShot 或 generateVideo，收到 {shorten(kind or '')}")

    return routes


def _update_shot(services: Services, given: dict[str, Any]) -> serializers.Json:
    """`{type: "updateShot", shotId, parameters: {shot: {style, image_llm}}}`, where `image_llm` carries the prompt."""
    shot = shots.find(services, _id(given, "shotId"))
    wanted = {fold(name): value for name, value in _group(given, "shot").items()}
    changes = schemas.parse(
        ShotChanges, {**wanted, "prompt": wanted.get("imagellm") or wanted.get("prompt")}, services.settings
    )
    task_id = shots.update(services, shot.project_id, shot.id, changes)
    message = "正在重新生成图片" if task_id else "分镜已更新"
    return {"task_id": task_id, "shot_id": shot.id, "project_id": shot.project_id, "message": message}


def _generate_video(services: Services, given: dict[str, Any]) -> serializers.Json:
    """`{type: "generateVideo", projectId, parameters: {video: {format, resolution}}}`."""
    project_id = _id(given, "projectId")
    wanted = schemas.parse(FilmRequest, _group(given, "video"), services.settings)
    return {
        "task_id": films.request(services, project_id, wanted),
        "project_id": project_id,
        "message": "影片任务已提交",
    }


def _group(given: dict[str, Any], name: str) -> dict[str, Any]:
    parameters = given.get("parameters") or {}
    group = (parameters.get(name) or {}) if isinstance(parameters, dict) else None
    if not isinstance(group, dict):
        raise InvalidInput("parameters", f"parameters.{name} 必须是 JSON 对象")
    return group


def _id(given: dict[str, Any], name: str) -> str:
    value = given.get(fold(name))
    if not isinstance(value, str) or not value:
        raise InvalidInput(name, f"{name} 不能为空")
    if not is_id(value):
        raise NotFound(f"没有这个编号：{shorten(value)}")
    return value
