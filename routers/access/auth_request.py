"""`GET /v1/api/auth/check`: what a proxy asks before it lets a request in (nginx's `auth_request`).

The gate has answered by the time the view runs; here is nothing left to say but yes.
"""

from __future__ import annotations

from flask import Blueprint

from routers.serializers import Json


def blueprint() -> Blueprint:
    """The route. It counts as no request of its client, whose own one does (`routers.access.gate`)."""
    routes = Blueprint("auth_request", __name__)

    @routes.get("/auth/check")
    def check() -> Json:
        return {"status": "ok"}

    return routes
