"""Assets in MinIO (or any S3): its SDK's errors in our words, and the store."""

from __future__ import annotations

import base64
import io
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Protocol, cast
from urllib.parse import quote, urlencode, urlsplit
from xml.etree.ElementTree import ParseError

import urllib3
from minio.deleteobjects import DeleteObject
from minio.error import MinioException, S3Error
from urllib3.exceptions import HTTPError

from common.errors import DiskFull, InvalidInput, ObjectNotFound, StorageError, StorageUnavailable
from common.hashing import copy_hashing, measure
from common.hidden_credentials import without_credentials
from common.host_faults import raise_if_ours
from config.addresses import parse_base
from config.settings import MinioSettings
from service.oss import keys, temporary_keys
from service.oss.cdn import type_a
from service.oss.file_name import attachment
from service.oss.limits import HURRIED, PATIENT, Limit, LimitedPool, Patience, limited
from service.oss.metadata import clipped, decoded, encoded
from service.oss.multipart import Multipart
from service.oss.part_sizes import part_size_for
from service.oss.promised import NOT_THERE, Promised
from service.oss.resumed_upload import ResumedUpload
from service.oss.s3_client import client_for, endpoint_host, public_host
from service.oss.s3_links import S3Links
from service.oss.store import (
    LINKS_KEPT,
    UPLOAD_S,
    Listed,
    ObjectInfo,
    PublicBase,
    TemporaryKeys,
    UploadLink,
    UploadLinks,
)

PART = 8 << 20  # bytes of one part of a multipart upload, and so about the memory that an upload takes
IN_MEMORY = 4 << 20  # bytes; larger streams wait for their hash in a temporary file
VALID_FOR = timedelta(days=7)  # the longest that S3 signs for
HASH = "sha256"
USER_METADATA = "x-amz-meta-"
PAGE = 1000  # objects that one request lists
PROOF = ".storytovideo-check"  # no key: it is never listed

ABSENT = {"NoSuchKey", "NoSuchObject", "NoSuchVersion", "NoSuchUpload"}
WRONG_PARTS = {"InvalidPart", "InvalidPartOrder", "EntityTooSmall", "MalformedXML"}
FULL = {"XMinioStorageFull", "XMinioAdminBucketQuotaExceeded"}
SERVER_FAULT = 500


class Now(Protocol):
    """The time as an aware datetime."""

    def __call__(self) -> datetime: ...


def _now() -> datetime:
    return datetime.now(timezone.utc)


class MinioStore:
    """Objects in `settings.bucket`. Thread-safe. Raises `StorageError` for settings that no S3 client can use."""

    def __init__(self, settings: MinioSettings, *, now: Now = _now) -> None:
        self.bucket = settings.bucket
        self._settings = settings
        self._now = now
        endpoint = endpoint_host(settings)
        self._public = public_host(settings)
        with self._translated(settings.bucket):
            self._client = client_for(settings, endpoint)
            self._signer = client_for(settings, self._public)
            self._http = LimitedPool()
            self._multipart = Multipart(S3Links.of(self._client, settings), self._http)
            self._public_links = S3Links.of(self._signer, settings, self._public.folder)
        self._signed_url = lru_cache(LINKS_KEPT)(self._sign)

    def exists(self) -> bool:
        """See `ObjectStore.exists`."""
        with self._asking(self.bucket, HURRIED):
            return bool(self._client.bucket_exists(self.bucket))

    def check(self) -> None:
        """Make the bucket when missing and prove that writing works; in a hurry, for whoever asks waits for it."""
        with self._asking(self.bucket, HURRIED):
            if not self._client.bucket_exists(self.bucket):
                self._make_bucket()
            self._client.put_object(self.bucket, PROOF, io.BytesIO(b"ok"), 2)
            self._client.remove_object(self.bucket, PROOF)

    def _make_bucket(self) -> None:
        try:
            self._client.make_bucket(self.bucket, location=self._settings.region)
        except S3Error as error:
            if error.code not in ("BucketAlreadyOwnedByYou", "BucketAlreadyExists"):  # another server was faster
                raise

    def put(
        self, key: str, stream: BinaryIO, *, content_type: str = "", metadata: Mapping[str, str] | None = None
    ) -> ObjectInfo:
        """See `ObjectStore.put`. The hash goes into the object's metadata, which S3 wants before the bytes: so the stream is spooled."""
        keys.check_key(key)
        with tempfile.SpooledTemporaryFile(IN_MEMORY) as spool:
            try:
                size, sha256 = copy_hashing(stream, cast("BinaryIO", spool))
                spool.seek(0)
            except OSError as error:
                raise_if_ours(error)
                raise StorageUnavailable(f"素材无法暂存：{error.strerror or error}") from error
            info = ObjectInfo(key, size, content_type or keys.content_type(key), sha256, clipped(metadata))
            return self._send(info, cast("BinaryIO", spool), PATIENT)

    def put_file(
        self,
        key: str,
        path: Path,
        *,
        content_type: str = "",
        metadata: Mapping[str, str] | None = None,
        hurry: bool = False,
        resume: bool = False,
    ) -> ObjectInfo:
        """See `ObjectStore.put_file`."""
        keys.check_key(key)
        with path.open("rb") as file:
            size, sha256 = measure(file)
            info = ObjectInfo(key, size, content_type or keys.content_type(key), sha256, clipped(metadata))
            return self._send(info, file, HURRIED if hurry else PATIENT, resume=resume)

    def _send(self, info: ObjectInfo, stream: BinaryIO, patience: Patience, *, resume: bool = False) -> ObjectInfo:
        """Upload; what is long in parts, of which those that arrived need not be sent again. Who is in a hurry does not wait for that."""
        if info.size > PART and patience is PATIENT:
            return self._send_in_parts(info, stream, resume)
        with self._asking(info.key, patience, info.size):
            self._client.put_object(
                self.bucket,
                info.key,
                stream,
                info.size,
                content_type=info.content_type,
                metadata=dict(encoded({**info.metadata, HASH: info.sha256})),
                part_size=PART,
                num_parallel_uploads=1,  # the SDK's parallel upload leaves its threads behind when a part fails
            )
        return info

    def _send_in_parts(self, info: ObjectInfo, stream: BinaryIO, resume: bool) -> ObjectInfo:
        kept = encoded({**info.metadata, HASH: info.sha256})
        headers = {"Content-Type": info.content_type, **{USER_METADATA + name: text for name, text in kept.items()}}
        part_size = part_size_for(info.size, PART)
        upload = ResumedUpload(self._multipart, lambda size: self._asking(info.key, PATIENT, size), info.key, part_size)
        upload.send(stream, info.size, headers, resume=resume)
        if self.stat(info.key).size != info.size:
            raise StorageUnavailable(f"素材上传不完整：{info.key}")
        return info

    def open(self, key: str) -> BinaryIO:
        """See `ObjectStore.open`."""
        keys.check_key(key)
        with self._asking(key, PATIENT) as limit:
            response = self._client.get_object(self.bucket, key)
            limit.keep(int(response.headers.get("Content-Length") or 0))
            return io.BufferedReader(_Download(response, limit))

    def stat(self, key: str) -> ObjectInfo:
        """See `ObjectStore.stat`."""
        keys.check_key(key)
        with self._asking(key, PATIENT):
            found = self._client.stat_object(self.bucket, key)
        headers = {name.lower(): value for name, value in (found.metadata or {}).items()}
        known = decoded(
            {name[len(USER_METADATA) :]: value for name, value in headers.items() if name.startswith(USER_METADATA)}
        )
        sha256 = known.pop(HASH, "")
        return ObjectInfo(key, found.size or 0, found.content_type or keys.content_type(key), sha256, known)

    def list(self, prefix: str) -> Iterator[str]:
        """See `ObjectStore.list`. Objects that somebody else put there under names that are no keys are not listed."""
        return filter(keys.is_key, self._names(prefix) if keys.may_begin_keys(prefix) else ())

    def _names(self, prefix: str) -> Sequence[str]:
        with self._asking(prefix, PATIENT):
            found = self._client.list_objects(self.bucket, prefix=prefix, recursive=True)
            return [each.object_name for each in found if each.object_name]

    def entries(self, prefix: str) -> Iterator[Listed]:
        """See `ObjectStore.entries`; a request for each thousand, each with its own time."""
        found = iter(self._client.list_objects(self.bucket, prefix=prefix, recursive=True))
        while True:
            with self._asking(prefix, PATIENT):
                page = list(islice(found, PAGE))
            for each in page:
                if each.object_name and each.last_modified and keys.is_key(each.object_name):
                    yield Listed(each.object_name, each.size or 0, each.last_modified)
            if len(page) < PAGE:
                return

    def now(self) -> datetime:
        """See `ObjectStore.now`."""
        with self._asking(self.bucket, HURRIED):
            self._client.put_object(self.bucket, PROOF, io.BytesIO(b"ok"), 2)
            found = self._client.stat_object(self.bucket, PROOF).last_modified
            self._client.remove_object(self.bucket, PROOF)
        return found or self._now()

    def remove(self, key: str) -> None:
        """See `ObjectStore.remove`."""
        keys.check_key(key)
        with self._asking(key, PATIENT):
            for upload_id in self._multipart.unfinished(key):
                self._multipart.give_up(key, upload_id)
            self._client.remove_object(self.bucket, key)

    def remove_prefix(self, prefix: str, but: Collection[str] = ()) -> int:
        """See `ObjectStore.remove_prefix`; a thousand objects a request."""
        names = [name for name in self.list(keys.check_prefix(prefix)) if name not in but]
        with self._asking(prefix, PATIENT):
            for failure in self._client.remove_objects(self.bucket, map(DeleteObject, names)):
                raise StorageUnavailable(f"素材无法删除：{failure.name}（{failure.code}）")
        return len(names)

    def begin_upload(self, key: str, promised: Promised, part_size: int, base: PublicBase = "") -> UploadLinks:
        """See `ObjectStore.begin_upload`; `base` plays no part."""
        keys.check_key(key)
        typed = {"Content-Type": promised.content_type}
        if promised.size <= part_size:
            return UploadLinks("", (self._upload_link(key, 1, promised.size, {**typed, **_hashes(promised)}),))
        with self._asking(key, HURRIED):
            upload_id = self._multipart.begin(key, typed)
        sizes = [min(part_size, promised.size - start) for start in range(0, promised.size, part_size)]
        parts = enumerate(sizes, start=1)
        return UploadLinks(
            upload_id, tuple(self._upload_link(key, number, size, typed, upload_id) for number, size in parts)
        )

    def _upload_link(
        self, key: str, number: int, size: int, headers: Mapping[str, str], upload_id: str = ""
    ) -> UploadLink:
        """The length is bound as well; who sends the bytes says it by itself."""
        query = {"partNumber": str(number), "uploadId": upload_id} if upload_id else {}
        bound = {**headers, "Content-Length": str(size)}
        url = self._public_links.url("PUT", key, seconds=UPLOAD_S, query=query, headers=bound, now=self._now())
        return UploadLink(number, size, url, headers)

    def finish_upload(self, key: str, upload_id: str, etags: Mapping[int, str]) -> None:
        """See `ObjectStore.finish_upload`."""
        keys.check_key(key)
        with self._asking(key, PATIENT):
            there = self._multipart.parts(key, upload_id)
            wanted = dict(etags) or {number: part.etag for number, part in there.items()}
            if not set(wanted) <= set(there) or not wanted:
                raise InvalidInput("parts", NOT_THERE)
            try:
                self._multipart.finish(key, upload_id, wanted)
            except S3Error as error:
                if error.code in WRONG_PARTS:
                    raise InvalidInput("parts", NOT_THERE) from error
                raise

    def temporary_keys(self, prefix: str) -> TemporaryKeys:
        """See `ObjectStore.temporary_keys`."""
        allowed = temporary_keys.policy(self.bucket, keys.check_prefix(prefix))
        endpoint, public, settings = endpoint_host(self._settings), self._public, self._settings
        with self._asking(prefix, HURRIED):
            found = temporary_keys.assume_role(
                self._http, endpoint.base, settings.access_key, settings.secret_key, settings.region, allowed
            )
        return TemporaryKeys(
            access_key=found.access_key,
            secret_key=found.secret_key,
            session_token=found.session_token or "",
            expires_at=self._now() + timedelta(seconds=UPLOAD_S),
            endpoint=public.base + public.folder,
            bucket=self.bucket,
            region=self._public_links.region,
            addressing="virtual" if settings.is_virtual(public.name) else "path",
        )

    def url(self, key: str, base: PublicBase = "", *, saved_as: str = "") -> str:
        """See `ObjectStore.url`; `base` plays no part. Signing needs no network: the region is known.

        The URL is signed for the host that clients see: `minio.domain`, else the endpoint. With a CDN (`minio.cdn`) it is
        `<cdn>/<key>?<signature>`: scheme, host and bucket give way to the CDN's base, and the signature is the endpoint's, because the CDN
        fetches `/<bucket>/<key>` with that query from the endpoint and names the endpoint in its `Host` header. With `minio.cdn_key` the
        CDN checks the link itself, and has a way of its own into the bucket: it is for the CDN to hand `response-content-disposition` on.
        """
        keys.check_key(key)
        return self._signed_url(key, self._now().replace(minute=0, second=0, microsecond=0), saved_as)

    def _sign(self, key: str, signed: datetime, saved_as: str) -> str:
        settings = self._settings
        wish: dict[str, str | list[str] | tuple[str]] = {}
        if saved_as:
            wish["response-content-disposition"] = attachment(saved_as)
        if settings.cdn and settings.cdn_key:
            link = type_a(settings.cdn, key, settings.cdn_key, settings.cdn_parameter, signed)
            return f"{link}&{urlencode(wish, quote_via=quote)}" if wish else link
        signer = self._client if self._settings.cdn else self._signer
        with self._translated(key):
            url = signer.presigned_get_object(
                self.bucket, key, expires=VALID_FOR, response_headers=wish, request_date=signed
            )
        parts = urlsplit(url)
        if self._settings.cdn:
            return f"{parse_base(self._settings.cdn).base}/{quote(key)}?{parts.query}"
        return parts._replace(path=self._public.folder + parts.path).geturl()

    def _translated(self, what: str) -> AbstractContextManager[None]:
        return translated(what, self._settings.endpoint)

    @contextmanager
    def _asking(self, what: str, patience: Patience, size: int = 0) -> Iterator[Limit]:
        """One operation on storage, limited, its errors ours; `size` are the bytes that it sends."""
        with self._translated(what), limited(patience, size) as limit:
            yield limit


class _Download(io.RawIOBase):
    """A response as a stream that gives its connection back when it is closed, and whose errors are ours."""

    def __init__(self, response: urllib3.BaseHTTPResponse, limit: Limit) -> None:
        super().__init__()
        self._response = response
        self._limit = limit

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # typeshed's WriteableBuffer has no public name
        try:
            chunk = self._response.read(len(buffer))
        except (HTTPError, OSError) as error:
            raise StorageUnavailable(f"读取素材时连接中断：{error}") from error
        buffer[: len(chunk)] = chunk
        return len(chunk)

    def close(self) -> None:
        if not self.closed:
            self._response.close()
            self._response.release_conn()
            self._limit.end()
        super().close()


@contextmanager
def translated(what: str, endpoint: str) -> Iterator[None]:
    """Raise what the block raises as `ObjectNotFound`, `StorageUnavailable` and `DiskFull` (try again) or `StorageError` (trying again is
    useless).

    `what` is the key or the bucket in question.
    """
    try:
        yield
    except S3Error as error:
        if error.code in ABSENT:
            raise ObjectNotFound(f"文件不存在：{what}") from error
        if error.code in FULL:
            raise DiskFull("对象存储的磁盘空间不足") from error
        if error.response.status >= SERVER_FAULT or error.code == "SlowDown":
            raise StorageUnavailable(f"对象存储暂时不可用：{error.code}") from error
        raise StorageError(f"对象存储拒绝了操作（{what}）：{error.code}: {error.message}") from error
    except ValueError as error:  # the SDK's way to refuse a bucket's or an endpoint's name
        raise StorageError(f"对象存储的配置无效（{what}）：{error}") from error
    except (MinioException, HTTPError, OSError, ParseError) as error:  # of XML: something else answers there
        raise StorageUnavailable(f"对象存储 {endpoint} 不可用：{without_credentials(str(error))}") from error


def _hashes(promised: Promised) -> dict[str, str]:
    """The headers by which S3 compares what comes with what was promised."""
    hashes = {"x-amz-checksum-sha256": promised.sha256, "Content-MD5": promised.md5}
    return {name: base64.b64encode(bytes.fromhex(text)).decode() for name, text in hashes.items() if text}
