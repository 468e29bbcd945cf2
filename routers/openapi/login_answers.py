"""The answers of both surfaces' logins, as the document describes them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, RootModel

from routers.openapi.answers import Answer
from routers.openapi.gateway_answers import Success


class Tokens(Answer):
    """A login; times in seconds."""

    access_token: str
    refresh_token: str
    token_type: Literal["Bearer"]
    expires_in: int
    refresh_expires_in: int


class PageLogin(Answer):
    """A login of a browser's page, whose tokens are cookies."""

    csrf_token: str = Field(
        description="What the page sends as X-CSRF-Token with every request that changes something."
    )
    expires_in: int


class Login(RootModel[Tokens | PageLogin]):
    """What a login gets; the second with `cookie`."""


class LoggedOut(Answer):
    message: str


class Me(Answer):
    """Who asks; `csrf_token` is there where a cookie said so."""

    id: str
    username: str
    role: str
    scope: str
    csrf_token: str = ""


class GatewayTokens(Success, Tokens):
    """A login; times in seconds."""


class GatewayPageLogin(Success, PageLogin):
    """A login of a browser's page, whose tokens are cookies."""


class GatewayLogin(RootModel[GatewayTokens | GatewayPageLogin]):
    """What a login gets; the second with `cookie`."""


class GatewayLoggedOut(Success, LoggedOut):
    pass


class GatewayMe(Success, Me):
    """Who asks; `csrf_token` is there where a cookie said so."""
