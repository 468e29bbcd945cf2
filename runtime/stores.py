"""Where assets lie: MinIO or a folder."""

from __future__ import annotations

from common.secret_file import kept_secret
from config.addresses import parse_group
from config.settings import Settings
from service.oss import ObjectStore
from service.oss.local import LocalStore

ASSETS_FOLDER = "assets"


def open_store(settings: Settings) -> ObjectStore:
    """MinIO where an endpoint is configured, else the folder `assets` of the data directory."""
    if settings.minio.endpoint:
        from service.oss.minio import MinioStore  # noqa: PLC0415 - a client that a folder has no use for

        return MinioStore(settings.minio)
    secret = kept_secret(settings.data_dir)
    return LocalStore(
        settings.data_dir / ASSETS_FOLDER,
        secret,
        settings.server.public_url,
        bucket=settings.minio.bucket,
        group=parse_group(settings.server.assets_group) if settings.server.assets_group else None,
    )


def storage_name(settings: Settings) -> str:
    """Where assets lie, for a person."""
    if settings.minio.endpoint:
        return f"bucket {settings.minio.bucket} at {settings.minio.endpoint}"
    return f"folder {settings.data_dir / ASSETS_FOLDER}"
