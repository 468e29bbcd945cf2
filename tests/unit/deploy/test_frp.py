"""deploy/frp: every key is one that frp documents, the two ends of a tunnel fit, and no secret stands in a file."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FOLDER = Path(__file__).resolve().parents[3] / "deploy" / "frp"
README = (FOLDER / "README.md").read_text("utf-8")
FROM_ENVIRONMENT = re.compile(r"\{\{ \.Envs\.(FRP_[A-Z_]+) \}\}")

# What conf/frps_full_example.toml and conf/frpc_full_example.toml of frp name, as far as it is of use to a tunnel of this kind.
SERVER = {
    *("bindAddr", "bindPort", "kcpBindPort", "quicBindPort", "proxyBindAddr"),
    *("transport.heartbeatTimeout", "transport.maxPoolCount", "transport.tcpMux", "transport.tcpMuxKeepaliveInterval"),
    *("transport.tcpKeepalive", "transport.tls.force", "transport.tls.certFile", "transport.tls.keyFile"),
    *("transport.tls.trustedCaFile", "webServer.addr", "webServer.port", "webServer.user", "webServer.password"),
    *("enablePrometheus", "log.to", "log.level", "log.maxDays", "log.disablePrintColor", "detailedErrorsToClient"),
    *("auth.method", "auth.additionalScopes", "auth.token", "auth.tokenSource.type", "auth.tokenSource.file.path"),
    *("userConnTimeout", "allowPorts", "maxPortsPerClient", "allowedClientIPs", "udpPacketSize"),
}
CLIENT = {
    *("user", "serverAddr", "serverPort", "loginFailExit", "dnsServer", "start", "includes", "udpPacketSize"),
    *("log.to", "log.level", "log.maxDays", "log.disablePrintColor"),
    *("auth.method", "auth.additionalScopes", "auth.token", "auth.tokenSource.type", "auth.tokenSource.file.path"),
    *("webServer.addr", "webServer.port", "webServer.user", "webServer.password"),
    *("transport.dialServerTimeout", "transport.dialServerKeepalive", "transport.poolCount", "transport.tcpMux"),
    *(
        "transport.tcpMuxKeepaliveInterval",
        "transport.protocol",
        "transport.connectServerLocalIP",
        "transport.proxyURL",
    ),
    *("transport.tls.enable", "transport.tls.certFile", "transport.tls.keyFile", "transport.tls.trustedCaFile"),
    *("transport.tls.serverName", "transport.heartbeatInterval", "transport.heartbeatTimeout"),
    *(f"proxies.{key}" for key in ("name", "type", "localIP", "localPort", "secretKey", "allowUsers", "remotePort")),
    *(
        f"proxies.transport.{key}"
        for key in ("bandwidthLimit", "bandwidthLimitMode", "useEncryption", "useCompression")
    ),
    *(f"proxies.healthCheck.{key}" for key in ("type", "timeoutSeconds", "maxFailed", "intervalSeconds", "path")),
    *(f"visitors.{key}" for key in ("name", "type", "serverUser", "serverName", "secretKey", "bindAddr", "bindPort")),
}
SCOPES = {"HeartBeats", "NewWorkConns"}
FILES = {"frps.toml": SERVER, "frpc-node.toml": CLIENT, "frpc-visitor.toml": CLIENT}


def read(name: str) -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads((FOLDER / name).read_text("utf-8"))
    return found


def keys(table: dict[str, Any], before: str = "") -> Iterator[str]:
    for name, value in table.items():
        if isinstance(value, dict):
            yield from keys(value, f"{before}{name}.")
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            for each in value:
                yield from keys(each, f"{before}{name}.")
        else:
            yield before + name


def switched_off(name: str) -> set[str]:
    """The keys of lines that are there to be switched on."""
    return set(re.findall(r"^# ([A-Za-z.]+) = ", (FOLDER / name).read_text("utf-8"), re.MULTILINE))


def test_all_its_files_are_looked_at() -> None:
    assert {path.name for path in FOLDER.glob("*.toml")} == set(FILES)


@pytest.mark.parametrize("name", FILES)
def test_every_key_is_one_that_frp_documents(name: str) -> None:
    found = set(keys(read(name)))
    assert len(found) > 8
    assert (found | switched_off(name)) - FILES[name] == set()


@pytest.mark.parametrize("name", FILES)
def test_secrets_come_from_the_environment_and_everything_is_encrypted(name: str) -> None:
    text, found = (FOLDER / name).read_text("utf-8"), read(name)
    assert found["auth"]["method"] == "token"
    assert set(found["auth"]["additionalScopes"]) == SCOPES, "on both sides the same, or frp refuses the connection"
    secrets = [found["auth"]["token"]]
    secrets += [each["secretKey"] for part in ("proxies", "visitors") for each in found.get(part, ())]
    assert all(FROM_ENVIRONMENT.fullmatch(secret) for secret in secrets)
    tls = found["transport"]["tls"]
    assert tls.get("force") if name == "frps.toml" else tls.get("enable")
    assert {f"{variable}=" for variable in FROM_ENVIRONMENT.findall(text)} <= set(
        re.findall(r"^FRP_\w+=", README, re.M)
    )


def test_the_two_ends_of_the_tunnel_fit_and_listen_on_loopback() -> None:
    frps, node, visitor = (read(name) for name in FILES)
    [proxy], [end] = node["proxies"], visitor["visitors"]
    assert (proxy["type"], end["type"]) == ("stcp", "stcp")
    assert end["serverName"] == proxy["name"]
    assert end["secretKey"] == proxy["secretKey"]
    assert "remotePort" not in proxy
    assert (proxy["localIP"], end["bindAddr"]) == ("127.0.0.1", "127.0.0.1")
    assert node["serverPort"] == visitor["serverPort"] == frps["bindPort"]
    assert f"http://127.0.0.1:{end['bindPort']}" in README
    assert frps["proxyBindAddr"] == "127.0.0.1"
    for client in (node, visitor):
        assert client["transport"]["heartbeatInterval"] < frps["transport"]["heartbeatTimeout"]


def test_the_page_says_that_it_was_not_run() -> None:
    assert "*Not run*" in README
