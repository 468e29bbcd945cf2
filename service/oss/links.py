"""What rows store and what clients read. New rows store keys; the Go backend stored presigned URLs, which die after 72 hours."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

from service.errors import InvalidInput
from service.oss.keys import check_key
from service.oss.store import ObjectStore


def key_of(stored: str, bucket: str) -> str | None:
    """The key that a stored text names: itself, or the path after the bucket of a link into our bucket. None when it names none."""
    if stored.startswith("/"):
        return None
    key = stored
    if "://" in stored:
        parts = urlsplit(stored)
        before, _, path = parts.path.lstrip("/").partition("/")
        if parts.scheme not in ("http", "https") or before != bucket:
            return None
        key = unquote(path)
    try:
        return check_key(key)
    except InvalidInput:
        return None


def resolve(stored: str, store: ObjectStore, base: str) -> str:
    """A complete URL for what a row stores; links elsewhere, `/static/...` paths and "" pass unchanged.

    An expired presigned link into our own bucket is signed afresh from its key.
    """
    key = key_of(stored, store.bucket)
    return stored if key is None else store.url(key, base)
