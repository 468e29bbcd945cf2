"""Uploads in parts over S3: begun, listed, continued, put together, given up. Errors are the SDK's, for whoever translates those."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from xml.etree import ElementTree
from xml.sax.saxutils import escape

import urllib3
from minio.error import S3Error, ServerError

from service.oss.limits import LimitedPool
from service.oss.s3_links import S3Links

ASKED_S = 900  # seconds for which our own requests are signed
SMALLEST = 5 << 20  # bytes; S3 takes no smaller part but the last
SHOWN = {"NotImplemented", "MethodNotAllowed", "AccessDenied"}
"""What stores say that list no unfinished uploads, or not to us."""


@dataclass(frozen=True)
class Part:
    """A part that is there; `etag` without quotes, of a plain bucket the part's MD5 in hex."""

    etag: str
    size: int


class Multipart:
    """Uploads in parts into one bucket. An unfinished upload has an id, and is of one key."""

    def __init__(self, links: S3Links, http: LimitedPool) -> None:
        self._links, self._http = links, http

    def begin(self, key: str, headers: Mapping[str, str]) -> str:
        """The id of a new upload, whose object will have these headers."""
        return _text(self._ask("POST", key, {"uploads": ""}, headers=headers), "UploadId")

    def put(self, key: str, upload_id: str, number: int, data: bytes) -> str:
        """Send a part; returns its ETag. S3 compares the bytes with their MD5."""
        md5 = base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()
        query = {"partNumber": str(number), "uploadId": upload_id}
        answer = self._ask("PUT", key, query, body=data, headers={"Content-MD5": md5})
        return str(answer.headers.get("ETag", "")).strip('"')

    def parts(self, key: str, upload_id: str) -> dict[int, Part]:
        """What is there of an upload, by number."""
        found: dict[int, Part] = {}
        marker = "0"
        while marker:
            query = {"uploadId": upload_id, "part-number-marker": marker, "max-parts": "1000"}
            page = _root(self._ask("GET", key, query))
            for one in _all(page, "Part"):
                found[int(_of(one, "PartNumber"))] = Part(_of(one, "ETag").strip('"'), int(_of(one, "Size")))
            marker = _of(page, "NextPartNumberMarker") if _of(page, "IsTruncated") == "true" else ""
        return found

    def finish(self, key: str, upload_id: str, etags: Mapping[int, str]) -> None:
        """Make the object of its parts."""
        parts = "".join(
            f"<Part><PartNumber>{number}</PartNumber><ETag>{escape(etags[number])}</ETag></Part>"
            for number in sorted(etags)
        )
        body = f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>".encode()
        answer = self._ask("POST", key, {"uploadId": upload_id}, body=body)
        if _root(answer).tag.endswith("Error"):  # S3 says 200 before it knows
            raise S3Error.fromxml(answer)

    def unfinished(self, key: str) -> list[str]:
        """The ids of all unfinished uploads of this very key. MinIO lists those of a whole key only, never of a prefix."""
        try:
            page = _root(self._ask("GET", "", {"uploads": "", "prefix": key, "max-uploads": "1000"}))
        except S3Error as error:
            if error.code in SHOWN:
                return []
            raise
        return [_of(one, "UploadId") for one in _all(page, "Upload") if _of(one, "Key") == key]

    def give_up(self, key: str, upload_id: str) -> None:
        """Forget an upload with its parts; one that is not there is no error."""
        try:
            self._ask("DELETE", key, {"uploadId": upload_id})
        except S3Error as error:
            if error.code != "NoSuchUpload":
                raise

    def _ask(
        self,
        method: str,
        key: str,
        query: Mapping[str, str],
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> urllib3.BaseHTTPResponse:
        url = self._links.url(method, key, seconds=ASKED_S, query=query, headers=headers)
        answer = self._http.urlopen(method, url, redirect=False, body=body, headers=dict(headers or {}))
        if 200 <= answer.status < 300:
            return answer
        if not answer.data:
            raise ServerError(f"{method} was answered {answer.status}", answer.status)
        raise S3Error.fromxml(answer)


def _root(answer: urllib3.BaseHTTPResponse) -> ElementTree.Element:
    return ElementTree.fromstring(answer.data.strip())  # noqa: S314 - our own storage's, and expat refuses bombs


def _all(element: ElementTree.Element, name: str) -> Iterator[ElementTree.Element]:
    return (one for one in element if one.tag.rpartition("}")[2] == name)


def _of(element: ElementTree.Element, name: str) -> str:
    return next((one.text or "" for one in _all(element, name)), "")


def _text(answer: urllib3.BaseHTTPResponse, name: str) -> str:
    return _of(_root(answer), name)
