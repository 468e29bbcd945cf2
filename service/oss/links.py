"""What rows store and what clients read. New rows store keys; the Go backend stored presigned URLs, which die after 72 hours."""

from __future__ import annotations

from urllib.parse import SplitResult, unquote, urlsplit

from service.oss.keys import is_key
from service.oss.store import ObjectStore


def key_of(stored: str, bucket: str) -> str | None:
    """The key that a stored text names: itself, or the path after the bucket of a presigned link into our bucket. None when it names none.

    The bucket may be the first part of the path, or of the host. The rest of the host plays no part: it is what the backend was called when
    it signed, and may be gone. A link that nobody presigned is
    somebody else's, whatever its path.
    """
    key: str | None = stored
    if "://" in stored:
        key = _key_in_link(stored, bucket)
    return key if key is not None and is_key(key) else None


def resolve(stored: str, store: ObjectStore, base: str, saved_as: str = "") -> str:
    """A complete URL for what a row stores, to be `saved_as` that; links elsewhere, `/static/...` paths and "" pass unchanged.

    An expired presigned link into our own bucket is signed afresh from its key.
    """
    key = key_of(stored, store.bucket)
    return stored if key is None else store.url(key, base, saved_as=saved_as)


def _key_in_link(link: str, bucket: str) -> str | None:
    try:
        parts = urlsplit(link)
    except ValueError:  # half an IPv6 address, say
        return None
    first, _, rest = parts.path.lstrip("/").partition("/")
    if parts.scheme not in ("http", "https") or not _is_presigned(parts):
        return None
    if first == bucket:
        return unquote(rest)
    return unquote(parts.path[1:]) if parts.netloc.startswith(f"{bucket}.") else None


def _is_presigned(parts: SplitResult) -> bool:
    return any(field.lower().startswith("x-amz-") for field in parts.query.split("&"))
