"""The one table from errors to answers, and the shape of an error's body: `{code, message, request_id}`, and `error` too but on `/api`.

`code` is the HTTP status, but for business errors, which have numbers of their own from 900 (900: the model node has no capacity left,
901: the queue is full, 902: cancelled, 903: the model is not available). What a client cannot fix is described in general terms; the
details go to the log.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from flask import Flask, Response, jsonify, request
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as BaseResponse

from common import errors
from common.host_faults import fault_of
from common.request_id import request_id
from common.user_text import without_paths
from service.film.errors import FilmError

log = logging.getLogger(__name__)

RETRY_AFTER_S = 5
GATEWAY = "/api/"
"""Where the routes begin whose errors have the design document's three keys and no more."""


@dataclass(frozen=True)
class Answer:
    """An HTTP status, the body's code, and the text; "" shows the error's own."""

    status: HTTPStatus
    code: int
    text: str = ""


def _unavailable(what: str, code: int = 503) -> Answer:
    return Answer(HTTPStatus.SERVICE_UNAVAILABLE, code, f"{what}暂时不可用，请稍后重试")


_INTERNAL = Answer(HTTPStatus.INTERNAL_SERVER_ERROR, 500, "服务器内部错误")
_BAD_NODE = Answer(HTTPStatus.BAD_GATEWAY, 502, "模型节点出错")

# A type without a row never comes out of a route: if one does, that is a fault of ours.
TABLE: dict[type[errors.StoryToVideoError], Answer] = {
    errors.StoryToVideoError: _INTERNAL,
    errors.ClientError: Answer(HTTPStatus.BAD_REQUEST, 400),
    errors.InvalidInput: Answer(HTTPStatus.BAD_REQUEST, 400),
    errors.NotFound: Answer(HTTPStatus.NOT_FOUND, 404),
    errors.Conflict: Answer(HTTPStatus.CONFLICT, 409),
    errors.PreconditionFailed: Answer(HTTPStatus.PRECONDITION_FAILED, 412),
    errors.TooLarge: Answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, 413),
    errors.Forbidden: Answer(HTTPStatus.FORBIDDEN, 403),
    errors.Unauthorized: Answer(HTTPStatus.UNAUTHORIZED, 401),
    errors.TooManyRequests: Answer(HTTPStatus.TOO_MANY_REQUESTS, 429),
    errors.QuotaExceeded: Answer(HTTPStatus.TOO_MANY_REQUESTS, 429),
    errors.KeyReused: Answer(HTTPStatus.UNPROCESSABLE_ENTITY, 422),
    errors.DependencyError: _unavailable("服务"),
    errors.DatabaseUnavailable: _unavailable("数据库"),
    errors.QueueUnavailable: _unavailable("任务队列"),
    errors.QueueFull: Answer(HTTPStatus.SERVICE_UNAVAILABLE, 901, "任务队列已满，请稍后重试"),
    errors.StorageUnavailable: _unavailable("对象存储"),
    errors.NodeUnavailable: _unavailable("模型节点", 903),
    errors.NodeBusy: Answer(HTTPStatus.SERVICE_UNAVAILABLE, 900, "模型节点算力不足，请稍后重试"),
    errors.HostUnavailable: Answer(HTTPStatus.SERVICE_UNAVAILABLE, 503, "服务器资源暂时不足，请稍后重试"),
    errors.DiskFull: Answer(HTTPStatus.SERVICE_UNAVAILABLE, 503, "磁盘空间不足，请稍后重试"),
    errors.StorageError: Answer(HTTPStatus.INTERNAL_SERVER_ERROR, 500, "对象存储出错"),
    errors.InvalidKey: _INTERNAL,
    errors.ObjectNotFound: Answer(HTTPStatus.NOT_FOUND, 404, "文件不存在"),
    errors.TaskError: _INTERNAL,
    errors.NodeRejected: _BAD_NODE,
    errors.NodeForbids: _BAD_NODE,
    errors.NoModel: Answer(HTTPStatus.SERVICE_UNAVAILABLE, 903, "没有可用的模型"),
    errors.NodeJobLost: _BAD_NODE,
    errors.NodeJobFailed: _BAD_NODE,
    errors.BadNodeResult: _BAD_NODE,
    errors.TaskTimeout: Answer(HTTPStatus.GATEWAY_TIMEOUT, 504, "任务超时"),
    FilmError: _INTERNAL,
    errors.Cancelled: Answer(HTTPStatus.CONFLICT, 902, "任务已取消"),
}

_HTTP_TEXTS = {
    400: "请求无效",
    404: "没有这个地址",
    405: "此地址不支持该方法",
    413: "请求体过大",
    415: "不支持的请求体类型",
    416: "请求的范围无效",
}


def envelope(code: int, message: str, field: str = "", *, path: str = "") -> dict[str, Any]:
    """The body of an error; `field` names the parameter at fault, `path` the address that was asked for."""
    message = without_paths(message)
    body: dict[str, Any] = {"code": int(code), "message": message, "request_id": request_id()}
    if path.startswith(GATEWAY):
        return body
    body = {"error": message, **body}
    return {**body, "field": field} if field else body


def in_words(error: errors.StoryToVideoError) -> tuple[int, str, str]:
    """The status, the text and the field at fault of an error that is told within an answer."""
    answer = TABLE.get(type(error), _INTERNAL)
    return int(answer.status), without_paths(answer.text or str(error)), getattr(error, "field", "")


def install(app: Flask) -> None:
    """Answer every error of the application from the table."""
    app.register_error_handler(errors.StoryToVideoError, _ours)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _unexpected)


def _ours(error: errors.StoryToVideoError) -> Response:
    answer = TABLE.get(type(error))
    if answer is None:
        return _unexpected(error)
    if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log.error("%s: %s", type(error).__name__, error)
    field = error.field if isinstance(error, errors.InvalidInput | errors.TooLarge) else ""
    response = jsonify(envelope(answer.code, answer.text or str(error), field, path=request.path))
    response.status_code = answer.status
    if answer.status is HTTPStatus.SERVICE_UNAVAILABLE:
        response.headers["Retry-After"] = str(RETRY_AFTER_S)
    response.headers.update(_headers(error))
    return response


def _headers(error: errors.StoryToVideoError) -> dict[str, str]:
    """What a client's program reads of an error. `X-RateLimit-Reset` is a time, the others of the kind are seconds from now."""
    if isinstance(error, errors.Unauthorized):
        return {"WWW-Authenticate": "Bearer"}
    if not isinstance(error, errors.TooManyRequests):
        return {}
    seconds = str(error.retry_after_s)
    said = {"Limit": str(error.limit), "Remaining": "0"}
    return {
        "Retry-After": seconds,
        **{f"RateLimit-{name}": value for name, value in {**said, "Reset": seconds}.items()},
        **{f"X-RateLimit-{name}": value for name, value in said.items()},
        "X-RateLimit-Reset": str(int(time.time()) + error.retry_after_s),
    }


def _http(error: HTTPException) -> BaseResponse:
    if error.code is None or error.code < HTTPStatus.BAD_REQUEST:  # a redirect
        return error.get_response()
    text = _HTTP_TEXTS.get(error.code) or HTTPStatus(error.code).phrase
    if error.code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        text += f"：最多 {request.max_content_length} 字节"
    response = jsonify(envelope(error.code, text, path=request.path))
    response.status_code = error.code
    for name, value in error.get_headers():
        if name.lower() not in {"content-type", "content-length"}:
            response.headers[name] = value
    return response


def _unexpected(error: Exception) -> Response:
    fault = fault_of(error)
    if fault is not None:
        return _ours(fault)
    log.error("unexpected %s", type(error).__name__, exc_info=error)
    response = jsonify(envelope(_INTERNAL.code, _INTERNAL.text, path=request.path))
    response.status_code = _INTERNAL.status
    return response
