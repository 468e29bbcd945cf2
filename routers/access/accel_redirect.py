"""Files that the proxy in front sends itself: the server looks at the link and names the file (nginx's `X-Accel-Redirect`)."""

from __future__ import annotations

from urllib.parse import quote

from flask import Response

from service.oss.store import ObjectInfo

CACHE_S = 3600  # what a key holds never changes; what is deleted is gone from every cache within the hour


def by_proxy(location: str, known: ObjectInfo) -> Response:
    """An answer without a body for an object below `location`, which the proxy keeps to itself.

    Any cache may keep it under its whole address, whose token is the key to it: `public` is what a CDN needs.
    """
    response = Response(mimetype=known.content_type or "application/octet-stream")
    response.headers["X-Accel-Redirect"] = f"{location.rstrip('/')}/{quote(known.key)}"
    response.cache_control.public = True
    response.cache_control.max_age = CACHE_S
    response.cache_control.immutable = True
    return response
