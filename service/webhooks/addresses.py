"""Addresses that a user names for messages: which of them may be sent to at all. `sending` looks again when it connects."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from config.networks import Network, may_connect

MAX_URL = 2048  # characters
PORTS = {"http": 80, "https": 443}
LOCAL = "地址指向服务器自己的网络，已拒绝（运维者可用 webhooks.allow_networks 开放）"


class Refused(Exception):
    """The address may not be connected to, or cannot be."""


def check_url(url: str, allowed: Collection[Network]) -> str:
    """What is wrong with an address, in words; "" where nothing is. A name is not resolved: it may lead elsewhere tomorrow."""
    try:
        parts = parts_of(url)
    except Refused as error:
        return str(error)
    with suppress(ValueError):
        if not may_connect(ip_address(str(parts.hostname)), allowed):
            return LOCAL
    return ""


def parts_of(url: str) -> SplitResult:
    """The parts of an address of the kind that is taken; raises `Refused` for any other."""
    try:
        parts = urlsplit(url)
        usable = bool(parts.scheme in PORTS and parts.hostname and parts.port != 0)
    except ValueError:  # half an IPv6 address, a port that is none
        usable = False
    if not usable or len(url) > MAX_URL or not url.isascii() or not url.isprintable() or " " in url:
        raise Refused(f"必须是 http 或 https 地址，最多 {MAX_URL} 个字符")
    if parts.username is not None or parts.password is not None:
        raise Refused("地址中不能有用户名和密码")
    return parts
