"""ComfyUI's WebSocket: the handshake, and frames of text and of bytes that the server alone sends."""

from __future__ import annotations

import base64
import hashlib
import json
import select
import struct
from collections.abc import Iterator
from typing import Any

from tests.support.model_servers.base import ServerExchange
from tests.support.model_servers.exchange import TICK_S, Reply

MAGIC = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455
TEXT, BINARY, CLOSE = 1, 2, 8
Event = dict[str, Any]


class SocketExchange(ServerExchange):
    """An answer with status 101 turns into a socket, on which the server's `events` go out one by one."""

    def send(self, reply: Reply) -> None:
        """Answer, or speak until either side has had enough."""
        if reply.status != 101:
            super().send(reply)
            return
        self.close_connection = True
        self._shake_hands()
        events: Iterator[Event | bytes | None] = self.node.events(reply)  # type: ignore[attr-defined]
        for event in events:
            if event is not None:
                self._frame(event)
            if self.node.ended.is_set() or self._client_left():
                return
        self._put(CLOSE, b"")

    def _shake_hands(self) -> None:
        key = self.headers.get("Sec-WebSocket-Key", "") + MAGIC
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        accept = hashlib.sha1(key.encode(), usedforsecurity=False).digest()
        self.send_header("Sec-WebSocket-Accept", base64.b64encode(accept).decode())
        self.end_headers()

    def _frame(self, event: Event | bytes) -> None:
        if isinstance(event, bytes):
            self._put(BINARY, event)
        else:
            self._put(TEXT, (event["raw"] if "raw" in event else json.dumps(event)).encode())

    def _put(self, kind: int, content: bytes) -> None:
        size = len(content)
        length = bytes([size]) if size < 126 else struct.pack("!BH", 126, size)
        self.wfile.write(bytes([0x80 | kind]) + length + content)
        self.wfile.flush()

    def _client_left(self) -> bool:
        """Whether it closed the socket within a tick; what else it says is read and forgotten."""
        if not select.select([self.connection], [], [], TICK_S / 5)[0]:
            return False
        said = self.connection.recv(4096)
        return not said or said[0] & 15 == CLOSE
