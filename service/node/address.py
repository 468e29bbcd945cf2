"""The node's address, and which URLs that it reports count as its own.

The node must not make the server fetch anything else: of an address on loopback or on the node's own host only the path counts, taken on
the address that is configured; any other host is refused.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from urllib.parse import SplitResult, quote, urlencode, urlsplit

from common.errors import BadNodeResult
from config.addresses import climbs, parse_node

SAFE = "/%:@!$&'()*+,;=~-._"


@dataclass(frozen=True)
class NodeAddress:
    """`origin` is scheme, host and port; `folder` the path in front of the node's routes, "" or "/path"; `auth` user and password."""

    origin: str
    host: str
    folder: str
    auth: tuple[bytes, bytes] | None = field(default=None, repr=False)

    @classmethod
    def parse(cls, text: str) -> NodeAddress:
        """From "host:port" or "http(s)://user:password@host:port/path/"; raises ValueError."""
        address, auth = parse_node(text)
        return cls(f"{address.scheme}://{address.authority}", address.host, address.folder, auth)

    @property
    def base(self) -> str:
        """What the routes are appended to."""
        return self.origin + self.folder

    def path_of(self, url: str) -> str:
        """The path and query below `base` of a URL that the node reported, ready for a request line; raises `BadNodeResult`."""
        parts = _split(url)
        if parts.scheme not in ("", "http", "https"):
            raise BadNodeResult(f"模型节点给出的地址不是 HTTP：{url[:200]}")
        host = parts.hostname
        if parts.netloc and not (host and (host == self.host or _is_loopback(host))):
            raise BadNodeResult(f"模型节点给出了其他主机的地址，已拒绝：{parts.netloc[:200]}")
        if climbs(parts.path):
            raise BadNodeResult(f"模型节点给出的路径无效：{url[:200]}")
        path = "/" + parts.path.lstrip("/")
        if self.folder and path.startswith(f"{self.folder}/"):  # a node that knows its folder; others do not
            path = path[len(self.folder) :]
        query = f"?{quote(parts.query, safe=SAFE + '?')}" if parts.query else ""
        return quote(path, safe=SAFE) + query


def download_path(path: str) -> str:
    """Where the node serves a file of its own by the path that it reported."""
    return "/v1/download?" + urlencode({"path": path}, errors="replace")


def _split(url: str) -> SplitResult:
    try:
        if not url.isprintable():
            raise ValueError("control characters")
        parts = urlsplit(url.replace("\\", "/"))
        parts.hostname, parts.port  # noqa: B018 - asked for so that what cannot be understood is refused here
        url.encode()
    except ValueError as error:  # also half a UTF-16 pair
        raise BadNodeResult(f"模型节点给出的地址无法理解：{url[:200]!a}") from error
    return parts


def _is_loopback(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost"
    return address.is_loopback or address.is_unspecified
