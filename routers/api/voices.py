"""`/v1/api/voices`: the model node's voices, and a sample of each."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response, request

from routers import request_params, serializers
from service import voices
from service.container import Services
from service.schemas import VoiceRequest


def blueprint(services: Services, token: Callable[[str], str]) -> Blueprint:
    """The routes over these services; `token` opens a sample by its query without a credential, "" where none is needed."""
    routes = Blueprint("voices", __name__)

    @routes.get("/voices")
    def listed() -> serializers.Json:
        base = serializers.UrlResolver.of(services, request).base
        samples = f"{base}/v1/api/voices/sample"
        found = [serializers.voice(voice, samples, token) for voice in voices.listed(services)]
        return {"voices": found, "total": len(found)}

    @routes.get("/voices/sample")
    def sample() -> Response:
        wanted = request_params.parse(VoiceRequest, request, services.settings)
        content, content_type = voices.sample(services, wanted.provider, wanted.voice)
        return Response(content, mimetype=content_type, headers={"X-Content-Type-Options": "nosniff"})

    return routes
