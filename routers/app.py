"""The web application: every route, and what stands around all of them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from flask import Blueprint, Flask
from flask.json.provider import DefaultJSONProvider
from flask_cors import CORS

from common.shared import Shared
from config.addresses import parse_allowed_host, parse_base, parse_network
from config.settings import ServerSettings
from routers import entity_tags, errors, gateway, observed, studio
from routers.access import auth_request, gate, once_per_key
from routers.access.gate import Gate
from routers.access.url_credentials import UrlCredentials
from routers.api import (
    admin,
    auth,
    batches,
    cast,
    files,
    films,
    health,
    music,
    pictures,
    projects,
    resume,
    shot_edits,
    shot_versions,
    shots,
    tasks,
    voices,
    webhook,
    webhooks,
)
from routers.hot_reads import HotReads
from routers.metrics import Metrics
from routers.middleware import HostCheck, RequestLineLimit, TrustedProxies
from routers.multipart import StrictFormRequest
from routers.observed import REQUEST_ID_HEADER, Observed
from routers.openapi import page
from routers.surface import surface
from routers.unpacking import Unpacking
from routers.websocket import route
from service.assets.legacy_static import FOLDER
from service.container import Services
from service.metrics.state import State


def create_app(services: Services, static_folder: Path = FOLDER, shared: Shared | None = None) -> Flask:
    """The application over these services. Nothing connects before the first request, and no thread starts before the first socket.

    `shared` is what all processes that serve have in common.
    """
    app = Flask("storytovideo", static_folder=None)
    app.request_class = StrictFormRequest
    app.config["MAX_CONTENT_LENGTH"] = app.config["MAX_FORM_MEMORY_SIZE"] = services.settings.server.max_body
    app.url_map.strict_slashes = False  # both forms answer: a redirect would lose a POST's body
    app.url_map.merge_slashes = False
    app.json = _json(app)
    errors.install(app)
    observed.install(app)
    entity_tags.install(app, services)
    _allow_origins(app, services.settings.server.cors_origins)
    at_the_gate = Gate(services)
    gate.install(app, at_the_gate)
    once_per_key.install(app)
    app.register_blueprint(_v1(services, at_the_gate))
    app.register_blueprint(gateway.blueprint(at_the_gate))
    app.register_blueprint(page.blueprint(services))
    app.register_blueprint(studio.blueprint(services, is_closed=at_the_gate.is_closed))
    app.register_blueprint(webhook.blueprint(services), url_prefix="/api")
    app.register_blueprint(files.blueprint(services, static_folder))
    health.install(app, services)
    shared = shared or Shared(answer_bytes=services.settings.server.answer_cache)
    sockets = shared.sockets
    route.install(app, services, sockets)
    hot = HotReads(app, app.wsgi_app, services, at_the_gate, shared.answers)
    limited = RequestLineLimit(UrlCredentials(Unpacking(hot)), services.settings.server.max_request_line)
    named = HostCheck(limited, _allowed_hosts(services.settings.server))
    behind = TrustedProxies(named, map(parse_network, services.settings.server.trusted_proxies))
    measured = Metrics(behind, services.settings.metrics, State(services, lambda: sockets.total))
    outermost = Observed(measured, logs=services.settings.log.access)
    app.extensions["observed"], app.extensions["hot_reads"] = outermost, hot
    app.wsgi_app = outermost  # type: ignore[method-assign]  # Flask's documented place for middleware
    return app


def _allowed_hosts(settings: ServerSettings) -> set[str]:
    """Empty where any will do. The host of the links is one of them."""
    if not settings.allowed_hosts:
        return set()
    own = {parse_base(settings.public_url).host} if settings.public_url else set()
    return own | set(map(parse_allowed_host, settings.allowed_hosts))


def _v1(services: Services, at_the_gate: Gate) -> Blueprint:
    plain = (projects, cast, resume, shots, shot_edits, shot_versions, tasks, films, music, pictures, webhooks)
    nouns = [noun.blueprint(services) for noun in plain]
    nouns += [
        batches.blueprint(services, at_the_gate.count_again),
        voices.blueprint(services, at_the_gate.sample_token),
        auth.blueprint(at_the_gate),
        admin.blueprint(at_the_gate),
        auth_request.blueprint(),
    ]
    return surface("v1", "/v1/api", [*nouns, health.v1_blueprint(services)])


def _json(app: Flask) -> DefaultJSONProvider:
    """JSON in UTF-8 without escapes: a Chinese story is half the size, and reads as such."""
    provider = DefaultJSONProvider(app)
    provider.ensure_ascii = False
    provider.sort_keys = False
    provider.compact = True
    return provider


def _allow_origins(app: Flask, origins: list[str]) -> None:
    """Let browsers of these origins in. flask-cors would read an origin with a bracket in it as a pattern, so patterns are what it gets."""
    allowed: Any = "*" if "*" in origins else [re.compile(re.escape(origin.rstrip("/")) + r"\Z") for origin in origins]
    CORS(app, origins=allowed, expose_headers=[REQUEST_ID_HEADER, "Retry-After", "Content-Range", "ETag"], max_age=600)
