"""gunicorn's own answers to requests that it cannot parse, in the shape of all others: JSON with the request's id."""

from __future__ import annotations

import json
import logging
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from gunicorn.http import errors

from common.request_id import Served, bound, request_id
from routers.errors import envelope
from routers.observed import REQUEST_ID_HEADER, accepted_id

log = logging.getLogger(__name__)

SEND_S = 2.0  # for the answer, which fits into the buffers on the way unless the client takes nothing


@dataclass(frozen=True)
class _Refusal:
    status: HTTPStatus
    text: str


_BAD_HEADER = _Refusal(HTTPStatus.BAD_REQUEST, "请求头无效")
_BAD_BODY = _Refusal(HTTPStatus.BAD_REQUEST, "请求体的分块无效")
_TABLE: dict[type[BaseException], _Refusal] = {
    errors.InvalidRequestLine: _Refusal(HTTPStatus.BAD_REQUEST, "请求行无效"),
    errors.InvalidRequestMethod: _Refusal(HTTPStatus.BAD_REQUEST, "请求方法无效"),
    errors.InvalidHTTPVersion: _Refusal(HTTPStatus.BAD_REQUEST, "不支持的 HTTP 版本"),
    errors.InvalidHeader: _BAD_HEADER,
    errors.InvalidHeaderName: _BAD_HEADER,
    errors.ObsoleteFolding: _BAD_HEADER,
    errors.InvalidSchemeHeaders: _BAD_HEADER,
    errors.InvalidChunkSize: _BAD_BODY,
    errors.InvalidChunkExtension: _BAD_BODY,
    errors.ChunkMissingTerminator: _BAD_BODY,
    errors.LimitRequestLine: _Refusal(HTTPStatus.REQUEST_URI_TOO_LONG, "请求行过长，请改用 JSON 请求体"),
    errors.LimitRequestHeaders: _Refusal(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "请求头过多或过长"),
    errors.UnsupportedTransferCoding: _Refusal(HTTPStatus.NOT_IMPLEMENTED, "不支持该 Transfer-Encoding"),
    errors.ExpectationFailed: _Refusal(HTTPStatus.EXPECTATION_FAILED, "不支持该 Expect"),
}
Tell = Callable[[str, str, int, int, Served], object]
"""Called with the request's method, the client's address, the status, the bytes of the answer's body, and what else is known."""
_FAULT = _Refusal(HTTPStatus.INTERNAL_SERVER_ERROR, "服务器内部错误")


def refuse(request: Any, client: socket.socket, address: Any, error: BaseException, tell: Tell) -> None:
    """Answer a request that failed outside of the application. What is wrong in detail goes to the log.

    `tell` is for what never came to the application, which tells of all else itself.
    """
    found = _TABLE.get(type(error), _FAULT)
    known = request or getattr(error, "req", None)
    headers = dict(getattr(known, "headers", ()))
    with bound(accepted_id(headers.get("X-REQUEST-ID", ""), headers.get("TRACEPARENT", ""))) as served:
        if found is _FAULT:
            log.error("unexpected %s", type(error).__name__, exc_info=error)
        else:
            log.info("%s sent a request that is none: %s", address[0] if address else "a client", error)
        body = json.dumps(envelope(found.status, found.text), ensure_ascii=False).encode()
        answer = _head(found, len(body)) + body
        if request is None or found is not _FAULT:
            tell(getattr(known, "method", None) or "-", address[0] if address else "", found.status, len(body), served)
    with suppress(OSError):
        client.settimeout(SEND_S)
        client.sendall(answer)


def _head(refusal: _Refusal, size: int) -> bytes:
    head = [
        f"HTTP/1.1 {refusal.status.value} {refusal.status.phrase}",
        "Connection: close",
        "Content-Type: application/json",
        f"Content-Length: {size}",
        f"{REQUEST_ID_HEADER}: {request_id()}",
    ]
    return "\r\n".join([*head, "", ""]).encode()
