"""Small pictures: of a shot, of a project, of a moment of a film."""

from __future__ import annotations

from flask import Blueprint, request
from werkzeug.wrappers import Response

from routers import request_params
from routers.api.files import harmless
from service.container import Services
from service.schemas import PictureRequest, StillRequest
from service.thumbnails import AVIF, WEBP, Thumbnails, Wanted


def blueprint(services: Services) -> Blueprint:
    """The routes over these services."""
    routes = Blueprint("pictures", __name__)
    thumbnails = Thumbnails(services)

    @routes.get("/projects/<project_id>/shots/<shot_id>/thumbnail")
    def of_shot(project_id: str, shot_id: str) -> Response:
        width = request_params.parse(PictureRequest, request, services.settings).width
        return _sent(thumbnails, thumbnails.of_shot(project_id, shot_id, width, _kind()))

    @routes.get("/projects/<project_id>/cover")
    def of_project(project_id: str) -> Response:
        width = request_params.parse(PictureRequest, request, services.settings).width
        return _sent(thumbnails, thumbnails.of_project(project_id, width, _kind()))

    @routes.get("/projects/<project_id>/films/<number>/still")
    def of_film(project_id: str, number: str) -> Response:
        wanted = request_params.parse(StillRequest, request, services.settings)
        return _sent(thumbnails, thumbnails.of_film(project_id, number, wanted.at, wanted.width, _kind()))

    return routes


def _kind() -> str:
    """AVIF for who names it and not WebP. `*/*` says nothing of what a client can show, and WebP is shown nearly everywhere."""
    named = {kind for kind, quality in request.accept_mimetypes if quality > 0}
    return AVIF if "image/avif" in named and "image/webp" not in named else WEBP


def _sent(thumbnails: Thumbnails, wanted: Wanted) -> Response:
    """The picture; to who has it, that it is still the same, without a look at it."""
    if request.if_none_match.contains(wanted.key):
        response = Response(status=304)
    else:
        response = Response(thumbnails.content(wanted), mimetype=f"image/{wanted.kind.lower()}")
    response.set_etag(wanted.key)
    response.vary.add("Accept")
    return harmless(response)
