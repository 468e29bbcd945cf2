"""A TCP proxy that counts what clients send, and cuts connections off in the middle of it."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress

PIECE = 1 << 16  # bytes


class CuttingProxy:
    """It listens at `addr` and carries everything to `target` ("host:port"). `sent` are the bytes that clients have sent through it.

    `cut_at` says after how many of those a connection is reset, each of them once. One by which `refused` comes is reset every time.
    """

    def __init__(self, target: str, cut_at: tuple[int, ...] = (), refused: bytes = b"") -> None:
        host, _, port = target.rpartition(":")
        self._target = (host, int(port))
        self._cuts, self._refused = list(cut_at), refused
        self.sent, self.cuts = 0, 0
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.addr = f"127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> CuttingProxy:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):  # it was closed
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, suppress(OSError), socket.create_connection(self._target, 5) as server:
            server.settimeout(None)  # the five seconds are for connecting: an answer may be long in coming
            threading.Thread(target=_pump, args=(server, client), daemon=True).start()
            while piece := client.recv(PIECE):
                if self._is_cut(piece):
                    break
                server.sendall(piece)
            for each in (client, server):
                with suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)

    def _is_cut(self, piece: bytes) -> bool:
        with self._lock:
            self.sent += len(piece)
            is_cut = bool(self._refused) and self._refused in piece
            if self._cuts and self.sent >= self._cuts[0]:
                self._cuts.pop(0)
                is_cut = True
            self.cuts += is_cut
        return is_cut


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(PIECE):
            target.sendall(piece)
        target.shutdown(socket.SHUT_WR)
