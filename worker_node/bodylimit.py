"""Bounds on request bodies, announced or not."""

from __future__ import annotations

import asyncio

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

IDLE_S = 60.0
RETRY_AFTER_S = 5


class BodyLimit:
    """ASGI middleware.

    A body over `limit` bytes is answered 413 before it is read, or as soon as it grows too large; one that does not fit beside the
    others at hand, of `total` bytes together, 503 with Retry-After; one of which nothing came for `idle_s` seconds 408.
    """

    def __init__(self, app: ASGIApp, limit: int, total: int, idle_s: float = IDLE_S) -> None:
        self._app, self._limit, self._total, self._idle_s = app, limit, total, idle_s
        self._held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        if announced.isdigit() and int(announced[:20]) > self._limit:
            await JSONResponse({"error": self._text(), "message": self._text()}, 413)(scope, receive, send)
            return
        seen, whole = 0, False

        async def counted() -> Message:
            # FastAPI lets an HTTPException through while it reads a body.
            nonlocal seen, whole
            if whole:
                return await receive()  # what follows a body is the news that the client is gone
            try:
                message = await asyncio.wait_for(receive(), self._idle_s)
            except asyncio.TimeoutError:
                raise HTTPException(408, f"请求体在 {self._idle_s:g} 秒内没有新数据") from None
            size = len(message.get("body", b""))
            whole = not message.get("more_body", False)
            if seen + size > self._limit:
                raise HTTPException(413, self._text())
            if self._held + size > self._total:
                raise HTTPException(503, "模型节点正在接收过多数据，请稍后再试", {"Retry-After": str(RETRY_AFTER_S)})
            seen, self._held = seen + size, self._held + size
            return message

        try:
            await self._app(scope, counted, send)
        finally:
            self._held -= seen

    def _text(self) -> str:
        return f"请求体过大，上限 {self._limit >> 20} MiB"
