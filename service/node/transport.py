"""HTTP to the model node: bounded, without redirects, and with every failure translated."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import requests
from requests.adapters import HTTPAdapter

from service.errors import BadNodeResult, NodeJobLost, NodeRejected, NodeUnavailable
from service.request_context import request_id

CONNECT_S, READ_S = 5.0, 30.0
MAX_JSON = 16 << 20  # bytes
MAX_SECONDS = 60.0  # of one answer, however slowly the node sends it
CHUNK = 1 << 16  # bytes; a slow sender's piece comes as soon as it is there
POOL = 32  # connections
NOT_FOUND, TOO_MANY, SERVER_FAULT = 404, 429, 500


class Transport:
    """One node's address. `addr` is "host:port" or a whole URL, with or without a path and a trailing slash."""

    def __init__(self, addr: str, *, connect_s: float = CONNECT_S, read_s: float = READ_S) -> None:
        base = addr if "://" in addr else f"http://{addr}"
        self.base = base.rstrip("/")
        self.host = urlsplit(self.base).hostname or ""
        self._timeout = (connect_s, read_s)
        self._session = requests.Session()
        self._session.trust_env = False  # no proxy and no .netrc stands between the processor and its node
        self._session.mount("http://", HTTPAdapter(pool_maxsize=POOL))
        self._session.mount("https://", HTTPAdapter(pool_maxsize=POOL))

    def json(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The answer's JSON object.

        Raises `NodeUnavailable`, `NodeRejected`, `NodeJobLost` (404), or `BadNodeResult` when the answer is no JSON object.
        """
        with self.stream(method, path, body) as response:
            content = _bounded(response, MAX_JSON)
        try:
            found = _loads(content)
        except ValueError as error:
            raise BadNodeResult(f"模型节点的回答不是 JSON：{_shorten(content)}") from error
        if not isinstance(found, dict):
            raise BadNodeResult("模型节点的回答不是 JSON 对象")
        return found

    def list(self, path: str) -> object:
        """The JSON at a path, whatever it is. Raises as `json` does."""
        with self.stream("GET", path) as response:
            content = _bounded(response, MAX_JSON)
        try:
            return _loads(content)
        except ValueError as error:
            raise BadNodeResult(f"模型节点的文件不是 JSON：{_shorten(content)}") from error

    @contextmanager
    def stream(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Iterator[requests.Response]:
        """A successful answer whose body is not read yet; it is closed when the block ends."""
        response = self.open(method, path, body)
        try:
            yield response
        finally:
            response.close()

    def open(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> requests.Response:
        """The same for a caller that closes it. Redirects are not followed: the node must not send the server elsewhere."""
        headers = {"X-Request-ID": request_id()} if request_id() else {}
        try:
            response = self._session.request(
                method,
                self.base + path,
                json=body,
                headers=headers,
                timeout=self._timeout,
                stream=True,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            raise NodeUnavailable(f"无法连接模型节点 {self.base}：{_reason(error)}") from error
        try:
            self._check(response)
        except BaseException:
            response.close()
            raise
        return response

    def _check(self, response: requests.Response) -> None:
        status = response.status_code
        if status < 300:
            return
        if status < 400:
            raise BadNodeResult(f"模型节点要求转到别的地址（HTTP {status}），已拒绝")
        text = _shorten(_bounded(response, 64 << 10, truncate=True))
        if status == NOT_FOUND:
            raise NodeJobLost(f"模型节点不认识该任务或文件（HTTP 404）：{text}")
        if status == TOO_MANY or status >= SERVER_FAULT:
            raise NodeUnavailable(f"模型节点暂时不可用（HTTP {status}）：{text}")
        raise NodeRejected(f"模型节点拒绝了请求（HTTP {status}）：{text}")


def file_path(url_path: str) -> str:
    """A path that the node reported, made safe to stand in a request line."""
    return quote(url_path, safe="/%:@!$&'()*+,;=~-._")


def download_path(path: str) -> str:
    """Where the node serves a file of its own by the path that it reported."""
    return "/v1/download?" + urlencode({"path": path})


def _bounded(response: requests.Response, limit: int, *, truncate: bool = False) -> bytes:
    """The body, at most `limit` bytes; a longer one is cut, or raises `BadNodeResult`."""
    parts: list[bytes] = []
    size = 0
    deadline = time.monotonic() + MAX_SECONDS
    try:
        for chunk in response.iter_content(CHUNK):
            if time.monotonic() > deadline:
                raise NodeUnavailable(f"模型节点的回答在 {MAX_SECONDS:.0f} 秒内没有结束")
            size += len(chunk)
            parts.append(chunk)
            if size > limit:
                if truncate:
                    break
                raise BadNodeResult(f"模型节点的回答超过 {limit >> 20} MB")
    except requests.RequestException as error:
        raise NodeUnavailable(f"读取模型节点的回答时中断：{_reason(error)}") from error
    return b"".join(parts)[:limit]


def _loads(content: bytes) -> object:
    try:
        found: object = json.loads(content)
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    return found


def _shorten(content: bytes) -> str:
    text = " ".join(content.decode("utf-8", "replace").replace("\x00", "").split())
    return text[:300] or "（空）"


def _reason(error: requests.RequestException) -> str:
    """Short, for a person; the chain keeps the rest."""
    if isinstance(error, requests.Timeout):
        return "超时"
    if isinstance(error, requests.ConnectionError):
        return "连接失败"
    return str(error)[:200]
