"""Where MinIO is: for us, and for clients."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from config.settings import MinioSettings
from service.errors import StorageError


@dataclass(frozen=True)
class Host:
    """`address` is "host" or "host:port"; `folder` the path that a reverse proxy strips, "" or "/path"."""

    address: str
    secure: bool
    folder: str = ""


def endpoint_host(settings: MinioSettings) -> Host:
    """What we connect to; raises `StorageError` for an address with a path, which S3's signatures do not allow."""
    host = _host(settings.endpoint, settings.use_ssl)
    if host.folder:
        raise StorageError(f"对象存储的配置无效（minio.endpoint）：{settings.endpoint} 不能带路径")
    return host


def public_host(settings: MinioSettings) -> Host:
    """What clients see, and what links are signed for."""
    return _host(settings.domain or settings.endpoint, settings.use_ssl)


def _host(text: str, secure: bool) -> Host:
    """From a host, or a whole `scheme://host/path`. A scheme says more than `use_ssl`."""
    text = text.strip()
    if "://" not in text:
        text = f"{'https' if secure else 'http'}://{text}"
    parts = urlsplit(text)
    return Host(parts.netloc, parts.scheme == "https", parts.path.rstrip("/"))
