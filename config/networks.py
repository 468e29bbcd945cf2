"""Which addresses are of the open internet, and which are of somebody's own network."""

from __future__ import annotations

from collections.abc import Collection
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

Ip = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
_NAT64 = ip_network("64:ff9b::/96")
_NEVER = (
    ip_network("::/96"),
    ip_network("64:ff9b:1::/48"),
    ip_network("fec0::/10"),
)  # IPv4 in IPv6, and old private ones


def may_connect(ip: Ip, allowed: Collection[Network]) -> bool:
    """Whether an address that somebody else chose may be connected to: a public one, or one of the networks that are allowed."""
    inner = _inner(ip)
    return is_public(ip) or any(each in network for each in (ip, inner) if each is not None for network in allowed)


def is_public(ip: Ip) -> bool:
    """Whether an address is one of the open internet, also where it wraps another."""
    inner = _inner(ip)
    if inner is not None:
        return is_public(inner)
    return ip.is_global and not ip.is_multicast and not any(ip in network for network in _NEVER)


def _inner(ip: Ip) -> IPv4Address | None:
    """The IPv4 address that one of IPv6 leads to."""
    if not isinstance(ip, IPv6Address):
        return None
    if ip in _NAT64:
        return IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
