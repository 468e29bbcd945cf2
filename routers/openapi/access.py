"""What the document says of the gate: credentials, refusals, and the headers of both."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from config.admission import needs_login
from config.settings import Settings
from routers.access.credentials import ACCESS_COOKIE, FORM_TOKEN_HEADER
from routers.access.gate import SAFE
from routers.access.once_per_key import HEADER
from routers.openapi.operations import Operation

Json = dict[str, Any]

SCHEMES: Json = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "An access token or an API key."},
    "query": {
        "type": "apiKey",
        "in": "query",
        "name": "token",
        "description": "The same, for clients without headers.",
    },
    "cookie": {"type": "apiKey", "in": "cookie", "name": ACCESS_COOKIE, "description": "Of a page's login."},
    "formToken": {
        "type": "apiKey",
        "in": "header",
        "name": FORM_TOKEN_HEADER,
        "description": "The login's csrf_token, beside the cookie.",
    },
}
SERVERS: list[Json] = [
    {"url": "/"},
    {
        "url": "/k/{key}",
        "description": "With an API key of scope legacy in the path, for clients that can send no header.",
        "variables": {"key": {"default": "s2v_key"}},
    },
]
IDEMPOTENCY_KEY: Json = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "description": "The same key with the same request makes one thing: its answer comes again, for 24 hours.",
    "schema": {"type": "string", "pattern": "^[!-~]{1,255}$"},
}
_SECONDS = "Seconds until it is worth while to come again."
_LIMITS = {
    name: "A time." if name == "X-RateLimit-Reset" else "Seconds from now." if name.endswith("Reset") else "Requests."
    for name in (f"{prefix}RateLimit-{of}" for prefix in ("", "X-") for of in ("Limit", "Remaining", "Reset"))
}
HEADERS: dict[int, dict[str, str]] = {
    HTTPStatus.UNAUTHORIZED: {"WWW-Authenticate": "Bearer"},
    HTTPStatus.TOO_MANY_REQUESTS: {"Retry-After": _SECONDS, **_LIMITS},
    HTTPStatus.SERVICE_UNAVAILABLE: {"Retry-After": _SECONDS},
}
"""Of a 429 only where requests are counted, not where an account has as much as it may have."""


def requirements(settings: Settings, method: str, operation: Operation) -> list[Json]:
    """The credentials of which one is needed; with an empty one first where the server is open, none of a public route."""
    if operation.public:
        return []
    cookie: Json = {"cookie": []} if method in SAFE else {"cookie": [], "formToken": []}
    given: list[Json] = [{"bearer": []}, {"query": []}, cookie]
    return given if needs_login(settings) else [{}, *given]


def refusals(method: str, operation: Operation) -> set[int]:
    """The statuses with which the gate, and what counts behind it, may answer."""
    found = set()
    if not operation.public:
        found |= {HTTPStatus.UNAUTHORIZED, HTTPStatus.TOO_MANY_REQUESTS}
        if method not in SAFE:
            found.add(HTTPStatus.FORBIDDEN)
    if operation.creates:
        found.add(HTTPStatus.UNPROCESSABLE_ENTITY)
    return {int(status) for status in found}


def headers(status: int) -> Json:
    """What a client's program reads of an error."""
    named = HEADERS.get(status, {})
    kinds = {"WWW-Authenticate": "string"}
    return {name: {"description": text, "schema": {"type": kinds.get(name, "integer")}} for name, text in named.items()}
