"""Proxies: one in the environment that nobody may ask, and one that plays the tunnel to a node."""

from __future__ import annotations

import random
import select
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from tests.support.servers.process import free_port


class Proxy:
    """It listens and answers nothing."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener, self._was_asked = listener, False
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        names = ("http_proxy", "https_proxy", "all_proxy")
        self.environment = {name: address for each in names for name in (each, each.upper())}
        self.environment |= {"no_proxy": "", "NO_PROXY": ""}

    def asked(self) -> bool:
        """Whether anybody has connected so far."""
        try:
            connection, _ = self._listener.accept()
        except BlockingIOError:
            return self._was_asked
        connection.close()
        self._was_asked = True
        return True


@contextmanager
def proxy() -> Iterator[Proxy]:
    """One on a free port of loopback."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        yield Proxy(listener)


FRPS_PAGE = (
    b"<!DOCTYPE html><html><head><title>Not here</title></head><body><h1>404</h1>"
    b'<p>No such tunnel at present: <a href="https://github.com/fatedier/frp">frp</a></p></body></html>'
)
PIECE = 1 << 16  # bytes
LOOK_S = 0.05
REQUESTS = (b"GET ", b"POST ", b"DELETE ")


class Tunnel:
    """A TCP proxy that plays FRP in front of a node: it listens at `addr` and carries everything to `target` ("host:port").

    `delay_s` holds back each piece. Of `reset_share` of the requests the connection is reset, every other time when the answer comes; and
    so are the next `lose_answers` answers. While `half_open` it takes connections and bytes, and carries none; `page` answers everything by
    frps's error page.
    """

    def __init__(self, target: str, *, seed: int = 1) -> None:
        host, _, port = target.rpartition(":")
        self._target = (host, int(port))
        self.delay_s, self.reset_share, self.lose_answers = 0.0, 0.0, 0
        self.half_open = self.page = False
        self.resets = 0
        self._chance = random.Random(seed)
        self._generation, self._ended = 0, threading.Event()
        self._listener: socket.socket | None = None
        self._port = free_port()
        self.up()

    @property
    def addr(self) -> str:
        return f"127.0.0.1:{self._port}"

    def up(self) -> None:
        """Listen (again)."""
        self._listener = socket.create_server(("127.0.0.1", self._port), backlog=64)
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def down(self) -> None:
        """Refuse connections, and end those that there are."""
        if self._listener is not None:
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
        self._listener = None
        self.cut()

    def cut(self) -> None:
        """End the connections that there are."""
        self._generation += 1

    def close(self) -> None:
        """End it all."""
        self._ended.set()
        self.down()

    def __enter__(self) -> Tunnel:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):  # it was closed
            while True:
                client, _ = listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            if self.page:
                self._answer_by_page(client)
                return
            with socket.create_connection(self._target, 5) as node:
                self._carry(client, node, self._generation)

    def _answer_by_page(self, client: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            piece = client.recv(PIECE)
            if not piece:
                return
            head += piece
        client.sendall(
            b"HTTP/1.1 404 Not Found\r\nServer: frp\r\nContent-Type: text/html\r\nConnection: close\r\n"
            + f"Content-Length: {len(FRPS_PAGE)}\r\n\r\n".encode()
            + FRPS_PAGE
        )
        client.settimeout(1)
        while client.recv(PIECE):  # the rest of the request: else closing would reset the connection under the answer
            pass

    def _carry(self, client: socket.socket, node: socket.socket, generation: int) -> None:
        other = {client: node, node: client}
        while generation == self._generation and not self._ended.is_set():
            for source in select.select([client, node], [], [], LOOK_S)[0]:
                piece = source.recv(PIECE)
                if not piece:
                    return
                self._ended.wait(self.delay_s)
                if self.half_open:
                    continue
                if self._is_reset(piece, is_answer=source is node):
                    for each in other:
                        each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    return
                other[source].sendall(piece)

    def _is_reset(self, piece: bytes, *, is_answer: bool) -> bool:
        lost = is_answer and self.lose_answers > 0
        if lost:
            self.lose_answers -= 1
        elif not is_answer and piece.startswith(REQUESTS) and self._chance.random() < self.reset_share:
            lost = self.resets % 2 == 0
            self.lose_answers += not lost
        self.resets += lost
        return lost
