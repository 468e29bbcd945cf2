"""What providers that are reached over HTTP share: one server, its key, and an end to everything that it may do.

The server is the operator's own choice and may have a private address. Its answers are bounded in size and as a whole in time, redirects
are not followed (a key would travel with them), no proxy or `.netrc` of this machine stands between, and what goes wrong is told in words
that a user can act on. The key is in no error and no log.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt
from urllib3 import BaseHTTPResponse
from urllib3.exceptions import HTTPError

from worker_node.errors import ProviderUnable
from worker_node.providers.deadline import Deadline
from worker_node.providers.http_errors import Busy, clean, is_page, refusal
from worker_node.providers.settings import ProviderSettings
from worker_node.providers.time_limit import Wires

CONNECT_S = 10.0
MAX_ANSWER = 16 << 20  # bytes
MAX_ERROR = 1 << 16  # bytes of a refusal that are read
ATTEMPTS = 3
LONGEST_PAUSE_S = 30.0
CHUNK = 1 << 16
HIDDEN = "***"


@dataclass(frozen=True)
class Answer:
    """A successful answer, decompressed."""

    content: bytes
    headers: Mapping[str, str]


class HttpClient:
    """One provider's server. For one thread at a time."""

    def __init__(self, settings: ProviderSettings, default_base: str = "") -> None:
        self.base = (settings.base or default_base).rstrip("/")
        self.host = urlsplit(self.base).hostname or ""
        self._key = settings.key.get_secret_value()
        self._wires = Wires()
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        for scheme in ("http://", "https://"):
            adapter = HTTPAdapter()
            adapter.poolmanager.pool_classes_by_scheme = self._wires.pools
            self._session.mount(scheme, adapter)

    def call(
        self,
        method: str,
        path: str,
        deadline: Deadline,
        *,
        headers: Mapping[str, str] | None = None,
        limit: int = MAX_ANSWER,
        **body: Any,
    ) -> Answer:
        """The server's answer; `body` is `json`, or `data` and `files`, as requests takes them.

        Raises `ProviderUnable` for every failure (`Refused` where the request is to blame), and `ProviderError` where the server's safety
        system does not take the content. A server that is busy is asked again after the pause that it names, where that is short.
        """
        tries = Retrying(
            retry=retry_if_exception(
                lambda error: isinstance(error, Busy) and _pause(error, ATTEMPTS) <= deadline.left()
            ),
            stop=stop_after_attempt(ATTEMPTS),
            wait=_wait,
            reraise=True,
        )
        return tries(self._once, method, path, deadline, {**(headers or {}), **self._authorization()}, limit, body)

    def _authorization(self) -> dict[str, str]:
        if not self._key:
            return {}
        if (
            not self._key.isascii() or not self._key.isprintable() or " " in self._key
        ):  # requests would show it in its error
            raise ProviderUnable("密钥不对：含有不能发送的字符")
        return {"Authorization": f"Bearer {self._key}"}

    def _once(
        self,
        method: str,
        path: str,
        deadline: Deadline,
        headers: Mapping[str, str],
        limit: int,
        body: Mapping[str, Any],
    ) -> Answer:
        left = deadline.left()
        if not left:
            raise self._late(deadline)
        try:
            with (
                self._wires.until(deadline),
                self._session.request(
                    method,
                    self.base + path,
                    headers=dict(headers),
                    timeout=(min(CONNECT_S, left), left),
                    stream=True,
                    allow_redirects=False,
                    **body,
                ) as response,
            ):
                answer = self._read(response, limit, deadline)
        except (requests.RequestException, HTTPError, OSError) as error:
            if not deadline.left():
                raise self._late(deadline) from None
            raise ProviderUnable(self._unreachable(error)) from None
        if not deadline.left():  # what was cut off may look like a whole answer
            raise self._late(deadline)
        return answer

    def _read(self, response: requests.Response, limit: int, deadline: Deadline) -> Answer:
        status = response.status_code
        if 300 <= status < 400:
            host = urlsplit(response.headers.get("Location", "")).hostname or self.host
            raise ProviderUnable(f"{self.base} 要求转到别的地址（{clean(host)}，HTTP {status}），请更正 base")
        if status < 300:
            content = read_bounded(response.raw, limit, deadline)
            return Answer(content, dict(response.headers))
        content = read_bounded(response.raw, MAX_ERROR, deadline, cut=True)
        raise self.refused(status, content, response.headers.get("Retry-After", ""))

    def check(self, content: bytes, unless: str = "error") -> None:
        """Raise for an answer of status 200 that is an error all the same, or a web page; `unless` is the key of one that is none."""
        found = json_or_text(content)
        if isinstance(found, dict) and found.get("error") and not (unless != "error" and found.get(unless)):
            code = found["error"].get("code") if isinstance(found["error"], dict) else None
            raise self.refused(code if isinstance(code, int) and 400 <= code < 600 else 200, content)
        if isinstance(found, str) and is_page(found):
            raise self.refused(200, content)

    def refused(self, status: int, content: bytes, retry_after: str = "") -> Exception:
        """The error for a refusal, without the key, which some servers repeat."""
        text = decoded(content)
        return refusal(status, text.replace(self._key, HIDDEN) if self._key else text, retry_after)

    def _late(self, deadline: Deadline) -> ProviderUnable:
        return ProviderUnable(f"{self.base} 在 {deadline.seconds:g} 秒内没有答完")

    def _unreachable(self, error: Exception) -> str:
        if isinstance(error, requests.exceptions.SSLError):
            return f"连接不上 {self.base}：证书或加密连接有误"
        if isinstance(error, requests.Timeout):
            return f"连接不上 {self.base}：超时"
        if (
            isinstance(error, requests.ConnectionError)
            and "NewConnectionError" not in repr(error)
            and "NameResolution" not in repr(error)
        ):
            return f"{self.base} 没有答完就断开了连接"
        if isinstance(error, requests.ConnectionError):
            return f"连接不上 {self.base}"
        return f"{self.base} 的回答读不下去（{type(error).__name__}）"


def _pause(error: BaseException, attempt: int) -> float:
    after = getattr(error, "after", None)
    if after is None:
        return float(attempt)
    return float(after) if after <= LONGEST_PAUSE_S else float("inf")


def _wait(state: RetryCallState) -> float:
    error = state.outcome and state.outcome.exception()
    return _pause(error, state.attempt_number) if error else 0.0


def read_bounded(raw: BaseHTTPResponse, limit: int, deadline: Deadline, *, cut: bool = False) -> bytes:
    """The whole body, decompressed; raises `ProviderUnable` beyond `limit` bytes (or cuts there) and after the deadline."""
    packed = raw.headers.get("Content-Encoding", "").lower() in ("gzip", "x-gzip", "deflate")
    unpack = zlib.decompressobj(zlib.MAX_WBITS | 32) if packed else None  # both headers are known by themselves
    content = bytearray()
    while piece := raw.read1(CHUNK, decode_content=False):
        if not deadline.left():
            raise TimeoutError
        try:
            content += unpack.decompress(piece, limit + 1 - len(content)) if unpack else piece
        except zlib.error:
            raise ProviderUnable("回答的压缩数据已损坏") from None
        if len(content) > limit:
            if cut:
                return bytes(content[:limit])
            raise ProviderUnable(f"回答超过 {limit >> 20} MB")
    if unpack and not unpack.eof:
        raise ProviderUnable("回答的压缩数据不完整")
    return bytes(content)


def decoded(content: bytes) -> str:
    """Text in UTF-8, or as Chinese Windows writes it."""
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    return content.decode("utf-8", "replace")


def overlaid(body: Mapping[str, Any], extra: Mapping[str, Any]) -> dict[str, Any]:
    """A request with an operator's own fields over it; an object is laid over an object field by field."""
    both = dict(body)
    for name, value in extra.items():
        old = both.get(name)
        both[name] = {**old, **value} if isinstance(old, dict) and isinstance(value, dict) else value
    return both


def json_or_text(content: bytes) -> Any:
    """The JSON value that an answer is, or its text where it is none."""
    text = decoded(content)
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
