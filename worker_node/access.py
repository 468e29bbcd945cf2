"""Who may ask this node: whoever has its token, where it has one."""

from __future__ import annotations

import base64
import binascii
import hmac

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

REFUSAL = "需要模型节点的令牌"


class TokenCheck:
    """ASGI middleware: answers 401, before the body is read, to a request that does not carry the token; "" lets everybody in.

    The token is HTTP's Basic password, whatever the user's name, or a Bearer token.
    """

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app, self._token = app, token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and self._token and not self._holds(scope):
            refusal = JSONResponse({"error": REFUSAL, "message": REFUSAL}, 401, {"WWW-Authenticate": "Basic"})
            await refusal(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _holds(self, scope: Scope) -> bool:
        given = [value for name, value in scope["headers"] if name == b"authorization"]
        return len(given) == 1 and hmac.compare_digest(_secret(given[0]), self._token)


def _secret(header: bytes) -> bytes:
    scheme, _, value = header.partition(b" ")
    if scheme.lower() == b"bearer":
        return value.strip()
    if scheme.lower() != b"basic":
        return b""
    try:
        return base64.b64decode(value.strip(), validate=True).partition(b":")[2]
    except binascii.Error:
        return b""
