"""The listening socket of the web server. It is opened first: a port that is in use is told before anything is started."""

from __future__ import annotations

import errno
import socket
import time

from common.errors import StartError
from config.addresses import Listen

PORT_S, PORT_LOOK_S = 3.0, 0.1  # how long a port that is in use is waited for
BACKLOG = 2048


class AddressInUse(StartError):
    """The server cannot listen; the text names the address and what to do."""


def listen(address: Listen) -> socket.socket:
    """A listening socket; port 0 takes a free one. Every address of the machine is those of IPv6 too. Raises `AddressInUse`.

    A server that was killed a moment ago may still hold the port: its worker process is about to end.
    """
    everywhere = address.host in ("", "::") and socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if everywhere or ":" in address.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    if everywhere:
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        _bind(listener, address, time.monotonic() + PORT_S)
        listener.listen(BACKLOG)
    except (OSError, UnicodeError) as error:
        listener.close()
        raise AddressInUse(
            f"cannot listen on {address.host or '*'}:{address.port} ({error}); set another one by server.port or S2V_SERVER_PORT"
        ) from error
    return listener


def _bind(listener: socket.socket, address: Listen, deadline: float) -> None:
    while True:
        try:
            return listener.bind((address.host, address.port))
        except OSError as error:
            if error.errno != errno.EADDRINUSE or time.monotonic() > deadline:
                raise
            time.sleep(PORT_LOOK_S)
