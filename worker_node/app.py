"""The HTTP surface of the node."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timezone
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse, Response
from starlette.exceptions import HTTPException

from worker_node import __version__
from worker_node.access import TokenCheck
from worker_node.bodylimit import BodyLimit
from worker_node.envelope import MAX_IMAGE_BASE64, Envelope
from worker_node.errors import DISK_FULL, BadRequest, FileRefused, JobUnknown, ProviderError, QueueFull, means_full
from worker_node.log import bound_request_id, choose_request_id, current_request_id, current_trace_id, trace_in
from worker_node.node import Node

MAX_BODY = MAX_IMAGE_BASE64 + (4 << 20)  # an image and a story
MAX_BODIES = 4 * MAX_BODY  # of all requests that are being read or answered
CANCEL_PATIENCE_S = 5.0
NO_SNIFFING = {"X-Content-Type-Options": "nosniff"}

log = logging.getLogger(__name__)


def create_app(node: Node) -> FastAPI:
    """The application over a node, which it starts and closes."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        node.start()
        try:
            yield
        finally:
            node.close()

    app = FastAPI(title="StoryToVideo model node", version=__version__, lifespan=lifespan)
    app.add_middleware(BodyLimit, limit=MAX_BODY, total=MAX_BODIES)
    app.add_middleware(TokenCheck, token=node.settings.token)
    app.middleware("http")(_with_request_id)
    _add_error_handlers(app)

    @app.get("/health")
    def health() -> dict[str, Any]:
        return {
            "status": "ok",
            "node": "storytovideo",
            "version": __version__,
            "tts_text": True,
            **node.worker_threads.service.view(),
            **node.job_store.counts(),
        }

    @app.post("/v1/generate", status_code=202)
    def generate(envelope: Envelope) -> dict[str, str]:
        job = node.submit(envelope, current_request_id(), current_trace_id())
        return {"job_id": job.id, "message": "已加入队列", "error": ""}

    @app.get("/v1/jobs/{job_id}")
    def read_job(job_id: str) -> dict[str, Any]:
        return node.job_store.get(job_id)

    @app.delete("/v1/jobs/{job_id}")
    def cancel_job(job_id: str) -> dict[str, Any]:
        node.job_store.cancel(job_id).cleaned_up.wait(CANCEL_PATIENCE_S)
        moment = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        return {"success": True, "deleteAT": moment, "error": ""}

    @app.get("/v1/voices")
    def voices() -> dict[str, Any]:
        return {"voices": node.voices.rows()}

    @app.get("/v1/voices/sample")
    def voice_sample(provider: str = "", voice: str = "") -> FileResponse:
        return FileResponse(node.voices.sample(provider, voice), media_type="audio/mpeg", headers=NO_SNIFFING)

    @app.get("/v1/download")
    def download(path: str = "") -> FileResponse:
        return _file(node, path)

    @app.get("/files/{path:path}")
    def file(path: str) -> FileResponse:
        return _file(node, path)

    return app


def _file(node: Node, path: str) -> FileResponse:
    found, content_type = node.files.find(path)
    return FileResponse(found, media_type=content_type, headers=NO_SNIFFING)


async def _with_request_id(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    headers = request.headers
    request_id = choose_request_id(headers.get("x-request-id", ""), headers.get("traceparent", ""))
    with bound_request_id(request_id, trace_in(headers.get("traceparent", ""))):
        response = await call_next(request)
    response.headers["X-Request-ID"] = request_id
    return response


def _add_error_handlers(app: FastAPI) -> None:
    def answer(status: int, text: str, **more: Any) -> JSONResponse:
        return JSONResponse({"error": text, "message": text, **more}, status)

    @app.exception_handler(RequestValidationError)
    async def invalid(_request: Request, error: RequestValidationError) -> JSONResponse:
        # The input itself is left out: it may be megabytes, or text that cannot be encoded.
        details = [{"loc": list(map(str, each["loc"])), "msg": each["msg"]} for each in error.errors()[:20]]
        named = "; ".join(f"{'.'.join(each['loc'][1:])}: {each['msg']}" for each in details)
        return answer(422, named, detail=details)

    @app.exception_handler(HTTPException)
    async def refused(_request: Request, error: HTTPException) -> JSONResponse:
        response = answer(error.status_code, error.detail)
        response.headers.update(error.headers or {})
        return response

    @app.exception_handler(BadRequest)
    async def unusable(_request: Request, error: BadRequest) -> JSONResponse:
        return answer(422, str(error), detail=[{"loc": ["body", *error.field.split(".")], "msg": str(error)}])

    @app.exception_handler(QueueFull)
    async def full(_request: Request, error: QueueFull) -> JSONResponse:
        response = answer(503, str(error))
        response.headers["Retry-After"] = str(error.retry_after_s)
        return response

    @app.exception_handler(ProviderError)
    async def unable(_request: Request, error: ProviderError) -> JSONResponse:
        return answer(507 if means_full(error) else 502, str(error))

    @app.exception_handler(OSError)
    async def broken(_request: Request, error: OSError) -> JSONResponse:
        log.error("the request failed", exc_info=error)
        if means_full(error):
            return answer(507, DISK_FULL)
        return answer(500, f"模型节点出错：{error.strerror or type(error).__name__}")

    @app.exception_handler(JobUnknown)
    @app.exception_handler(FileRefused)
    async def unknown(_request: Request, error: Exception) -> JSONResponse:
        return answer(404, str(error))
