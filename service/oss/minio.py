"""Assets in MinIO (or any S3)."""

from __future__ import annotations

import hashlib
import io
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import BinaryIO, cast
from urllib.parse import quote, unquote, urlsplit

import urllib3
from minio import Minio
from minio.error import MinioException, S3Error
from urllib3.exceptions import HTTPError

from config.settings import MinioSettings
from service.errors import ObjectNotFound, StorageError, StorageUnavailable
from service.oss.keys import check_key, content_type
from service.oss.store import ObjectInfo, PublicBase

CHUNK = 1 << 20  # bytes
PART = 16 << 20  # bytes of one part of a multipart upload
IN_MEMORY = 4 << 20  # bytes; larger streams wait for their hash in a temporary file
VALID_FOR = timedelta(days=7)  # the longest that S3 signs for
HASH = "sha256"
TIMEOUT = urllib3.Timeout(connect=5, read=60)
RETRY = urllib3.Retry(total=3, backoff_factor=0.2, status_forcelist=[500, 502, 503, 504])
ABSENT = {"NoSuchKey", "NoSuchBucket", "NoSuchObject", "NoSuchVersion"}


def _now() -> datetime:
    return datetime.now(timezone.utc)


class MinioStore:
    """Objects in `settings.bucket`. Links are signed for `settings.domain`, which clients see, where that differs from the endpoint."""

    def __init__(self, settings: MinioSettings, *, now: Callable[[], datetime] = _now) -> None:
        self.bucket = settings.bucket
        self._settings = settings
        self._now = now
        self._client = _client(settings, settings.endpoint, settings.use_ssl)
        host, secure = _public_host(settings)
        self._signer = _client(settings, host, secure)

    def check(self) -> None:
        """Make the bucket when missing and prove that writing works."""
        with self._translated("存储桶检查"):
            if not self._client.bucket_exists(self.bucket):
                try:
                    self._client.make_bucket(self.bucket)
                except S3Error as error:
                    if error.code not in (
                        "BucketAlreadyOwnedByYou",
                        "BucketAlreadyExists",
                    ):  # another server was faster
                        raise
            key = ".storytovideo-check"
            self._client.put_object(self.bucket, key, io.BytesIO(b"ok"), 2)
            self._client.remove_object(self.bucket, key)

    def put(
        self, key: str, stream: BinaryIO, *, content_type: str = "", metadata: Mapping[str, str] | None = None
    ) -> ObjectInfo:
        """See `ObjectStore.put`. The hash goes into the object's metadata, which S3 wants before the bytes: so the stream is spooled."""
        check_key(key)
        with tempfile.SpooledTemporaryFile(IN_MEMORY) as spool:
            digest, size = hashlib.sha256(), 0
            while chunk := stream.read(CHUNK):
                digest.update(chunk)
                size += len(chunk)
                spool.write(chunk)
            spool.seek(0)
            info = ObjectInfo(key, size, content_type or _type_of(key), digest.hexdigest(), dict(metadata or {}))
            return self._send(info, cast("BinaryIO", spool))

    def put_file(
        self, key: str, path: Path, *, content_type: str = "", metadata: Mapping[str, str] | None = None
    ) -> ObjectInfo:
        """See `ObjectStore.put_file`."""
        check_key(key)
        with path.open("rb") as file:
            digest = _digest(file)
            file.seek(0)
            info = ObjectInfo(
                key, path.stat().st_size, content_type or _type_of(key), digest.hexdigest(), dict(metadata or {})
            )
            return self._send(info, file)

    def _send(self, info: ObjectInfo, stream: BinaryIO) -> ObjectInfo:
        """S3's headers carry ASCII only, so metadata is percent-encoded."""
        headers: dict[str, str | list[str] | tuple[str]] = {
            name: quote(value, safe=" ") for name, value in info.metadata.items()
        }
        headers[HASH] = info.sha256
        with self._translated(info.key):
            self._client.put_object(
                self.bucket,
                info.key,
                stream,
                info.size,
                content_type=info.content_type,
                metadata=headers,
                part_size=PART,
            )
        return info

    def open(self, key: str) -> BinaryIO:
        """See `ObjectStore.open`."""
        check_key(key)
        with self._translated(key):
            return cast("BinaryIO", _Download(self._client.get_object(self.bucket, key)))

    def stat(self, key: str) -> ObjectInfo:
        """See `ObjectStore.stat`."""
        check_key(key)
        with self._translated(key):
            found = self._client.stat_object(self.bucket, key)
        headers = {name.lower(): value for name, value in (found.metadata or {}).items()}
        prefix = "x-amz-meta-"
        known = {name[len(prefix) :]: unquote(value) for name, value in headers.items() if name.startswith(prefix)}
        sha256 = known.pop(HASH, "")
        return ObjectInfo(key, found.size or 0, found.content_type or _type_of(key), sha256, known)

    def list(self, prefix: str) -> Iterator[str]:
        """See `ObjectStore.list`."""
        with self._translated(prefix):
            for found in self._client.list_objects(self.bucket, prefix=prefix, recursive=True):
                if found.object_name:
                    yield found.object_name

    def remove(self, key: str) -> None:
        """See `ObjectStore.remove`."""
        check_key(key)
        with self._translated(key):
            self._client.remove_object(self.bucket, key)

    def remove_prefix(self, prefix: str) -> int:
        """See `ObjectStore.remove_prefix`."""
        check_key(prefix.removesuffix("/"))
        keys = list(self.list(prefix))
        for key in keys:
            self.remove(key)
        return len(keys)

    def url(self, key: str, base: PublicBase = "") -> str:
        """See `ObjectStore.url`; `base` plays no part. Signing needs no network: the region is known.

        With a CDN (`minio.cdn`) the URL is `<cdn>/<key>`, unsigned: the CDN fetches from the bucket with rights of its own.
        """
        check_key(key)
        if self._settings.cdn:
            return f"{self._settings.cdn.rstrip('/')}/{quote(key)}"
        signed = self._now().replace(minute=0, second=0, microsecond=0)
        with self._translated(key):
            return self._signer.presigned_get_object(self.bucket, key, expires=VALID_FOR, request_date=signed)

    @contextmanager
    def _translated(self, what: str) -> Iterator[None]:
        try:
            yield
        except S3Error as error:
            if error.code in ABSENT:
                raise ObjectNotFound(f"文件不存在：{what}") from error
            if error.code in ("SlowDown", "ServiceUnavailable", "InternalError"):
                raise StorageUnavailable(f"对象存储暂时不可用：{error.code}") from error
            raise StorageError(f"对象存储拒绝了操作（{what}）：{error.code}: {error.message}") from error
        except (MinioException, HTTPError, OSError) as error:
            raise StorageUnavailable(f"对象存储 {self._settings.endpoint} 不可用：{error}") from error


class _Download(io.RawIOBase):
    """A response as a stream that gives its connection back when it is closed, and whose errors are ours."""

    def __init__(self, response: urllib3.BaseHTTPResponse) -> None:
        super().__init__()
        self._response = response

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        try:
            return self._response.read(None if size is None or size < 0 else size)
        except HTTPError as error:
            raise StorageUnavailable(f"读取素材时连接中断：{error}") from error

    def close(self) -> None:
        if not self.closed:
            self._response.close()
            self._response.release_conn()
        super().close()


def _client(settings: MinioSettings, endpoint: str, secure: bool) -> Minio:
    return Minio(
        endpoint=endpoint,
        access_key=settings.access_key,
        secret_key=settings.secret_key,
        secure=secure,
        region=settings.region,
        http_client=urllib3.PoolManager(timeout=TIMEOUT, retries=RETRY, maxsize=16),
    )


def _public_host(settings: MinioSettings) -> tuple[str, bool]:
    """The host that clients see and whether it speaks TLS. `domain` is a host, or a whole `scheme://host`."""
    if not settings.domain:
        return settings.endpoint, settings.use_ssl
    if "://" not in settings.domain:
        return settings.domain.rstrip("/"), settings.use_ssl
    parts = urlsplit(settings.domain)
    return parts.netloc, parts.scheme == "https"


def _digest(file: BinaryIO) -> hashlib._Hash:
    """`hashlib.file_digest`, which Python 3.10 lacks."""
    digest = hashlib.sha256()
    while chunk := file.read(CHUNK):
        digest.update(chunk)
    return digest


def _type_of(key: str) -> str:
    return content_type(key)
