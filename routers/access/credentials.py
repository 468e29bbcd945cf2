"""Where a request's credential stands: in a header, its address, a WebSocket's subprotocols or a cookie. The first of these counts."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from flask import Request, Response
from werkzeug.http import parse_cookie

from common.errors import Unauthorized
from config.settings import ServerSettings
from routers.access.url_credentials import PATH_KEY, URL_TOKEN
from routers.surface import address_of
from service.access.logins import Issued

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

ACCESS_COOKIE, REFRESH_COOKIE = "__Host-s2v_access", "__Host-s2v_refresh"
FORM_TOKEN_HEADER = "X-CSRF-Token"  # noqa: S105 - a header's name
SUBPROTOCOL = "bearer"


class Place(Enum):
    """Where a credential was found."""

    HEADER = "header"
    PATH = "path"
    QUERY = "query"
    SUBPROTOCOL = "subprotocol"
    COOKIE = "cookie"


@dataclass(frozen=True)
class Credential:
    """A key or a token, and where it was found."""

    text: str
    place: Place


def credential_of(environ: WSGIEnvironment) -> Credential | None:
    """A request's credential; None where it has none. Raises `Unauthorized` for an Authorization that is no Bearer."""
    header = environ.get("HTTP_AUTHORIZATION")
    if header is not None:
        scheme, _, text = header.strip().partition(" ")
        if scheme.lower() != "bearer" or not text.strip():
            raise Unauthorized("Authorization 请求头须为 Bearer 加令牌或 API 密钥")
        return Credential(text.strip(), Place.HEADER)
    for name, place in ((PATH_KEY, Place.PATH), (URL_TOKEN, Place.QUERY)):
        if name in environ:
            return Credential(environ[name], place)
    offered = [text.strip() for text in environ.get("HTTP_SEC_WEBSOCKET_PROTOCOL", "").split(",")]
    if len(offered) == 2 and offered[0].lower() == SUBPROTOCOL:
        return Credential(offered[1], Place.SUBPROTOCOL)
    cookie = parse_cookie(environ).get(ACCESS_COOKIE) if "HTTP_COOKIE" in environ else None
    return Credential(cookie, Place.COOKIE) if cookie else None


def set_cookies(response: Response, issued: Issued, refresh_s: int) -> None:
    """Give a browser the tokens of a login, where no script can read them."""
    for name, value, age in (
        (ACCESS_COOKIE, issued.access_token, issued.expires_in),
        (REFRESH_COOKIE, issued.refresh_token, refresh_s),
    ):
        response.set_cookie(name, value, max_age=age, path="/", secure=True, httponly=True, samesite="Lax")


def drop_cookies(response: Response) -> None:
    """Take them away again."""
    for name in (ACCESS_COOKIE, REFRESH_COOKIE):
        response.delete_cookie(name, path="/", secure=True, httponly=True, samesite="Lax")


def is_from_own_page(request: Request, settings: ServerSettings) -> bool:
    """Whether the page that sent the request is ours, or of an origin that is configured by its name; "*" does not count for cookies."""
    origin = request.headers.get("Origin", "")
    if origin in [allowed.rstrip("/") for allowed in settings.cors_origins if allowed != "*"]:
        return True
    own = urlsplit(address_of(request, settings.public_url))
    found = urlsplit(origin) if "://" in origin else None
    return found is not None and (found.scheme, found.netloc.lower()) == (own.scheme, own.netloc.lower())
