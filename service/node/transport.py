"""HTTP to the model node: bounded, without redirects, and with every failure translated.

An answer is a stream (`Body`), bounded in bytes and in time.
"""

from __future__ import annotations

import io
import json
import time
from collections.abc import Mapping
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase, HTTPBasicAuth
from urllib3.exceptions import HTTPError, NewConnectionError

from common.errors import BadNodeResult, DiskFull, NodeBusy, NodeForbids, NodeJobLost, NodeRejected, NodeUnavailable
from common.host_faults import raise_if_ours
from common.request_id import request_id, traceparent, upstream
from service.node.address import NodeAddress
from service.node.responses import clean_text

MAX_JSON = 16 << 20  # bytes
MAX_REASON = 300  # characters of a refusal that are passed on
POOL = 32  # connections
LOST = {404, 410}
TRY_AGAIN = {408, 425}
BUSY = 429
SERVER_FAULT = 500
NO_SPACE = 507
FORBIDDEN = {401, 403}
PERHAPS_DONE = {408, 502, 504}  # what a proxy says that lost the answer
TUNNEL_DOWN = b"fatedier/frp"  # FRP's own 404 page names its project: the tunnel is up, the node behind it is not


class Transport:
    """One node. Thread-safe; do not share it with a forked process.

    `token` goes with every request, unless the address has a password of its own. `connect_s` and `read_s` bound the waits for a
    connection and for the next byte, `answer_s` a whole JSON answer. All are seconds.
    """

    def __init__(
        self, address: NodeAddress, *, token: str = "", connect_s: float, read_s: float, answer_s: float
    ) -> None:
        self.address = address
        self._connect_s, self._read_s, self._answer_s = connect_s, read_s, answer_s
        self._session = requests.Session()
        self._session.trust_env = False  # no proxy and no .netrc stands between the processor and its node
        self._session.auth = HTTPBasicAuth(*address.auth) if address.auth else _Bearer(token)
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))  # a node leaves nothing behind
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, HTTPAdapter(pool_maxsize=POOL))

    def json_object(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, *, within_s: float | None = None
    ) -> dict[str, Any]:
        """The answer's JSON object. Raises as `open` does, and `NodeUnavailable` when it is none: something else answers there."""
        try:
            content = self.content(method, path, body, within_s=within_s)
        except BadNodeResult as error:
            raise NodeUnavailable(str(error)) from error
        try:
            found: object = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise NodeUnavailable(f"模型节点的回答不是 JSON：{_excerpt(content)}") from error
        if not isinstance(found, dict):
            raise NodeUnavailable("模型节点的回答不是 JSON 对象")
        return found

    def content(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, *, within_s: float | None = None
    ) -> bytes:
        """The answer's bytes, all of them. Raises as `open` does."""
        with self.open(method, path, body, within_s=within_s or self._answer_s) as stream:
            return stream.readall()

    def open(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, *, limit: int = MAX_JSON, within_s: float
    ) -> Body:
        """The body of a successful answer, for the caller to close; all of it must come within `within_s` seconds.

        (A node that sends its headers byte by byte is bound only from one byte to the next.)

        Raises `NodeUnavailable` (no answer, 5xx), `NodeBusy` (429), `DiskFull` (507), `NodeJobLost` (404), `NodeRejected` (other 4xx), and
        `BadNodeResult` for more than `limit` bytes and for a redirect, which is never followed (the node must not send the server
        elsewhere).
        """
        deadline = time.monotonic() + within_s
        response = self._request(method, path, body, within_s)
        stream = Body(response, limit, deadline)
        try:
            _check(response, stream)
            _check_size(response, limit)
        except BaseException:
            stream.close()
            raise
        return stream

    def _request(self, method: str, path: str, body: Mapping[str, Any] | None, within_s: float) -> requests.Response:
        headers = {"Accept-Encoding": "identity"}  # what is small on the wire must not be large in memory
        if request_id():
            headers |= {"X-Request-ID": request_id(), "traceparent": traceparent()}
        try:
            with upstream():
                return self._session.request(
                    method,
                    self.address.base + path,
                    json=body,
                    headers=headers,
                    timeout=(min(self._connect_s, within_s), min(self._read_s, within_s)),
                    stream=True,
                    allow_redirects=False,
                )
        except (requests.RequestException, HTTPError, OSError, ValueError) as error:
            raise_if_ours(error)
            why = "超时" if isinstance(error, requests.Timeout) else "连接失败"
            raise NodeUnavailable(f"无法连接模型节点 {self.address.base}：{why}", refused=_never_sent(error)) from error


class _Bearer(AuthBase):
    """The node's token. It cannot go astray: there are no redirects, and every path is taken on the node's own address."""

    def __init__(self, token: str) -> None:
        self._token = token.encode()

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._token:
            request.headers["Authorization"] = b"Bearer " + self._token  # type: ignore[assignment]  # bytes go out as they are
        return request


class Body(io.RawIOBase):
    """The bytes as they were sent.

    Reading raises `BadNodeResult` beyond `limit` bytes, and `NodeUnavailable` when it breaks off or when `deadline` (of the monotonic
    clock) has passed. Closing it ends the exchange; a connection whose answer was read to its end goes back to the pool.
    """

    def __init__(self, response: requests.Response, limit: int, deadline: float) -> None:
        super().__init__()
        self._response = response
        self._limit = limit
        self._deadline = deadline
        self._size = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # typeshed's WriteableBuffer has no public name
        try:
            chunk: bytes = self._response.raw.read1(len(buffer), decode_content=False)
        except (HTTPError, OSError, ValueError) as error:  # ValueError: a chunk's length that is no number
            raise NodeUnavailable(f"读取模型节点的回答时连接中断（{type(error).__name__}）") from error
        if time.monotonic() > self._deadline:
            raise NodeUnavailable("模型节点的回答在规定时间内没有结束")
        self._size += len(chunk)
        if self._size > self._limit:
            raise BadNodeResult(f"模型节点给出的内容超过上限 {_size_text(self._limit)}")
        buffer[: len(chunk)] = chunk
        return len(chunk)

    def close(self) -> None:
        if not self.closed:
            self._response.close()
        super().close()


def _never_sent(error: Exception) -> bool:
    """Whether there was not even a connection."""
    cause = error.args[0] if error.args else None
    return isinstance(error, requests.ConnectTimeout) or isinstance(getattr(cause, "reason", None), NewConnectionError)


def _size_text(size: int) -> str:
    return f"{size >> 20} MB" if size >= 1 << 20 else f"{size} 字节"


def _check(response: requests.Response, stream: Body) -> None:
    status = response.status_code
    if status < 300:
        return
    if status < 400:
        raise BadNodeResult(f"模型节点要求转到别的地址（HTTP {status}），已拒绝；请检查 worker.addr")
    content = _beginning(stream)
    text = _told(content) or _excerpt(content)
    if status == NO_SPACE:
        raise DiskFull(f"模型节点的磁盘空间不足（HTTP {status}）")
    if status in LOST and TUNNEL_DOWN not in content:
        raise NodeJobLost(f"模型节点不认识该任务或文件（HTTP {status}）：{text}")
    if status == BUSY:
        raise NodeBusy(f"模型节点算力不足（HTTP {status}）：{text}")
    if status in LOST or status in TRY_AGAIN or status >= SERVER_FAULT:
        refused = status not in PERHAPS_DONE
        raise NodeUnavailable(f"模型节点暂时不可用（HTTP {status}）：{text}", refused=refused)
    if status in FORBIDDEN:
        raise NodeForbids(f"模型节点不接受服务器的令牌（HTTP {status}）：{text}")
    raise NodeRejected(f"模型节点拒绝了请求（HTTP {status}）：{text}")


def _check_size(response: requests.Response, limit: int) -> None:
    """Refuse at once what says that it is too long, and what came compressed though nobody asked for it."""
    length = response.headers.get("Content-Length", "")
    if length.isdecimal() and int(length[:20]) > limit:
        raise BadNodeResult(f"模型节点给出的内容超过上限（{length[:20]} 字节）")
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise BadNodeResult("模型节点给出了压缩的内容，已拒绝")


def _beginning(stream: Body) -> bytes:
    """The first piece of an error's body; one that breaks off is as good as none."""
    parts = bytearray()
    try:
        while len(parts) < 4096 and (chunk := stream.read(4096)):
            parts += chunk
    except (NodeUnavailable, BadNodeResult):
        pass
    return bytes(parts)


def _told(content: bytes) -> str:
    """The reason in an error's JSON, for a person; FastAPI's list of faults counts only where there is no text."""
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        return ""
    given = body if isinstance(body, dict) else {}
    texts = (clean_text(given.get(name), MAX_REASON) for name in ("message", "error", "detail"))
    return next(filter(None, texts), "")


def _excerpt(content: bytes) -> str:
    text = clean_text(" ".join(content[: 4 * MAX_REASON].decode("utf-8", "replace").split()), MAX_REASON)
    return text or "（空）"
