"""`/api/shots/:shot_id`: change its texts, ask for its image and its clip."""

from __future__ import annotations

from flask import Blueprint, request

from routers import request_params
from routers.gateway import serializers
from routers.gateway.schemas import ClipRequest, ImageRequest, ShotTexts
from routers.serializers import Json
from service import films, shots
from service.container import Services
from service.schemas import FilmRequest, ShotChanges


def blueprint(services: Services) -> Blueprint:
    """The routes over these services."""
    routes = Blueprint("shots", __name__)

    @routes.post("/shots/<shot_id>/update_prompt")
    def update_prompt(shot_id: str) -> Json:
        given = request_params.parse(ShotTexts, request, services.settings)
        shot = shots.promised(services, shot_id)
        shot = shots.update_texts(services, shot.id, ShotChanges(**given.model_dump()))
        return serializers.success({"id": shot.id, "prompt": shot.prompt or "", "narration": shot.spoken})

    @routes.post("/shots/<shot_id>/generate_image")
    def generate_image(shot_id: str) -> Json:
        wanted = request_params.parse(ImageRequest, request, services.settings)
        shot = shots.promised(services, shot_id)
        changes = ShotChanges(**wanted.wishes())
        return serializers.accepted(shots.update(services, shot.project_id, shot.id, changes))

    @routes.post("/shots/<shot_id>/generate_video")
    def generate_video(shot_id: str) -> Json:
        wanted = request_params.parse(ClipRequest, request, services.settings)
        shot = shots.promised(services, shot_id)
        clip = FilmRequest(shot_id=shot.id, **wanted.model_dump())
        return serializers.accepted(films.request(services, shot.project_id, clip))

    return routes
