"""The listening socket of the web server."""

from __future__ import annotations

import socket
import threading
import time

import pytest

from config.addresses import Listen, parse_listen
from runtime import listener as listening
from runtime.listener import AddressInUse, listen


@pytest.fixture
def taken() -> socket.socket:
    blocker = socket.socket()
    blocker.bind(("127.0.0.1", 0))
    blocker.listen()
    return blocker


def test_a_port_that_is_about_to_be_free_is_waited_for(taken: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    refused = threading.Event()

    def sleep(_seconds: float) -> None:
        refused.set()
        taken.close()

    port = taken.getsockname()[1]
    monkeypatch.setattr(listening, "PORT_S", 60.0)
    monkeypatch.setattr(time, "sleep", sleep)
    with listen(Listen("127.0.0.1", port)) as listener:
        assert refused.is_set()
        assert listener.getsockname()[1] == port


def machine_has(host: str) -> bool:
    try:
        socket.create_server((host, 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


@pytest.mark.parametrize("text", [":0", "[::]:0"])
def test_every_address_is_those_of_both_families(text: str) -> None:
    """As Go listens, whose `server.port` this is."""
    with listen(parse_listen(text)) as listener:
        port = listener.getsockname()[1]
        for host in ("127.0.0.1", *filter(machine_has, ["::1"])):
            socket.create_connection((host, port), timeout=60).close()


def test_a_port_that_stays_taken_is_named(taken: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "PORT_S", 0.05)
    with taken, pytest.raises(AddressInUse, match=f"cannot listen on 127.0.0.1:{taken.getsockname()[1]}.*server.port"):
        listen(Listen("127.0.0.1", taken.getsockname()[1]))
