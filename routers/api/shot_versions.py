"""Versions of a shot's images, narrations and clips: `/v1/api/projects/:project_id/shots/:shot_id/:kind`."""

from __future__ import annotations

import re
from typing import BinaryIO, cast

from flask import Blueprint, request
from werkzeug.exceptions import RequestEntityTooLarge

from common.errors import NotFound
from models.asset import AssetKind
from routers import request_params, serializers
from routers.multipart import FORM_SLACK, MULTIPART, only_file
from service import narrations, shot_versions
from service.assets.shot_versions import KINDS
from service.container import Services
from service.fields import shorten
from service.schemas import NarrationRequest
from service.shot_requests import ShotUpload

SHOT = "/projects/<project_id>/shots/<shot_id>"
_NUMBER = re.compile(r"-?[0-9]{1,9}")  # what fits the column; versions from before the first have none above 0


def blueprint(services: Services) -> Blueprint:
    """The routes over these services."""
    routes = Blueprint("shot_versions", __name__)

    @routes.get(f"{SHOT}/<kind>/versions")
    def of_shot(project_id: str, shot_id: str, kind: str) -> serializers.Json:
        link = serializers.UrlResolver.of(services, request)
        found = shot_versions.of_shot(services, project_id, shot_id, _kind(kind))
        return {"versions": [serializers.version(one, link) for one in found]}

    @routes.post(f"{SHOT}/<kind>/versions/<number>/restore")
    def restore(project_id: str, shot_id: str, kind: str, number: str) -> serializers.Json:
        if not _NUMBER.fullmatch(number):
            raise NotFound("没有这个版本")
        shot = shot_versions.restore(services, project_id, shot_id, _kind(kind), int(number))
        return {"shot": serializers.shot(shot, serializers.UrlResolver.of(services, request))}

    @routes.post(f"{SHOT}/narrations")
    def narrate(project_id: str, shot_id: str) -> tuple[serializers.Json, int]:
        """The shot is spoken anew; with a multipart form its file is the narration."""
        if request.mimetype == MULTIPART:
            return upload(project_id, shot_id, "narrations")
        wanted = request_params.parse(NarrationRequest, request, services.settings)
        task_id = narrations.request_one(services, project_id, shot_id, wanted)
        return {"task_id": task_id, "message": "旁白任务已提交", "project_id": project_id, "shot_id": shot_id}, 200

    @routes.post(f"{SHOT}/<kind>")
    def upload(project_id: str, shot_id: str, kind: str) -> tuple[serializers.Json, int]:
        """A multipart form with one file."""
        limit = services.settings.film.max_upload
        request.max_content_length = limit + FORM_SLACK
        try:
            file = only_file(request)
        except RequestEntityTooLarge as error:
            raise shot_versions.too_large(limit) from error
        request_params.parse(ShotUpload, request, services.settings)
        shot, made = shot_versions.upload(services, project_id, shot_id, _kind(kind), cast(BinaryIO, file.stream))
        link = serializers.UrlResolver.of(services, request)
        return {"shot": serializers.shot(shot, link), "version": serializers.version(made, link)}, 201

    return routes


def _kind(word: str) -> AssetKind:
    kind = KINDS.get(word)
    if kind is None:
        raise NotFound(f"没有这种素材：{shorten(word)}，只有 {'、'.join(KINDS)}")
    return kind
