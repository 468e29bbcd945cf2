"""MinIO: links as clients fetch them, and failures as the server words them."""

from __future__ import annotations

import hashlib
import io
import resource
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest
import requests
from minio import Minio
from werkzeug.http import parse_options_header

from common.errors import DiskFull, ObjectNotFound, StorageError, StorageUnavailable
from config.settings import MinioSettings
from service.oss import links
from service.oss.minio import PART, MinioStore
from tests.support.servers.process import silent_port

KEY = "projects/p1/shots/s1/image-1.png"
WEEK = timedelta(days=7)


def now() -> datetime:
    return datetime.now(timezone.utc)


def changed(settings: MinioSettings, **values: object) -> MinioSettings:
    return settings.model_copy(update=values)


@contextmanager
def proxy(target: str, *, host: str, strip: str = "", add: str = "") -> Iterator[str]:
    """A reverse proxy before MinIO: forwards GET, names `host` in its Host header ("" = as the client named it), edits the path."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

        def do_GET(self) -> None:
            path = add + self.path.removeprefix(strip)
            answer = requests.get(f"http://{target}{path}", headers={"Host": host or self.headers["Host"]}, timeout=60)
            self.send_response(answer.status_code)
            self.send_header("Content-Length", str(len(answer.content)))
            for name in answer.headers.keys() & {"Content-Disposition"}:
                self.send_header(name, answer.headers[name])
            self.end_headers()
            self.wfile.write(answer.content)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_link_is_fetched_without_a_header(minio_store: MinioStore) -> None:
    minio_store.put(KEY, io.BytesIO(b"0123456789"))
    answer = requests.get(minio_store.url(KEY), timeout=60)
    assert (answer.status_code, answer.content, answer.headers["Content-Type"]) == (200, b"0123456789", "image/png")


def test_a_link_may_say_under_which_name_to_save(minio: MinioSettings) -> None:
    with proxy(minio.endpoint, host=minio.endpoint, add=f"/{minio.bucket}") as address:
        for settings in (minio, changed(minio, cdn=f"http://{address}/")):
            store = MinioStore(settings)
            store.check()
            store.put(KEY, io.BytesIO(b"0123456789"))
            answer = requests.get(store.url(KEY, saved_as="狐狸 & القمر.png"), timeout=60)
            assert (answer.status_code, answer.content) == (200, b"0123456789")
            saved = parse_options_header(answer.headers["Content-Disposition"])
            assert saved == ("attachment", {"filename": "狐狸 & القمر.png"})
            assert "Content-Disposition" not in requests.get(store.url(KEY), timeout=60).headers


def test_a_link_serves_ranges(minio_store: MinioStore) -> None:
    minio_store.put(KEY, io.BytesIO(b"0123456789"))
    answer = requests.get(minio_store.url(KEY), headers={"Range": "bytes=2-4"}, timeout=60)
    assert (answer.status_code, answer.content) == (206, b"234")
    assert answer.headers["Content-Range"] == "bytes 2-4/10"


def test_a_link_holds_under_a_domain_that_differs_from_the_endpoint(minio: MinioSettings) -> None:
    port = minio.endpoint.rpartition(":")[2]
    store = MinioStore(changed(minio, domain=f"localhost:{port}"))
    store.check()
    store.put(KEY, io.BytesIO(b"picture"))
    url = store.url(KEY)
    assert urlsplit(url).netloc == f"localhost:{port}"
    assert requests.get(url, timeout=60).content == b"picture"
    moved = url.replace("localhost", "127.0.0.1")
    assert requests.get(moved, timeout=60).status_code == 403  # proof that the host is signed


def test_a_link_holds_for_hosts_in_capitals_too(minio: MinioSettings) -> None:
    """Clients and proxies write a host in small letters, however the link does."""
    port = minio.endpoint.rpartition(":")[2]
    store = MinioStore(changed(minio, endpoint=f"LOCALHOST:{port}", domain=f"http://LocalHost:{port}"))
    store.check()
    store.put(KEY, io.BytesIO(b"picture"))
    assert requests.get(store.url(KEY), timeout=60).content == b"picture"


def test_a_domain_behind_a_proxy_with_a_folder_of_its_own_holds(minio: MinioSettings) -> None:
    with proxy(minio.endpoint, host="", strip="/storage") as address:
        store = MinioStore(changed(minio, domain=f"http://{address}/storage/"))
        store.check()
        store.put(KEY, io.BytesIO(b"picture"))
        assert store.url(KEY).startswith(f"http://{address}/storage/{minio.bucket}/{KEY}?")
        assert requests.get(store.url(KEY), timeout=60).content == b"picture"


def test_a_cdn_stands_in_for_scheme_host_and_bucket(minio: MinioSettings) -> None:
    with proxy(minio.endpoint, host=minio.endpoint, add=f"/{minio.bucket}") as address:
        store = MinioStore(changed(minio, cdn=f"http://{address}/"))
        store.check()
        store.put(KEY, io.BytesIO(b"picture"))
        assert store.url(KEY).startswith(f"http://{address}/{KEY}?X-Amz-")
        assert requests.get(store.url(KEY), timeout=60).content == b"picture"
        assert requests.get(store.url(KEY).partition("?")[0], timeout=60).status_code == 403


def test_a_scheme_in_the_domain_is_what_clients_see() -> None:
    settings = MinioSettings(endpoint="minio:9000", access_key="a", secret_key="b" * 8, domain="https://assets.example")
    assert MinioStore(settings).url(KEY).startswith(f"https://assets.example/storytovideo/{KEY}?")


def test_signing_needs_no_network() -> None:
    settings = MinioSettings(endpoint="nowhere.invalid:9000", access_key="a", secret_key="b" * 8)
    assert MinioStore(settings).url(KEY).startswith("http://nowhere.invalid:9000/storytovideo/")


def test_a_link_is_the_same_within_the_hour_and_signed_for_a_week() -> None:
    settings = MinioSettings(endpoint="minio:9000", access_key="a", secret_key="b" * 8)
    moment = datetime(2026, 1, 2, 10, 0, 1, tzinfo=timezone.utc)
    early, late, next_hour = (
        MinioStore(settings, now=lambda at=at: at).url(KEY)
        for at in (moment, moment.replace(minute=59), moment.replace(hour=11))
    )
    assert early == late != next_hour
    assert "X-Amz-Date=20260102T100000Z" in early
    assert "X-Amz-Expires=604800" in early


def test_a_link_dies_a_week_after_its_hour(minio: MinioSettings) -> None:
    MinioStore(minio).check()
    alive = MinioStore(minio, now=lambda: now() - WEEK + timedelta(hours=2))
    dead = MinioStore(minio, now=lambda: now() - WEEK)
    alive.put(KEY, io.BytesIO(b"x"))
    assert requests.get(alive.url(KEY), timeout=60).status_code == 200
    answer = requests.get(dead.url(KEY), timeout=60)
    assert answer.status_code == 403
    assert "expired" in answer.text


def test_a_link_that_was_tampered_with_opens_nothing(minio_store: MinioStore) -> None:
    other = KEY.replace("image-1", "image-2")
    for key in (KEY, other):
        minio_store.put(key, io.BytesIO(b"x"))
    url = minio_store.url(KEY)
    for forged in (
        url.replace("image-1", "image-2"),
        url.replace("X-Amz-Expires=604800", "X-Amz-Expires=604799"),
        url[:-1] + ("0" if url[-1] != "0" else "1"),
        url.partition("?")[0],
    ):
        assert requests.get(forged, timeout=60).status_code == 403


def test_an_expired_link_of_the_old_backend_opens_again(minio_store: MinioStore, minio: MinioSettings) -> None:
    old = Minio(
        minio.endpoint,
        minio.access_key,
        minio.secret_key,
        secure=False,
        region=minio.region,
    )
    key = "shots/4f0c/image.png"
    old.put_object(minio.bucket, key, io.BytesIO(b"old"), 3, content_type="image/png")
    month_ago = now() - timedelta(days=30)
    dead = old.presigned_get_object(minio.bucket, key, expires=timedelta(hours=72), request_date=month_ago)
    assert requests.get(dead, timeout=60).status_code == 403
    assert requests.get(links.resolve(dead, minio_store, ""), timeout=60).content == b"old"
    info = minio_store.stat(key)
    assert (info.size, info.sha256, info.content_type) == (3, "", "image/png")


class Endless(io.RawIOBase):
    """So many bytes, made as they are read."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self._left = size
        self.digest = hashlib.sha256()

    def read(self, size: int | None = -1, /) -> bytes:
        length = self._left if size is None or size < 0 else min(size, self._left)
        self._left -= length
        chunk = b"\x5a" * length
        self.digest.update(chunk)
        return chunk


def test_a_large_stream_goes_up_in_parts_within_bounded_memory(minio_store: MinioStore) -> None:
    size = 12 * PART + 12345
    minio_store.put("music/1.mp3", io.BytesIO(b"x" * (PART + 1)))  # what the first upload takes once for all
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    stream = Endless(size)
    info = minio_store.put("music/2.mp3", stream)  # type: ignore[arg-type]  # read() is all that is used
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) << 10
    assert info.size == size == minio_store.stat("music/2.mp3").size
    assert grown < size / 2
    digest = hashlib.sha256()
    with minio_store.open("music/2.mp3") as download:
        while chunk := download.read(1 << 20):
            digest.update(chunk)
    assert digest.hexdigest() == info.sha256 == stream.digest.hexdigest()


def test_objects_of_others_under_names_that_are_no_keys_are_left_alone(
    minio_store: MinioStore, minio: MinioSettings
) -> None:
    client = Minio(minio.endpoint, minio.access_key, minio.secret_key, secure=False, region=minio.region)
    client.put_object(minio.bucket, "projects/p1/猫 cat.png", io.BytesIO(b"x"), 1)
    minio_store.put(KEY, io.BytesIO(b"x"))
    assert list(minio_store.list("projects/p1/")) == [KEY]
    assert minio_store.remove_prefix("projects/p1/") == 1
    assert [found.object_name for found in client.list_objects(minio.bucket, recursive=True)] == [
        "projects/p1/猫 cat.png"
    ]


def test_a_bucket_that_is_missing_is_not_a_missing_object(minio: MinioSettings) -> None:
    store = MinioStore(minio)
    for use in (store.open, store.stat):
        with pytest.raises(StorageError) as caught:
            use(KEY)
        if use == store.open:  # HEAD answers without a body, so that S3 cannot say which of the two is missing
            assert not isinstance(caught.value, ObjectNotFound)


def test_wrong_credentials_are_refused_not_retried(minio: MinioSettings) -> None:
    store = MinioStore(changed(minio, secret_key="not-the-secret"))
    with pytest.raises(StorageError) as caught:
        store.check()
    assert not caught.value.retryable


def test_a_server_that_is_not_there_is_unavailable(minio: MinioSettings) -> None:
    with silent_port() as port:
        store = MinioStore(changed(minio, endpoint=f"127.0.0.1:{port}"))
        with pytest.raises(StorageUnavailable) as caught:
            store.put(KEY, io.BytesIO(b"x"))
    assert caught.value.retryable


class FullServer(BaseHTTPRequestHandler):
    """An S3 server that has no room."""

    code, status = "XMinioStorageFull", 507

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        body = f"<Error><Code>{self.code}</Code><Message>full</Message><Resource>/</Resource></Error>".encode()
        self.send_response(self.status)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class OverQuota(FullServer):
    """One whose bucket may not grow."""

    code, status = "XMinioAdminBucketQuotaExceeded", 400


@pytest.mark.parametrize("kind", [FullServer, OverQuota])
def test_a_server_that_has_no_room_is_a_full_disk(kind: type[FullServer]) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), kind)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        settings = MinioSettings(endpoint=f"127.0.0.1:{server.server_port}", access_key="a", secret_key="b" * 8)
        with pytest.raises(DiskFull, match="磁盘空间不足"):
            MinioStore(settings).put(KEY, io.BytesIO(b"x"))
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_settings_that_no_client_can_use_are_named() -> None:
    settings = MinioSettings(endpoint="minio:9000", access_key="a", secret_key="b" * 8, bucket="192.168.1.1")
    with pytest.raises(StorageError, match="配置无效"):
        MinioStore(settings).check()
