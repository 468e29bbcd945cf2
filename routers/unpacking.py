"""Bodies that clients send compressed (`Content-Encoding`, RFC 9110, 8.4): unpacked as they are read, within the limits of any body."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING, Protocol

from common.errors import InvalidInput
from routers.middleware import refuse
from service.fields import shorten

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

READ = 65_536  # bytes


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes | None: ...


class Unpacking:
    """Puts a stream of what was compressed in the place of the request's body; 415 for a coding that is not known.

    How much comes out is bounded where the body is read, by the limit on any body: this hands out no more than is asked for.
    """

    def __init__(self, application: WSGIApplication) -> None:
        self._application = application

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        coding = environ.get("HTTP_CONTENT_ENCODING", "").strip().lower()
        if coding in ("", "identity"):
            return self._application(environ, start_response)
        unpack = _CODINGS.get(coding)
        if unpack is None:
            text = f"不支持请求体的压缩方式 {shorten(coding)}：可用 {'、'.join(sorted(_CODINGS))}"
            offer = [("Accept-Encoding", ", ".join(sorted(_CODINGS)))]
            return refuse(environ, start_response, HTTPStatus.UNSUPPORTED_MEDIA_TYPE, text, offer)
        environ["wsgi.input"] = io.BufferedReader(_Checked(unpack(_Packed(environ))))
        environ["wsgi.input_terminated"] = True
        environ.pop("CONTENT_LENGTH", None)  # which is that of the compressed bytes
        del environ["HTTP_CONTENT_ENCODING"]
        return self._application(environ, start_response)


class _Packed(io.RawIOBase):
    """The compressed bytes: those that the request's length names, or all where the web server ends the stream."""

    def __init__(self, environ: WSGIEnvironment) -> None:
        super().__init__()
        self._stream = environ["wsgi.input"]
        length = environ.get("CONTENT_LENGTH", "")
        chunked = not length and environ.get("wsgi.input_terminated", False)
        self._left: int | None = None if chunked else int(length) if length.isdecimal() else 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer)
        wanted = len(view) if self._left is None else min(len(view), self._left)
        piece = self._stream.read(wanted) if wanted else b""
        view[: len(piece)] = piece
        if self._left is not None:
            self._left -= len(piece)
        return len(piece)


class _Inflated(io.RawIOBase):
    """What was deflated, with zlib's head or, as some clients send it, without."""

    def __init__(self, packed: io.RawIOBase) -> None:
        super().__init__()
        self._packed = io.BufferedReader(packed, READ)
        bare = (self._packed.peek(1)[:1] or b"x")[0] & 0x0F != zlib.DEFLATED
        self._inflater = zlib.decompressobj(-zlib.MAX_WBITS if bare else zlib.MAX_WBITS)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer)
        while not self._inflater.eof:
            packed = self._inflater.unconsumed_tail or self._packed.read1(READ)
            piece = self._inflater.decompress(packed, len(view))
            if piece:
                view[: len(piece)] = piece
                return len(piece)
            if not packed:
                raise EOFError
        return 0


class _Checked(io.RawIOBase):
    """A stream whose damage is the client's fault."""

    def __init__(self, stream: _Readable) -> None:
        super().__init__()
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer)
        try:
            piece = self._stream.read(len(view)) or b""
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise InvalidInput("body", "请求体不是有效的压缩数据（Content-Encoding）") from error
        view[: len(piece)] = piece
        return len(piece)


_CODINGS: dict[str, Callable[[_Packed], _Readable]] = {
    "gzip": lambda packed: gzip.GzipFile(fileobj=packed),
    "x-gzip": lambda packed: gzip.GzipFile(fileobj=packed),
    "deflate": _Inflated,
}
