"""Where storage is, for us and for clients, and the SDK's client for either."""

from __future__ import annotations

from dataclasses import dataclass

from minio import Minio

from config.addresses import parse_http
from config.settings import MinioSettings
from service.oss.limits import LimitedPool


@dataclass(frozen=True)
class Host:
    """`address` is "host" or "host:port"; `folder` the path that a reverse proxy strips, "" or "/path"."""

    address: str
    secure: bool
    folder: str = ""

    @property
    def base(self) -> str:
        """Scheme and host."""
        return f"{'https' if self.secure else 'http'}://{self.address}"

    @property
    def name(self) -> str:
        """Without a port."""
        return parse_http(self.address).host


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


def client_for(settings: MinioSettings, host: Host) -> Minio:
    """Asks, or signs for, this host; nothing is connected."""
    client = Minio(
        endpoint=host.address,
        access_key=settings.access_key,
        secret_key=settings.secret_key,
        secure=host.secure,
        region=settings.region,
        http_client=LimitedPool(),
    )
    if settings.is_virtual(host.name):
        client.enable_virtual_style_endpoint()  # type: ignore[no-untyped-call]
    else:
        client.disable_virtual_style_endpoint()  # type: ignore[no-untyped-call]
    return client
