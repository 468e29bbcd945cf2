"""`/v1/api/music`: pieces of music to lay under films."""

from __future__ import annotations

from typing import BinaryIO, cast

from flask import Blueprint, request
from werkzeug.datastructures import FileStorage

from routers import wire
from service import music
from service.context import Services
from service.errors import InvalidInput

FORM_SLACK = 65_536  # bytes of a multipart body beside the file


def blueprint(services: Services) -> Blueprint:
    """The routes over these services."""
    routes = Blueprint("music", __name__)

    @routes.post("/music")
    def upload() -> wire.Json:
        """A multipart form with the file (under any name) and perhaps a `title`."""
        request.max_content_length = services.settings.film.max_music + FORM_SLACK
        file = _only_file()
        title = (request.form.get("title") or request.args.get("title") or "").strip()
        limit = services.settings.story.max_title
        if len(title) > limit or "\x00" in title:
            raise InvalidInput("title", f"title 最多 {limit} 个字符，不能含 NUL")
        stored = music.add(services, cast(BinaryIO, file.stream), file.filename or "", title)
        return {"music": wire.music(stored, wire.Links.of(services, request)), "message": "音乐已上传"}

    @routes.get("/music")
    def library() -> wire.Json:
        link = wire.Links.of(services, request)
        found = [wire.music(row, link) for row in music.all_music(services)]
        return {"music": found, "total": len(found)}

    return routes


def _only_file() -> FileStorage:
    files = list(request.files.values())
    if len(files) != 1:
        raise InvalidInput("file", f"需要恰好一个文件（multipart/form-data），收到 {len(files)} 个")
    return files[0]
