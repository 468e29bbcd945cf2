"""Whether the server is there, alive, and ready."""

from __future__ import annotations

from http import HTTPStatus

from flask import Blueprint, Flask

from routers import wire
from service.context import Services
from service.readiness import Readiness

SERVICE = "StoryToVideo-server"


def v1_blueprint() -> Blueprint:
    """`/v1/api/health`: every value is a string."""
    routes = Blueprint("health", __name__)

    @routes.get("/health")
    def health() -> wire.Json:
        return {"status": "ok", "service": SERVICE}

    return routes


def install(app: Flask, services: Services) -> None:
    """`/healthz`: the process answers. `/readyz`: each dependency with its state; 503 when stories could not be taken in."""
    readiness = Readiness(services)

    @app.get("/healthz")
    def alive() -> wire.Json:
        return {"status": "ok"}

    @app.get("/readyz")
    def ready() -> tuple[wire.Json, HTTPStatus]:
        states = readiness.states()
        is_ready = readiness.is_ready(states)
        body = {"status": "ready" if is_ready else "not ready", "dependencies": states}
        return body, HTTPStatus.OK if is_ready else HTTPStatus.SERVICE_UNAVAILABLE
