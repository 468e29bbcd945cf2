"""`/v1/api/music`: pieces of music to lay under films."""

from __future__ import annotations

from typing import BinaryIO, cast

from flask import Blueprint, request
from werkzeug.exceptions import RequestEntityTooLarge

from routers import request_params, serializers
from routers.multipart import FORM_SLACK, only_file
from service import music
from service.container import Services
from service.schemas import MusicUpload


def blueprint(services: Services) -> Blueprint:
    """The routes over these services."""
    routes = Blueprint("music", __name__)

    @routes.post("/music")
    def upload() -> serializers.Json:
        """A multipart form with the file (under any name), and perhaps `title` and `tags`."""
        limit = services.settings.film.max_music
        request.max_content_length = limit + FORM_SLACK
        try:
            file = only_file(request)
        except RequestEntityTooLarge as error:
            raise music.too_large(limit) from error
        wanted = request_params.parse(MusicUpload, request, services.settings)
        stored, notes = music.add(services, cast(BinaryIO, file.stream), file.filename or "", wanted)
        return {
            "music": serializers.music(stored, serializers.UrlResolver.of(services, request)),
            "message": "；".join(["音乐已上传", *notes]),
        }

    @routes.get("/music")
    def library() -> serializers.Json:
        link = serializers.UrlResolver.of(services, request)
        found = [serializers.music(row, link) for row in music.all_music(services)]
        return {"music": found, "total": len(found)}

    @routes.delete("/music/<music_id>")
    def delete(music_id: str) -> serializers.Json:
        music.delete(services, music_id)
        return {"message": "音乐已删除", "music_id": music_id}

    return routes
