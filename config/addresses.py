"""Addresses, paths and sizes as the settings spell them."""

from __future__ import annotations

import grp
import os
import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from pathlib import Path
from urllib.parse import SplitResult, unquote, unquote_to_bytes, urlsplit

from config.go_dsn import HOST, DsnError, split_host_port

REDIS_PORT = 6379
NO_PORT = -1
NO_GROUP = (1 << 32) - 1  # "leave it as it is" to chown
MAX_PATH, MAX_FILE_NAME = 4000, 255  # bytes; asking about a longer one would raise
LISTEN_FORMS = "':8080', '8080', 'host:8080' or '[::1]:8080'"
HTTP_FORMS = "'host:port' or 'http(s)://host:port/path'"
BASE_FORM = "an address such as https://film.example.org"
_CREDENTIALS = re.compile(
    r"(?P<scheme>(?:https?://)?)(?P<user>[^/@:]*)(?::(?P<password>[^/@]*))?@(?P<rest>.*)", re.DOTALL
)
_HOST_HEADER = re.compile(
    r"(?:\[(?P<ipv6>[0-9A-Fa-f:.]{2,45})\]|(?P<name>(?:[A-Za-z0-9_-]{1,63}\.)*[A-Za-z0-9_-]{1,63}\.?))(?::(?P<port>[0-9]{1,5}))?"
)
_LOOKS_LIKE_IPV4 = re.compile(r"[0-9]+(?:\.[0-9]+){3}")
_LOCATION = re.compile(r"(?:/[A-Za-z0-9._-]+)+/?")
_RATE = re.compile(r"([0-9]{1,6})/(second|minute|hour)")
_PARAMETER = re.compile(r"[A-Za-z0-9_]{1,100}")
MAX_RATE = 10_000
MAX_HOST, MAX_PORT = 253, 65_535
_BUCKET = re.compile(r"(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


@dataclass(frozen=True)
class Listen:
    """Where the server listens; an empty host means every address of the machine."""

    host: str
    port: int

    def url(self) -> str:
        """The address under which this very machine reaches it."""
        host = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "127.0.0.1"}.get(self.host, self.host)  # noqa: S104 - compared, not bound
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


@dataclass(frozen=True)
class HttpAddress:
    """`authority` is host and port as a URL holds them, `host` the bare host, `folder` the path in front of everything, "" or "/path"."""

    scheme: str
    authority: str
    host: str
    folder: str

    @property
    def base(self) -> str:
        """What paths are appended to."""
        return f"{self.scheme}://{self.authority}{self.folder}"


def parse_http(text: str, scheme: str = "http") -> HttpAddress:
    """`host`, `host:port` (then of the given scheme) or `http(s)://host:port/path`; raises ValueError.

    The authority comes back in small letters: clients write it so into `Host`, and a link's signature holds for what stands there.
    """
    given = text.strip()
    try:
        parts = urlsplit(given if "://" in given else f"{scheme}://{given}")
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise ValueError(f"must be {HTTP_FORMS} ({error})") from error
    plain = (
        given.isascii() and given.isprintable() and not set(given) & set(' \\?#@"<>^`{|}') and not climbs(parts.path)
    )
    if not plain or not HOST.fullmatch(host) or port == 0 or parts.scheme not in ("http", "https"):
        raise ValueError(f"must be {HTTP_FORMS}")
    return HttpAddress(parts.scheme, parts.netloc.lower(), host, parts.path.rstrip("/"))


def host_name(header: str) -> str:
    """The name in a request's `Host`, in small letters and without port, brackets and last dot; raises ValueError.

    Names may hold underscores, as machines in the field have them.
    """
    match = _HOST_HEADER.fullmatch(header)
    if match is None or not 0 < int(match["port"] or 80) <= MAX_PORT:
        raise ValueError("is no host, or no host with a port")
    if match["ipv6"]:
        return str(IPv6Address(match["ipv6"]))
    name = match["name"].removesuffix(".").lower()
    if len(name) > MAX_HOST:
        raise ValueError(f"is longer than {MAX_HOST} characters")
    return str(IPv4Address(name)) if _LOOKS_LIKE_IPV4.fullmatch(name) else name


def parse_allowed_host(text: str) -> str:
    """A host's name or address without a port, or `.name` for that name and all below it, as `host_name` spells it; raises ValueError."""
    bare = text.removeprefix(".")
    dot = text.removesuffix(bare)
    host = f"[{bare}]" if bare.count(":") > 1 and not bare.startswith("[") else bare
    try:
        return dot + host_name(f"{host}:{MAX_PORT}")  # with a port of its own that makes two
    except ValueError as error:
        raise ValueError("must be hosts such as film.example.org or .example.org, without a port") from error


def parse_node(text: str) -> tuple[HttpAddress, tuple[bytes, bytes] | None]:
    """As `parse_http`, with `user:password@` before the host where the node's tunnel asks for them; raises ValueError."""
    match = _CREDENTIALS.fullmatch(text.strip())
    if match is None:
        return parse_http(text), None
    credentials = unquote_to_bytes(match["user"]), unquote_to_bytes(match["password"] or "")
    return parse_http(match["scheme"] + match["rest"]), credentials


def parse_token(text: str) -> bytes:
    """What a node asks of every request, as the header carries it; raises ValueError."""
    if not text.isprintable() or text != text.strip():
        raise ValueError("must be text without control characters, and without blanks around it")
    return text.encode()


def parse_base(text: str) -> HttpAddress:
    """`http(s)://host:port/path`, the scheme needed; raises ValueError."""
    try:
        if "://" in text:
            return parse_http(text)
    except ValueError as error:
        raise ValueError(f"must be {BASE_FORM}") from error
    raise ValueError(f"must be {BASE_FORM}")


def parse_endpoint(text: str) -> HttpAddress:
    """An address of S3: `host:port` or `http(s)://host:port`, without a path, which its signatures do not allow; raises ValueError."""
    address = parse_http(text)
    if address.folder:
        raise ValueError("must be 'host:port' or 'http(s)://host:port', without a path")
    return address


def parse_sentry(text: str) -> SplitResult:
    """A DSN of Sentry: `https://key@host/project`; raises ValueError, which does not show it."""
    parts = urlsplit(text)
    try:
        fits = parts.scheme in ("http", "https") and parts.username and parts.hostname and parts.port != 0
    except ValueError:  # no port
        fits = False
    if not fits or not parts.path.rpartition("/")[2].isdigit():
        raise ValueError("must be https://key@host/project, as Sentry shows it")
    return parts


def climbs(path: str) -> bool:
    """Whether a URL's path leads upwards."""
    return ".." in unquote(path).replace("\\", "/").split("/")


def parse_bucket(text: str) -> str:
    """A bucket's name by S3's rules; raises ValueError."""
    if not _BUCKET.fullmatch(text):
        raise ValueError("must be 3 to 63 small letters, digits, dots and hyphens, a letter or digit at both ends")
    return text


def parse_parameter(text: str) -> str:
    """The name of a parameter in an address; raises ValueError."""
    if not _PARAMETER.fullmatch(text):
        raise ValueError("must be 1 to 100 letters, digits and underscores")
    return text


def parse_path(path: str | Path) -> Path:
    """A path that a file system can be asked about; raises ValueError."""
    found = Path(path)
    names = [os.fsencode(name) for name in found.parts]
    if len(os.fsencode(found)) > MAX_PATH or any(len(name) > MAX_FILE_NAME for name in names):
        raise ValueError(f"must be a path of at most {MAX_PATH} bytes, each name in it of at most {MAX_FILE_NAME}")
    return found


def parse_location(text: str) -> str:
    """A path that a proxy keeps to itself, such as `/_objects/`; raises ValueError."""
    if not _LOCATION.fullmatch(text):
        raise ValueError("must be a path of a proxy such as /_objects/")
    return text


def parse_address(text: str) -> IPv4Address | IPv6Address | None:
    """An IP address; one of IPv4 that came in as IPv6 is itself. None where it is no address."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


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


def parse_group(text: str) -> int:
    """The number of a group of this machine, from its name or its number; raises ValueError."""
    if text.isascii() and text.isdecimal() and int(text[:10]) < NO_GROUP:
        return int(text[:10])
    try:
        return grp.getgrnam(text).gr_gid
    except (KeyError, ValueError) as error:
        raise ValueError("must be the name or the number of a group of this machine") from error


def parse_rate(text: str) -> tuple[int, int]:
    """How often in how many seconds, of `120/second`, `300/minute` or `20/hour`; raises ValueError."""
    found = _RATE.fullmatch(text)
    if found is None or not 0 < int(found[1]) <= MAX_RATE:
        raise ValueError(f"must be a number from 1 to {MAX_RATE} per second, minute or hour, such as 300/minute")
    return int(found[1]), {"second": 1, "minute": 60, "hour": 3600}[found[2]]
