"""`/studio`: the page where people make their films. Its files are in the folder `studio/`; here is how they get to a browser."""

from __future__ import annotations

from pathlib import Path

from flask import Blueprint, Response, redirect, request
from werkzeug.wrappers import Response as BaseResponse

from common.errors import NotFound
from routers.studio.files import File, Files
from routers.studio.known import known
from routers.studio.policy import policy
from service.container import Services

FOLDER = Path(__file__).resolve().parents[2] / "studio"
HOME = "/studio"
FOREVER_S = 31_536_000
_WORKER, _MANIFEST, _PAGE = "sw.js", "manifest.webmanifest", "index.html"


def blueprint(services: Services, *, is_closed: bool, folder: Path = FOLDER) -> Blueprint:
    """The routes. `is_closed`: the page asks for a login first."""
    routes = Blueprint("studio", __name__)
    files = Files(folder, lambda: known(services.settings, is_closed=is_closed))

    @routes.get("/")
    def home() -> BaseResponse:
        return redirect(HOME)

    @routes.get(HOME)
    @routes.get(f"{HOME}/<path:place>")
    def page(place: str = "") -> BaseResponse:
        """Every place in the studio is the same page; its own script looks at the address."""
        response = _answer(files.rendered(_PAGE), cache="no-cache")
        response.headers["Content-Security-Policy"] = policy(services.settings)
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
        return response

    @routes.get(f"{HOME}/{_WORKER}")
    def worker() -> BaseResponse:
        response = _answer(files.worker(_WORKER), cache="no-cache")
        response.headers["Service-Worker-Allowed"] = HOME
        response.headers["Content-Security-Policy"] = policy(services.settings)
        return response

    @routes.get(f"{HOME}/{_MANIFEST}")
    def manifest() -> BaseResponse:
        return _answer(files.rendered(_MANIFEST), cache="no-cache")

    @routes.get(f"{HOME}/v/<version>/<path:name>")
    def file(version: str, name: str) -> BaseResponse:
        """A file of this version for ever; another version's is gone, and a page that asks for it reloads itself."""
        found = files.get(name) if version == files.version else None
        if found is None:
            raise NotFound("文件不存在")
        return _answer(found, cache=f"public, max-age={FOREVER_S}, immutable")

    return routes


def _answer(file: File, cache: str) -> Response:
    packed = file.packed is not None and request.accept_encodings.quality("gzip") > 0
    response = Response(file.packed if packed else file.content, mimetype=file.mimetype)
    if packed:
        response.headers["Content-Encoding"] = "gzip"
    response.headers["Vary"] = "Accept-Encoding"
    response.headers["Cache-Control"] = cache
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.set_etag(f"{file.digest}{'-gzip' if packed else ''}")
    response.make_conditional(request)
    return response
