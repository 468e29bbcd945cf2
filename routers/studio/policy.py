"""The studio's Content-Security-Policy: this server, and the places that its settings name for assets."""

from __future__ import annotations

from functools import lru_cache

from config.addresses import parse_http
from config.settings import MinioSettings, Settings


def policy(settings: Settings) -> str:
    """One line for the header. Nothing inline runs, nothing is framed, and no text becomes markup or a script's address."""
    return _policy(tuple(_places(settings)))


@lru_cache(maxsize=4)
def _policy(places: tuple[str, ...]) -> str:
    files = " ".join(("'self'", *places))
    directives = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": f"{files} data: blob:",
        "media-src": f"{files} blob:",
        "connect-src": files,
        "manifest-src": "'self'",
        "worker-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "studio-worker",
    }
    return "; ".join(f"{name} {value}" for name, value in directives.items())


def _places(settings: Settings) -> list[str]:
    """The origins of links: the server's public name, storage or a CDN."""
    public = [parse_http(settings.server.public_url)] if settings.server.public_url else []
    found = [f"{address.scheme}://{address.authority}" for address in public]
    return list(dict.fromkeys([*found, *_storage(settings.minio)]))


def _storage(minio: MinioSettings) -> list[str]:
    """Where the bucket is a part of the host's name, with and without it: one with dots is none over HTTPS."""
    if not minio.endpoint:
        return []
    address = parse_http(minio.cdn or minio.domain or minio.endpoint, "https" if minio.use_ssl else "http")
    buckets = [f"{minio.bucket}."] if not minio.cdn and minio.is_virtual(address.host) else []
    return [f"{address.scheme}://{bucket}{address.authority}" for bucket in (*buckets, "")]
