"""What a client has promised of a file that it uploads, and a stream that holds it to that."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO

from common.errors import InvalidInput

NOT_THERE = "parts 与已上传的分段不符"


@dataclass(frozen=True)
class Promised:
    """`size` is in bytes, the hashes are hex; "" where none was promised."""

    size: int
    content_type: str = ""
    sha256: str = ""
    md5: str = ""


class CheckedStream(io.RawIOBase):
    """Bytes of `opened()`, which is called by the first read. What ends raises `InvalidInput` unless it is what was promised.

    No more than a piece beyond the promised size is read, of a source that never ends, too.
    """

    def __init__(self, opened: Callable[[], IO[bytes]], promised: Promised) -> None:
        super().__init__()
        self._open, self._promised = opened, promised
        self._source: IO[bytes] | None = None
        self._size, self._sha256 = 0, hashlib.sha256()
        self._md5 = hashlib.md5(usedforsecurity=False)
        self.was_read = False

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        if self._source is None:
            self.was_read = True
            self._source = self._open()
        chunk = self._source.read(-1 if size is None else size)
        self._size += len(chunk)
        if self._size > self._promised.size or (not chunk and self._size < self._promised.size):
            raise InvalidInput("size", f"size 与文件不符：应为 {self._promised.size} 字节")
        self._sha256.update(chunk)
        self._md5.update(chunk)
        if not chunk:
            self._check_hashes()
        return chunk

    @property
    def md5(self) -> str:
        """Of what was read so far, in hex."""
        return self._md5.hexdigest()

    def _check_hashes(self) -> None:
        for name, found in (("sha256", self._sha256), ("md5", self._md5)):
            promised = getattr(self._promised, name)
            if promised and promised != found.hexdigest():
                raise InvalidInput(name, f"{name} 与文件不符")

    def close(self) -> None:
        if self._source is not None and not self.closed:
            self._source.close()
        super().close()
