"""The address of a MySQL database in the Go driver's form.

::

    [user[:password]@][protocol[(address)]]/database[?parameter=value&...]

The last `/` begins the database's name and the last `@` before it the protocol, so that a password may hold `@`, `:` and `/` as it is;
a `/` in a parameter is escaped (`loc=Asia%2FShanghai`).
"""

from __future__ import annotations

import math
import re
import ssl
from dataclasses import dataclass
from datetime import tzinfo
from typing import TYPE_CHECKING
from urllib.parse import unquote, unquote_plus

from common.errors import StartError
from config.zones import zone_named

if TYPE_CHECKING:
    from sqlalchemy import URL

DRIVER = "mysql+pymysql"
DEFAULT_PORT = 3306
DEFAULT_SOCKET = "/tmp/mysql.sock"  # noqa: S108 - the Go driver's default, not a file of ours
LONGEST_S = 24 * 86_400  # a little less than the longest time limit of a socket
FORM = "user:password@tcp(host:port)/database?charset=utf8mb4&parseTime=True&loc=Local"

# A name or an IPv4 address; an IPv6 address. Names' parts are of at most 63 characters, or asking for them would raise.
HOST = re.compile(r"[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63})*\.?|[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*(?:%[A-Za-z0-9._-]+)?")
_HEAD = re.compile(r"(?P<protocol>[A-Za-z0-9]*)(?:\((?P<address>.*)\))?\Z", re.DOTALL)
_DURATION = re.compile(r"(\d{1,20}(?:\.\d{0,20})?|\.\d{1,20})(ns|us|µs|ms|s|m|h)")
_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_TIMEOUTS = {"timeout": "connect_timeout", "readTimeout": "read_timeout", "writeTimeout": "write_timeout"}
_TRUE, _FALSE = {"1", "true", "TRUE", "True"}, {"0", "false", "FALSE", "False"}

# Parameters of the Go driver that say how that driver works, and nothing about the database.
_IGNORED = frozenset(
    (
        *(
            "allowAllFiles",
            "allowCleartextPasswords",
            "allowFallbackToPlaintext",
            "allowNativePasswords",
            "allowOldPasswords",
        ),
        *("checkConnLiveness", "clientFoundRows", "collation", "columnsWithAlias", "compress", "connectionAttributes"),
        *(
            "interpolateParams",
            "maxAllowedPacket",
            "multiStatements",
            "parseTime",
            "rejectReadOnly",
            "serverPubKey",
            "strict",
        ),
        "timeTruncate",
    )
)


class DsnError(StartError, ValueError):
    """The text is no address in this form; the message says what is wrong with it, never the password.

    A ValueError as well, which pydantic takes for a finding about the key.
    """


@dataclass(frozen=True)
class GoDsn:
    """`url` for SQLAlchemy, and `loc`: the name of the zone that the Go backend wrote its DATETIME columns in."""

    url: URL
    loc: str = "UTC"

    @property
    def zone(self) -> tzinfo:
        """The zone of `loc`; "Local" is the machine's."""
        return zone_named(self.loc)


def parse(dsn: str) -> GoDsn:
    """Read an address; raises `DsnError`."""
    slash = dsn.rfind("/")
    if slash < 0:
        raise DsnError(f"there is no '/' before the database's name; the form is {FORM}")
    credentials, _, head = dsn[:slash].rpartition("@")
    user, _, password = credentials.partition(":")
    name, _, parameters = dsn[slash + 1 :].partition("?")
    if not name:
        raise DsnError(f"the database's name after '/' is missing; the form is {FORM}")
    host, port, query = _address(head)
    loc = _parameters(parameters, query)
    from sqlalchemy import URL  # noqa: PLC0415 - only where there is such a database: it takes a good part of a start

    url = URL.create(
        DRIVER,
        username=user or None,
        password=password or None,
        host=host,
        port=port,
        database=unquote(name),
        query=query,
    )
    return GoDsn(url, loc)


def _address(head: str) -> tuple[str | None, int | None, dict[str, str]]:
    match = _HEAD.match(head)
    if match is None:
        raise DsnError(f"the address must be protocol(address), such as tcp(127.0.0.1:3306); the form is {FORM}")
    protocol, address = match["protocol"] or "tcp", match["address"] or ""
    if protocol == "unix":
        return None, None, {"unix_socket": address or DEFAULT_SOCKET}
    if protocol != "tcp":
        raise DsnError(f"the protocol is {protocol!r}; allowed are tcp and unix")
    host, port = split_host_port(address, DEFAULT_PORT)
    return host or "127.0.0.1", port, {}


def split_host_port(address: str, default_port: int) -> tuple[str, int]:
    """`host:port`, `host`, `[::1]:port`, `:port`; raises `DsnError` where host or port is none. The host may come back empty."""
    host, port = _split(address, default_port)
    if host and not HOST.fullmatch(host):
        raise DsnError(f"the host is {host!r}; it must be a name or an IP address")
    return host, port


def _split(address: str, default_port: int) -> tuple[str, int]:
    host, colon, port = address.rpartition(":")
    if not colon or (address.endswith("]") and address.startswith("[")):
        return address.strip("[]"), default_port
    if not (port.isascii() and port.isdigit() and len(port) <= 5 and 0 <= int(port) <= 65535):
        raise DsnError(f"the port is {port!r}; it must be a number from 0 to 65535")
    if host.startswith("[") and host.endswith("]"):
        return host[1:-1], int(port)
    if ":" in host:
        raise DsnError(f"an IPv6 address stands in brackets: [{host}]:{port}")
    return host, int(port)


def _parameters(text: str, query: dict[str, str]) -> str:
    """Fill the driver's arguments; returns `loc`."""
    loc, charset, variables = "UTC", "utf8mb4", []
    for item in filter(None, text.split("&")):
        key, equals, raw = item.partition("=")
        value = unquote_plus(raw)
        if not equals:
            raise DsnError(f"the parameter {key!r} has no value")
        if key == "loc":
            loc = _loc(value)
        elif key == "charset":
            charset = value.split(",")[0]
        elif key == "tls":
            query.update(_tls(value))
        elif key in _TIMEOUTS:
            seconds = _seconds(key, value)
            if seconds:  # 0 means "no limit", as leaving it out does
                query[_TIMEOUTS[key]] = str(math.ceil(seconds))
        elif key not in _IGNORED:
            variables.append(_variable(key, value))
    query["charset"] = charset
    if variables:
        query["init_command"] = "SET " + ", ".join(variables)
    return loc


def _loc(name: str) -> str:
    try:
        zone_named(name)
    except ValueError as error:
        raise DsnError(f"loc: {error}") from error
    return name


def _seconds(key: str, text: str) -> float:
    """Seconds of a Go duration ("1m30s", "500ms", "0")."""
    if text == "0":
        return 0.0
    parts = _DURATION.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise DsnError(f"{key} is {text!r}; it must be a duration such as 30s or 1m30s")
    seconds = sum(float(number) * _UNITS[unit] for number, unit in parts)
    if seconds > LONGEST_S:
        raise DsnError(f"{key} is {text!r}; it must be at most {LONGEST_S // 3600}h")
    return seconds


def _tls(value: str) -> dict[str, str]:
    if value in _FALSE:
        return {"ssl_disabled": "true"}
    if value == "preferred":
        return {}  # what the driver does by itself: encrypted where the server can, not verified
    if value == "skip-verify":
        return {"ssl_check_hostname": "false"}
    if value in _TRUE:
        authorities = ssl.get_default_verify_paths()
        return {"ssl_ca": authorities.cafile or authorities.openssl_cafile, "ssl_check_hostname": "true"}
    raise DsnError(f"tls is {value!r}; allowed are true, false, skip-verify and preferred")


def _variable(key: str, value: str) -> str:
    """Any other parameter is a system variable that the Go driver sets as its value stands."""
    if not _VARIABLE.match(key):
        raise DsnError(f"{key!r} is neither a parameter nor the name of a system variable")
    return f"{key}={value}"
