"""What a surface of the API has in common: `/v1/api` and `/api` are each a blueprint of these."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from flask import Blueprint, Request, Response, request
from werkzeug.sansio.utils import get_host

from common.errors import NotFound
from routers import etags
from service.fields import is_id, shorten


def surface(name: str, prefix: str, nouns: Iterable[Blueprint]) -> Blueprint:
    """A blueprint over those of its nouns."""
    routes = Blueprint(name, __name__, url_prefix=prefix)
    routes.before_request(_check_ids)  # behind the gate
    routes.after_request(_keep_to_the_client)
    routes.after_request(etags.tag)
    for noun in nouns:
        routes.register_blueprint(noun)
    return routes


def address_of(asked: Request, public_url: str) -> str:
    """The address under which a client reaches this server, without a slash at its end: `public_url`, else the name in its request."""
    return public_url.rstrip("/") or called(asked.scheme, asked.host or asked.environ.get("HTTP_HOST", ""))


@lru_cache(1024)
def called(scheme: str, host: str) -> str:
    """The address of this server as a client that sent this `Host` has it.

    Werkzeug knows no name with an underscore, which `middleware.HostCheck` lets in.
    """
    return f"{scheme}://{get_host(scheme, host) or host}"


def _keep_to_the_client(response: Response) -> Response:
    """An answer holds signed links, made of the name by which this client called: no cache may hand it to another."""
    response.headers["Cache-Control"] = "private, no-cache"
    return response


def _check_ids() -> None:
    """An id that cannot be one is unknown, before anything is asked about it, in the words for every unknown one."""
    for name, value in (request.view_args or {}).items():
        if not is_id(value):
            known = {
                "task_id": f"task not found: {shorten(value)}",
                "shot_id": "分镜不存在",
                "webhook_id": "webhook 不存在",
                "cast_id": "角色不存在",
            }
            raise NotFound(known.get(name, "项目不存在"))
