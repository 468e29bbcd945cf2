"""A request as a model server reads it, and the ways in which its answer is sent, or is not."""

from __future__ import annotations

import gzip
import io
import json
import select
import socket
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from werkzeug.formparser import FormDataParser
from werkzeug.http import parse_options_header

from tests.support.node.server import Exchange

HUGE = 256 << 20  # bytes of blanks behind an answer
BOMB = 64 << 20  # bytes of blanks within a compressed one
TICK_S = 0.05


@dataclass(frozen=True)
class Upload:
    """A file of a form."""

    filename: str
    content_type: str
    content: bytes


@dataclass(frozen=True)
class Received:
    """One request. Headers are in lower case; `body` is what JSON it has; `broken` says that it should be JSON and is not."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    content: bytes
    body: Any = None
    form: dict[str, str] = field(default_factory=dict)
    files: dict[str, list[Upload]] = field(default_factory=dict)
    broken: bool = False

    @property
    def key(self) -> str:
        """Its idempotency key, empty where it has none."""
        return self.headers.get("idempotency-key", "")

    @property
    def media_type(self) -> str:
        return parse_options_header(self.headers.get("content-type"))[0]


@dataclass(frozen=True)
class Reply:
    """An answer. With a `piece` it is sent in chunks of so many bytes, without its length, and unless it `ends` the last is missing."""

    status: int = 200
    content: bytes = b""
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    piece: int = 0
    ends: bool = True

    @property
    def json(self) -> Any:
        """What it says."""
        return json.loads(self.content)


def json_reply(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> Reply:
    """An answer in JSON."""
    return Reply(status, json.dumps(body, ensure_ascii=False).encode(), headers=headers or {})


def page(status: int, title: str) -> Reply:
    """What a proxy answers in place of the server behind it."""
    text = f"<html>\r\n<head><title>{status} {title}</title></head>\r\n<body><center><h1>{status} {title}</h1></center></body>\r\n</html>"
    return Reply(status, text.encode(), "text/html")


class ModelExchange(Exchange):
    """Reads JSON and forms, whole or in chunks, and sends replies."""

    def receive(self) -> Received:
        """The request, its body read to the end."""
        parts, content = urlsplit(self.path), self._content()
        headers = {name.lower(): value for name, value in self.headers.items()}
        media_type, options = parse_options_header(headers.get("content-type"))
        form: dict[str, str] = {}
        files: dict[str, list[Upload]] = {}
        body, broken = None, False
        if media_type == "application/json":
            try:
                body = json.loads(content)
            except ValueError:
                broken = True
        elif content:
            form, files = _form(content, media_type, options)
        query = dict(parse_qsl(parts.query))
        return Received(self.command, parts.path, query, headers, content, body, form, files, broken)

    def head(self, reply: Reply, length: int | None, headers: dict[str, str] | None = None) -> None:
        """Status and headers; no length: the body comes in chunks."""
        self.send_response(reply.status)
        said = {"Content-Type": reply.content_type} if reply.content_type else {}
        how = {"Transfer-Encoding": "chunked"} if length is None else {"Content-Length": str(length)}
        for name, value in (said | how | reply.headers | (headers or {})).items():
            self.send_header(name, value)
        self.end_headers()

    def send(self, reply: Reply) -> None:
        """All of it."""
        if not reply.piece:
            self.head(reply, len(reply.content))
            self.wfile.write(reply.content)
            return
        self.head(reply, None)
        for start in range(0, len(reply.content), reply.piece):
            self.chunk(reply.content[start : start + reply.piece])
        if reply.ends:
            self.wfile.write(b"0\r\n\r\n")
        else:
            self.close_connection = True

    def chunk(self, content: bytes) -> None:
        """A piece of a body that comes in chunks."""
        self.wfile.write(f"{len(content):x}\r\n".encode() + content + b"\r\n")
        self.wfile.flush()

    def hang(self) -> bool:
        """Say nothing until the client gives up, which is true, or the server ends."""
        while not self.node.ended.is_set():
            if select.select([self.connection], [], [], TICK_S)[0]:
                return not self.connection.recv(1, socket.MSG_PEEK)
        return False

    def _content(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        content = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            content += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return content


def _form(content: bytes, media_type: str, options: dict[str, str]) -> tuple[dict[str, str], dict[str, list[Upload]]]:
    _, form, files = FormDataParser().parse(io.BytesIO(content), media_type, len(content), options)
    uploads: dict[str, list[Upload]] = {}
    for name, file in files.items(multi=True):
        uploads.setdefault(name, []).append(Upload(file.filename or "", file.content_type or "", file.read()))
        file.close()
    return dict(form.items()), uploads


def _hang(exchange: ModelExchange, _reply: Reply) -> None:
    exchange.close_connection = True
    if exchange.hang():
        raise ConnectionAbortedError("the client gave up")


def _drip(exchange: ModelExchange, reply: Reply) -> None:
    exchange.close_connection = True
    exchange.head(reply, len(reply.content))
    for at in range(len(reply.content)):
        exchange.wfile.write(reply.content[at : at + 1])
        exchange.wfile.flush()
        if exchange.node.ended.wait(TICK_S):
            return


def _cut(exchange: ModelExchange, reply: Reply) -> None:
    exchange.close_connection = True
    half = reply.content[: len(reply.content) // 2]
    exchange.head(reply, None if reply.piece else len(reply.content))
    if reply.piece:
        exchange.chunk(half)
    else:
        exchange.wfile.write(half)
        exchange.wfile.flush()


def _closed(exchange: ModelExchange, _reply: Reply) -> None:
    exchange.close_connection = True


def _reset(exchange: ModelExchange, _reply: Reply) -> None:
    exchange.close_connection = True
    exchange.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    exchange.connection.close()


def _huge(exchange: ModelExchange, reply: Reply) -> None:
    exchange.close_connection = True
    exchange.head(reply, len(reply.content) + HUGE)
    exchange.wfile.write(reply.content)
    blanks = b" " * (1 << 16)
    for _ in range(HUGE // len(blanks)):
        exchange.wfile.write(blanks)
        if exchange.node.ended.is_set():
            return


def _gzip(exchange: ModelExchange, reply: Reply) -> None:
    content = gzip.compress(reply.content)
    exchange.head(reply, len(content), {"Content-Encoding": "gzip"})
    exchange.wfile.write(content)


def _bomb(exchange: ModelExchange, reply: Reply) -> None:
    content = _blanks()
    exchange.head(reply, len(content), {"Content-Encoding": "gzip"})
    exchange.wfile.write(content)


@cache
def _blanks() -> bytes:
    compressor = zlib.compressobj(1, wbits=31)
    piece = b" " * (1 << 20)
    return b"".join(compressor.compress(piece) for _ in range(BOMB // len(piece))) + compressor.flush()


def _empty(exchange: ModelExchange, reply: Reply) -> None:
    exchange.head(reply, 0)


SENDINGS: dict[str, Callable[[ModelExchange, Reply], None]] = {
    "hang": _hang,
    "drip": _drip,
    "cut": _cut,
    "closed": _closed,
    "reset": _reset,
    "huge": _huge,
    "gzip": _gzip,
    "gzip_bomb": _bomb,
    "empty_body": _empty,
}
"""Ways not to send an answer as one should. The work behind it was done, and is charged."""
