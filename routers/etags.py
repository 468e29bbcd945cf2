"""Entity tags of answers: what a client has already is not sent again (RFC 9110, 13.1.2).

A tag is of the answer's body, and so of the hour in which the links in it were signed. It is weak: bodies of `/api` hold the id of the
request, which the tag leaves out.
"""

from __future__ import annotations

import hashlib
from http import HTTPStatus

from flask import Response, request
from werkzeug.http import parse_etags, unquote_etag

from common.request_id import request_id

SAFE = ("GET", "HEAD")
BODY_HEADERS = ("Content-Type", "Content-Length")  # which a 304 does not have


def tag(response: Response) -> Response:
    """Give an answer that has no tag one of its body; answer 304 to a client that has this body already."""
    if request.method not in SAFE or response.status_code != HTTPStatus.OK or not response.is_sequence:
        return response
    if "ETag" not in response.headers:
        before, _, after = split_at_id(response.get_data(), request_id())
        response.headers["ETag"] = tag_of(before, after)
    if is_known(request.environ.get("HTTP_IF_NONE_MATCH", ""), response.headers["ETag"]):
        response.status_code = HTTPStatus.NOT_MODIFIED
        response.set_data(b"")
        for name in BODY_HEADERS:
            response.headers.pop(name, None)
    return response


def tag_of(before: bytes, after: bytes) -> str:
    """The tag of a body, given around the request's id."""
    return f'W/"{hashlib.blake2b(before + after, digest_size=16).hexdigest()}"'


def is_known(if_none_match: str, etag: str) -> bool:
    """Whether one of the client's tags is this one."""
    if not if_none_match:
        return False
    known, _ = unquote_etag(etag)
    return parse_etags(if_none_match).contains_weak(known or "")


def split_at_id(body: bytes, id_: str) -> tuple[bytes, bytes, bytes]:
    """The body before and after the request's id at its end; the id is b"" where the body does not end so."""
    before, found, after = body.rpartition(f'"request_id":"{id_}"'.encode())
    if not found or after.strip() != b"}":
        return body, b"", b""
    return before, found, after
