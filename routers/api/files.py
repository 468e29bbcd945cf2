"""Files: `/assets/<key>`, objects of the local store by signed URL, `/uploads/<key>`, which takes them in, and `/static/*`."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO, TypeVar, cast

from flask import Blueprint, request, send_file
from werkzeug.wrappers import Response

from common.errors import InvalidInput, NotFound
from routers.access.accel_redirect import by_proxy
from service.assets.legacy_static import static_file
from service.container import Services
from service.fields import shorten
from service.oss.file_name import attachment
from service.oss.keys import is_key
from service.oss.local import LocalStore

AnyResponse = TypeVar("AnyResponse", bound=Response)
CACHE_S = 3600  # URLs change hourly, and what a key holds never changes


def blueprint(services: Services, static_folder: Path) -> Blueprint:
    """The routes over these services."""
    routes = Blueprint("files", __name__)
    store = services.store
    location = services.settings.server.accel_redirect

    @routes.get("/assets/<path:key>")
    def asset(key: str) -> Response:
        if not isinstance(store, LocalStore):
            raise NotFound("文件不存在")
        saved_as = store.verify(key, request.args.get("token", ""))
        known = store.stat(key)
        if location:
            response: Response = by_proxy(location, known)
        else:
            response = send_file(store.local_path(key), mimetype=known.content_type or None, conditional=True)
            response.cache_control.private = True
            response.cache_control.max_age = CACHE_S
            response.cache_control.immutable = True
        if saved_as:
            response.headers["Content-Disposition"] = attachment(saved_as)
        return harmless(response)

    @routes.put("/uploads/<path:key>")
    def upload(key: str) -> Response:
        """What a client sends by a link of `/api/oss/presign`, where there is no MinIO that takes it."""
        if not isinstance(store, LocalStore) or not is_key(key):
            raise NotFound("文件不存在")
        odd = request.args.keys() - {"token"}  # the link is used as it was given
        if odd:
            raise InvalidInput(min(odd), f"不支持的参数：{shorten(min(odd))}")
        etag = store.receive(key, request.args.get("token", ""), request.headers.get("Content-Type", ""), _body)
        response = Response(status=200)
        response.set_etag(etag)
        return harmless(response)

    @routes.get("/static/<path:name>")
    def static(name: str) -> Response:
        return harmless(send_file(static_file(name, static_folder), conditional=True))

    return routes


def _body(size: int) -> BinaryIO:
    """The request's body, which must have so many bytes; raises `InvalidInput`."""
    if request.content_length != size:
        raise InvalidInput("Content-Length", f"Content-Length 须为 {size}")
    request.max_content_length = size + 1  # werkzeug refuses to tell the end of a body that reaches the limit
    return cast(BinaryIO, request.stream)


def harmless(response: AnyResponse) -> AnyResponse:
    """Whatever a file holds, a browser takes it for what its type says and runs nothing of it."""
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; media-src 'self'; sandbox"
    )
    return response
