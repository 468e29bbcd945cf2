"""`/api/oss`: clients upload to the storage themselves, and say what the file is for."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, request

from routers import request_params
from routers.gateway import serializers
from routers.serializers import Json, UrlResolver, music, time, version
from routers.surface import address_of
from service import uploads
from service.container import Services
from service.oss.store import UPLOAD_S, UploadLink
from service.upload_requests import CompleteRequest, PresignRequest, StsRequest


def blueprint(services: Services) -> Blueprint:
    """The routes over these services."""
    routes = Blueprint("oss", __name__)

    @routes.post("/oss/sts")
    def sts() -> Json:
        wanted = request_params.parse(StsRequest, request, services.settings)
        prefix, found = uploads.temporary_keys(services, wanted.project_id)
        return serializers.success(
            {
                "access_key": found.access_key,
                "secret_key": found.secret_key,
                "session_token": found.session_token,
                "expires_at": time(found.expires_at),
                "expires_in": UPLOAD_S,
                "endpoint": found.endpoint,
                "bucket": found.bucket,
                "prefix": prefix,
                "region": found.region,
                "addressing": found.addressing,
            }
        )

    @routes.post("/oss/presign")
    def presign() -> Json:
        wanted = request_params.parse(PresignRequest, request, services.settings)
        found = uploads.presign(services, wanted, address_of(request, services.settings.server.public_url))
        links = [_link(link) for link in found.links.links]
        whole = links[0] if not found.links.upload_id else None
        return serializers.success(
            {
                "key": found.key,
                "method": "PUT",
                "url": whole["url"] if whole else None,
                "headers": links[0]["headers"],
                "upload_id": found.links.upload_id,
                "part_size": found.part_size,
                "parts": [] if whole else links,
                "expires_in": UPLOAD_S,
            }
        )

    @routes.post("/oss/complete")
    def complete() -> Json:
        wanted = request_params.parse(CompleteRequest, request, services.settings)
        return serializers.success(_completed(uploads.complete(services, wanted), UrlResolver.of(services, request)))

    return routes


def _link(link: UploadLink) -> dict[str, Any]:
    return {"number": link.number, "size": link.size, "url": link.url, "headers": dict(link.headers)}


def _completed(done: uploads.NewVersion | uploads.NewMusic, link: UrlResolver) -> Json:
    if isinstance(done, uploads.NewMusic):
        told = "；".join(["音乐已上传", *done.notes])
        return {"shot": None, "version": None, "music": music(done.piece, link), "message": told}
    shot = serializers.shot(done.shot, link)
    return {"shot": shot, "version": version(done.version, link), "music": None, "message": "素材已上传"}
