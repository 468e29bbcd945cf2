"""The HTTP client of servers that answer with speech, pictures or clips: it also says which answers may be better the second time."""

from __future__ import annotations

from typing import Any

from urllib3.exceptions import HTTPError

from worker_node.errors import BrokenAnswer, ProviderUnable
from worker_node.providers.deadline import Deadline
from worker_node.providers.http import Answer, HttpClient

MAX_ASSET = 128 << 20  # bytes
BROKE = (500, 502)  # the server itself broke on the request, and may not the next time


class AssetClient(HttpClient):
    """See `HttpClient`; raises `BrokenAnswer` where that is one."""

    def call(self, method: str, path: str, deadline: Deadline, **more: Any) -> Answer:
        """See `HttpClient.call`; the headers' names are in lower case."""
        try:
            answer = super().call(method, path, deadline, **{"limit": MAX_ASSET, **more})
        except ProviderUnable as error:
            if isinstance(error.__context__, HTTPError) and deadline.left():  # while it was read
                raise BrokenAnswer(str(error)) from None
            raise
        return Answer(answer.content, {name.lower(): value for name, value in answer.headers.items()})

    def refused(self, status: int, content: bytes, retry_after: str = "") -> Exception:
        """See `HttpClient.refused`."""
        error = super().refused(status, content, retry_after)
        return BrokenAnswer(str(error)) if status in BROKE and type(error) is ProviderUnable else error


def media_type(answer: Answer) -> str:
    """What an answer calls itself, without parameters, in lower case."""
    return answer.headers.get("content-type", "").partition(";")[0].strip().lower()
