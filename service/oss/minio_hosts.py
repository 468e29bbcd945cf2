"""Where MinIO is: for us, and for clients."""

from __future__ import annotations

from dataclasses import dataclass

from config.addresses import parse_http
from config.settings import MinioSettings


@dataclass(frozen=True)
class Host:
    """`address` is "host" or "host:port"; `folder` the path that a reverse proxy strips, "" or "/path"."""

    address: str
    secure: bool
    folder: str = ""


def endpoint_host(settings: MinioSettings) -> Host:
    """What we connect to."""
    return _host(settings.endpoint, settings.use_ssl)


def public_host(settings: MinioSettings) -> Host:
    """What clients see, and what links are signed for."""
    return _host(settings.domain or settings.endpoint, settings.use_ssl)


def _host(text: str, secure: bool) -> Host:
    """From a host, or a whole `scheme://host/path`. A scheme says more than `use_ssl`."""
    address = parse_http(text, "https" if secure else "http")
    return Host(address.authority, address.scheme == "https", address.folder)
