"""`/openapi.json`, and `/docs`, which shows it by Swagger UI's own files: nothing of the page comes from another host."""

from __future__ import annotations

import json
import threading
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from flask import Blueprint, Response, send_file
from werkzeug.wrappers import Response as BaseResponse

from common.errors import NotFound
from service.container import Services

PACKAGE = "flask_openapi3_swagger"
FILES = {"swagger-ui.css": ("css", "text/css"), "swagger-ui-bundle.js": ("js", "text/javascript")}
START = "start.js"
CACHE_S = 3600

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>StoryToVideo</title>
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<div id="page"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"""
SCRIPT = """SwaggerUIBundle({url: "/openapi.json", dom_id: "#page", deepLinking: true, validatorUrl: null});
"""
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def blueprint(services: Services) -> Blueprint:
    """The routes over these services."""
    routes = Blueprint("openapi", __name__)
    lock = threading.Lock()

    @cache
    def document() -> bytes:
        from routers.openapi.document import build  # noqa: PLC0415 - schemas that a start has no use for

        return json.dumps(build(services.settings), ensure_ascii=False, separators=(",", ":")).encode()

    @routes.get("/openapi.json")
    def whole() -> Response:
        with lock:  # built once
            return Response(document(), mimetype="application/json")

    @routes.get("/docs")
    def page() -> BaseResponse:
        return _guarded(Response(PAGE, mimetype="text/html"))

    @routes.get("/docs/<name>")
    def file(name: str) -> BaseResponse:
        if name == START:
            return _guarded(Response(SCRIPT, mimetype="text/javascript"))
        if name not in FILES:
            raise NotFound("文件不存在")
        folder, kind = FILES[name]
        return _guarded(send_file(_folder() / folder / name, mimetype=kind, conditional=True, max_age=CACHE_S))

    return routes


def _folder() -> Path:
    """The package's files; the package itself is not imported."""
    spec = find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise NotFound("文件不存在")
    return Path(spec.submodule_search_locations[0]) / "templates" / "swagger"


def _guarded(response: BaseResponse) -> BaseResponse:
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response
