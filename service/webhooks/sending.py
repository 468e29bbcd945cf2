"""Sending one message to an address that a user named: bounded in time and bytes, and never into our own network.

The host is resolved when a connection is made, and what is connected to is an address that was looked at, also behind a redirect: a name
that leads elsewhere by then gains nothing.
"""

from __future__ import annotations

import re
import socket
import ssl
import threading
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from http.client import HTTPException
from ipaddress import ip_address
from urllib.parse import SplitResult, urljoin

from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

from common.host_faults import raise_if_ours
from config.networks import Ip, Network, may_connect
from service.webhooks.addresses import LOCAL, PORTS, Refused, parts_of

CONNECT_S, TOTAL_S = 5.0, 15.0
MAX_ANSWER = 65_536  # bytes that are read of an answer, which nobody looks at
MOST_REDIRECTS = 3
REDIRECTS = (307, 308)  # the only ones that keep the method and the body
_WHOLE_SECONDS = re.compile(r"[0-9]{1,5}")


@dataclass(frozen=True)
class Answer:
    """`status` is None where there was none, `reason` then says why (Chinese). `retry_after_s` is what the receiver asked for."""

    status: int | None
    reason: str = ""
    retry_after_s: int = 0

    @property
    def is_success(self) -> bool:
        """Whether the message has arrived."""
        return self.status is not None and 200 <= self.status < 300


def post(url: str, body: bytes, headers: Mapping[str, str], allowed: Collection[Network]) -> Answer:
    """Send the body; whatever the other side does, there is an answer after `TOTAL_S` seconds and the resolver's own patience."""
    ends = _Timer(TOTAL_S)
    try:
        for _ in range(MOST_REDIRECTS + 1):
            answer, moved = _post(url, body, headers, allowed, ends)
            if not moved:
                return answer
            secure, url = url.startswith("https:"), urljoin(url, moved)
            if secure and not url.startswith("https:"):
                return Answer(None, "重定向离开了 https，已拒绝")
        return Answer(None, f"重定向超过 {MOST_REDIRECTS} 次")
    except Refused as error:
        return Answer(None, str(error))
    except (HTTPError, HTTPException, OSError, ValueError) as error:
        raise_if_ours(error)
        return Answer(None, "超时" if ends.passed else _why(error))
    finally:
        ends.cancel()


def _post(
    url: str, body: bytes, headers: Mapping[str, str], allowed: Collection[Network], ends: _Timer
) -> tuple[Answer, str]:
    parts = parts_of(url)
    connection = _connection(parts, allowed, ends)
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("POST", target, body=body, headers=headers, preload_content=False)
        response = connection.getresponse()
        moved = response.headers.get("Location", "") if response.status in REDIRECTS else ""
        response.read(MAX_ANSWER)
        if ends.passed:  # what was cut off may look like a whole answer
            raise TimeoutError
        wish = _WHOLE_SECONDS.fullmatch(response.headers.get("Retry-After", ""))
        return Answer(response.status, "", int(wish[0]) if wish else 0), moved
    finally:
        connection.close()


def _connection(parts: SplitResult, allowed: Collection[Network], ends: _Timer) -> HTTPConnection:
    host, port = str(parts.hostname), parts.port or PORTS[parts.scheme]
    if parts.scheme == "https":
        return _Https(host, port, allowed, ends)
    return _Http(host, port, allowed, ends)


class _Http(HTTPConnection):
    def __init__(self, host: str, port: int, allowed: Collection[Network], ends: _Timer) -> None:
        super().__init__(host, port, timeout=TOTAL_S)
        self._allowed, self._ends = allowed, ends

    def _new_conn(self) -> socket.socket:
        return _connect(self.host, self.port, self._allowed, self._ends)


class _Https(HTTPSConnection):
    def __init__(self, host: str, port: int, allowed: Collection[Network], ends: _Timer) -> None:
        super().__init__(host, port, timeout=TOTAL_S, ssl_context=_trust())
        self._allowed, self._ends = allowed, ends

    def _new_conn(self) -> socket.socket:
        return _connect(self.host, self.port or PORTS["https"], self._allowed, self._ends)


@cache
def _trust() -> ssl.SSLContext:
    """The machine's own authorities, among which an operator's may be, and those that pip brought."""
    context = ssl.create_default_context()
    context.load_verify_locations(DEFAULT_CA_BUNDLE_PATH)
    return context


def _connect(host: str, port: int, allowed: Collection[Network], ends: _Timer) -> socket.socket:
    """A connection to the first address of the host that may be connected to and answers."""
    try:
        found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise Refused(f"主机 {host} 无法解析") from None
    usable = [each for each in found if may_connect(_ip(str(each[4][0])), allowed)]
    if not usable:
        raise Refused(LOCAL)
    last: Exception = Refused("连接失败")
    for family, kind, protocol, _, address in usable:
        wire = socket.socket(family, kind, protocol)
        try:
            wire.settimeout(CONNECT_S)
            ends.watch(wire)
            wire.connect(address)
        except OSError as error:  # the receiver's, or the network's, whatever its number says of files
            wire.close()
            last = error if isinstance(error, TimeoutError) else Refused("连接失败")
        else:
            wire.settimeout(TOTAL_S)
            return wire
    raise last


def _ip(text: str) -> Ip:
    return ip_address(text.partition("%")[0])


def _why(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "超时"
    if isinstance(error, ssl.SSLError):
        return "TLS 证书无效或握手失败"
    return "连接失败或中断"


class _Timer:
    """After so many seconds the connection in use is shut down, and whoever waits for it returns."""

    def __init__(self, seconds: float) -> None:
        self.passed = False
        self._lock = threading.Lock()
        self._wire: socket.socket | None = None
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True
        self._timer.start()

    def watch(self, wire: socket.socket) -> None:
        """The connection is in use now."""
        with self._lock:
            if self.passed:
                raise TimeoutError
            if self._wire is not None:
                self._wire.close()
            self._wire = wire.dup()  # TLS takes the first one over

    def cancel(self) -> None:
        """All is done."""
        self._timer.cancel()
        with self._lock:
            if self._wire is not None:
                self._wire.close()
                self._wire = None

    def _end(self) -> None:
        with self._lock:
            self.passed = True
            if self._wire is not None:
                with suppress(OSError):
                    self._wire.shutdown(socket.SHUT_RDWR)
