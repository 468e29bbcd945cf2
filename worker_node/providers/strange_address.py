"""Fetching what an address names that a provider's answer gave us: somebody else chose it.

http and https only; the host is resolved once, and what is connected to is an address of it that was looked at: a public one, or the
provider's own host (on loopback its own port, behind which a tunnel may end), which the operator named. Bounded in bytes and as a whole
in time. No key, cookie or password goes along; a redirect is a new address.
"""

from __future__ import annotations

import ipaddress
import socket
from typing import Any
from urllib.parse import SplitResult, urljoin, urlsplit

from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3 import Timeout
from urllib3.exceptions import HTTPError

from worker_node.errors import ProviderUnable
from worker_node.providers.deadline import Deadline
from worker_node.providers.http import CONNECT_S, read_bounded
from worker_node.providers.time_limit import Wires

MOST_REDIRECTS = 3
PORTS = {"http": 80, "https": 443}
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class LinkLost(ProviderUnable):
    """An address that may be fetched, but has nothing: it has expired, or its host is away."""


Ip = ipaddress.IPv4Address | ipaddress.IPv6Address


def fetch(address: str, deadline: Deadline, *, base: str, limit: int) -> bytes:
    """What the address names, `limit` bytes of it at most; `base` is the provider's. Raises `ProviderUnable`."""
    for _ in range(MOST_REDIRECTS + 1):
        content, moved = _get(address, deadline, base, limit)
        if not moved:
            return content
        address = urljoin(address, moved)
    raise ProviderUnable("模型给出的地址转了太多次")


def _get(address: str, deadline: Deadline, base: str, limit: int) -> tuple[bytes, str]:
    """The content, or where it has moved to."""
    parts, port = _parts(address)
    wires = Wires()
    host = str(parts.hostname)
    ip = _checked(host, port, base)
    secure = (
        {"server_hostname": host, "assert_hostname": host, "ca_certs": DEFAULT_CA_BUNDLE_PATH}
        if parts.scheme == "https"
        else {}
    )
    left = deadline.left()
    pool = wires.pools[parts.scheme](
        str(ip), port, timeout=Timeout(connect=min(CONNECT_S, left), read=left), retries=False, **secure
    )
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        with wires.until(deadline), pool:
            answer = pool.urlopen(
                "GET",
                target,
                headers={"Host": parts.netloc},
                redirect=False,
                preload_content=False,
                assert_same_host=False,
            )
            found = _read(answer, deadline, limit)
            if not deadline.left():  # what was cut off may look like a whole answer
                raise TimeoutError
            return found
    except (HTTPError, OSError, ValueError) as error:
        why = "超时" if not deadline.left() else type(error).__name__
        raise LinkLost(f"模型给出的地址 {host} 取不到（{why}）") from None


def _read(answer: Any, deadline: Deadline, limit: int) -> tuple[bytes, str]:
    if answer.status in (301, 302, 303, 307, 308) and answer.headers.get("Location"):
        answer.close()
        return b"", str(answer.headers["Location"])
    if answer.status != 200:
        raise LinkLost(f"模型给出的地址取不到（HTTP {answer.status}）")
    return read_bounded(answer, limit, deadline), ""


def _parts(address: str) -> tuple[SplitResult, int]:
    try:
        parts = urlsplit(address)
        port = parts.port or PORTS.get(parts.scheme, 0)
        usable = (
            parts.scheme in PORTS
            and parts.hostname
            and port
            and address.isascii()
            and address.isprintable()
            and " " not in address
        )
    except ValueError:  # half an IPv6 address, a port that is none
        usable = False
    if not usable or parts.username is not None or parts.password is not None:
        raise ProviderUnable("模型给出的不是 http(s) 地址")
    return parts, port


def _checked(host: str, port: int, base: str) -> Ip:
    """An address of the host that may be connected to."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise ProviderUnable(f"模型给出的地址 {host} 无法解析") from None
    ips = [ipaddress.ip_address(str(each[4][0]).partition("%")[0]) for each in found]
    own = urlsplit(base)
    own_port = own.port or PORTS.get(own.scheme, 0)
    for ip in ips:
        if is_public(ip) or (host == own.hostname and (not ip.is_loopback or port == own_port)):
            return ip
    raise ProviderUnable(f"模型给出的地址 {host} 不是公网地址，已拒绝")


def is_public(ip: Ip) -> bool:
    """Whether an address is one of the open internet, also where it wraps another."""
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(inner)
        if ip.is_site_local:
            return False
    return ip.is_global and not ip.is_multicast
