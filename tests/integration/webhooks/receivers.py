"""Receivers of webhooks, that behave and that do not, on ports of this machine."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

Behaviour = Callable[[socket.socket], None]
OK = b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"


@dataclass
class Received:
    """One request: its first line, headers by their small names, and the body."""

    line: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """`behave` answers each connection, after its request was read."""

    behave: Behaviour
    received: list[Received] = field(default_factory=list)
    url: str = ""


def answering(content: bytes) -> Behaviour:
    """Sends these bytes and closes."""
    return lambda wire: wire.sendall(content)


@contextmanager
def receiving(behave: Behaviour | None = None, certificate: Path | None = None) -> Iterator[Receiver]:
    """A receiver on a free port, that takes what comes unless it is to behave otherwise; with a certificate it speaks TLS."""
    receiver = Receiver(behave or answering(OK))
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.02)
        receiver.url = f"{'https' if certificate else 'http'}://127.0.0.1:{listener.getsockname()[1]}/hook?x=1"
        thread = threading.Thread(target=_accept, args=(listener, receiver, ended, certificate), daemon=True)
        thread.start()
        try:
            yield receiver
        finally:
            ended.set()
            thread.join()


def _accept(listener: socket.socket, receiver: Receiver, ended: threading.Event, certificate: Path | None) -> None:
    while not ended.is_set():
        try:
            wire, _ = listener.accept()
        except TimeoutError:
            continue
        threading.Thread(target=_serve, args=(wire, receiver, certificate), daemon=True).start()


def _serve(wire: socket.socket, receiver: Receiver, certificate: Path | None) -> None:
    with suppress(OSError), wire:
        wire.settimeout(10)
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            with context.wrap_socket(wire, server_side=True) as secure:
                _answer(secure, receiver)
        else:
            _answer(wire, receiver)


def _answer(wire: socket.socket, receiver: Receiver) -> None:
    stream = wire.makefile("rb")
    line = stream.readline().decode()
    headers = {}
    while (header := stream.readline().decode().strip()) and ":" in header:
        name, _, value = header.partition(":")
        headers[name.strip().lower()] = value.strip()
    body = stream.read(int(headers.get("content-length", 0)))
    receiver.received.append(Received(line.strip(), headers, body))
    receiver.behave(wire)
