"""The body of a node's answer, bounded in bytes and in time."""

from __future__ import annotations

import io
import time

import requests
from urllib3.exceptions import HTTPError

from common.errors import BadNodeResult, NodeUnavailable


class Body(io.RawIOBase):
    """The bytes as they were sent.

    Reading raises `BadNodeResult` beyond `limit` bytes, and `NodeUnavailable` when it breaks off or when `deadline` (of the monotonic
    clock) has passed. Closing it ends the exchange; a connection whose answer was read to its end goes back to the pool.
    """

    def __init__(self, response: requests.Response, limit: int, deadline: float) -> None:
        super().__init__()
        self._response = response
        self._limit = limit
        self._deadline = deadline
        self._size = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # typeshed's WriteableBuffer has no public name
        try:
            chunk: bytes = self._response.raw.read1(len(buffer), decode_content=False)
        except (HTTPError, OSError, ValueError) as error:  # ValueError: a chunk's length that is no number
            raise NodeUnavailable(f"读取模型节点的回答时连接中断（{type(error).__name__}）") from error
        if time.monotonic() > self._deadline:
            raise NodeUnavailable("模型节点的回答在规定时间内没有结束")
        self._size += len(chunk)
        if self._size > self._limit:
            raise BadNodeResult(f"模型节点给出的内容超过上限 {_readable(self._limit)}")
        buffer[: len(chunk)] = chunk
        return len(chunk)

    def close(self) -> None:
        if not self.closed:
            self._response.close()
        super().close()


def _readable(size: int) -> str:
    return f"{size >> 20} MB" if size >= 1 << 20 else f"{size} 字节"
