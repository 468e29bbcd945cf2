"""Network addresses as the settings spell them."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network

from config.go_dsn import DsnError, split_host_port

REDIS_PORT = 6379
NO_PORT = -1
LISTEN_FORMS = "':8080', '8080', 'host:8080' or '[::1]:8080'"


@dataclass(frozen=True)
class Listen:
    """Where the server listens; an empty host means every address of the machine."""

    host: str
    port: int

    def url(self) -> str:
        """The address under which this very machine reaches it."""
        host = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104 - compared, not bound
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"


def parse_listen(text: str) -> Listen:
    """`:8080`, `8080`, `host:8080` or `[::1]:8080`; raises ValueError."""
    try:
        host, port = split_host_port(f":{text}" if text.isdigit() else text, NO_PORT)
    except DsnError as error:
        raise ValueError(f"must be {LISTEN_FORMS} ({error})") from error
    if port == NO_PORT:
        raise ValueError(f"must be {LISTEN_FORMS}")
    return Listen(host, port)


@dataclass(frozen=True)
class RedisAddress:
    """A TCP address, or the path of a Unix socket."""

    host: str = ""
    port: int = 0
    socket: str = ""


def parse_redis(text: str) -> RedisAddress:
    """`host:port`, `host`, or a Unix socket as `/path` or `unix:///path`; raises ValueError."""
    path = text.removeprefix("unix://")
    if path.startswith("/"):
        return RedisAddress(socket=path)
    if "/" in text:
        raise ValueError("must be 'host:port' or the path of a Unix socket")
    try:
        host, port = split_host_port(text, REDIS_PORT)
    except DsnError as error:
        raise ValueError(f"must be 'host:port' or the path of a Unix socket ({error})") from error
    return RedisAddress(host or "127.0.0.1", port)


def parse_network(text: str) -> IPv4Network | IPv6Network:
    """An IP address, or a network such as 10.0.0.0/8; raises ValueError."""
    try:
        return ip_network(text, strict=False)
    except ValueError as error:
        raise ValueError("must be IP addresses or networks such as 10.0.0.0/8") from error


def parse_resolution(text: str) -> tuple[int, int]:
    """Width and height of `1280x720`: even numbers from 64 to 4096; raises ValueError."""
    width, cross, height = text.lower().partition("x")
    sides = [int(side) for side in (width, height) if side.isascii() and side.isdigit()]
    if not cross or len(sides) != 2 or any(side % 2 or not 64 <= side <= 4096 for side in sides):
        raise ValueError("must be WIDTHxHEIGHT, both even and from 64 to 4096")
    return sides[0], sides[1]
