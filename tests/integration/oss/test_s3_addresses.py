"""What goes over the wire to S3 endpoints: the bucket in the path, or in the host's name; and what MinIO with a domain says to it."""

from __future__ import annotations

import io
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests

from config.settings import MinioSettings
from service.oss import links
from service.oss import minio as minio_module
from service.oss.minio import MinioStore
from service.oss.promised import Promised
from tests.support.servers.minio_server import MinioServer

KEY = "projects/p1/shots/s1/image-1.png"
PART = 5 << 20
LIST = b"<ListBucketResult><Name>b</Name><IsTruncated>false</IsTruncated></ListBucketResult>"
ANSWERS = {
    "uploads": b"<ListMultipartUploadsResult><IsTruncated>false</IsTruncated></ListMultipartUploadsResult>",
    "begin": b"<InitiateMultipartUploadResult><UploadId>u1</UploadId></InitiateMultipartUploadResult>",
    "finish": b"<CompleteMultipartUploadResult><ETag>e</ETag></CompleteMultipartUploadResult>",
    "delete": b"<DeleteResult></DeleteResult>",
}


class Recorder(BaseHTTPRequestHandler):
    """An S3 endpoint that takes everything and writes down what was asked."""

    seen: list[tuple[str, str, str, dict[str, str]]] = []
    sizes: dict[str, int] = {}

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def __getattr__(self, name: str) -> Any:
        """Every method."""
        if name.startswith("do_"):
            return self._answer
        raise AttributeError(name)

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = urlsplit(self.path)
        self.seen.append(
            (self.command, self.headers["Host"], self.path, {k.lower(): v for k, v in self.headers.items()})
        )
        asked = dict(parse_qsl(parts.query, keep_blank_values=True))
        self.sizes[parts.path] = self.sizes.get(parts.path, 0) + (len(body) if self.command == "PUT" else 0)
        if self.command == "POST":
            said = ANSWERS["begin" if "uploads" in asked else "finish" if "uploadId" in asked else "delete"]
        else:
            said = ANSWERS["uploads"] if "uploads" in asked else LIST if "list-type" in asked else b""
        self.send_response(200)
        self.send_header("Content-Type", "application/xml")
        self.send_header("ETag", '"e"')
        length = self.sizes[parts.path] if self.command == "HEAD" else len(said)
        self.send_header("Content-Length", str(length))
        self.send_header("Last-Modified", "Wed, 01 Jan 2025 00:00:00 GMT")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(said)


@pytest.fixture(autouse=True)
def names_below_localhost(monkeypatch: pytest.MonkeyPatch) -> None:
    """`bucket.localhost` is this machine, as RFC 6761 has it; not every resolver knows."""
    real = socket.getaddrinfo

    def resolve(host: Any, *args: Any, **options: Any) -> Any:
        name = "127.0.0.1" if str(host).endswith(".localhost") else host
        return real(name, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    monkeypatch.setattr(Recorder, "seen", [])
    monkeypatch.setattr(Recorder, "sizes", {})
    server = ThreadingHTTPServer(("127.0.0.1", 0), Recorder)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield server.server_port
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize("addressing", ["path", "virtual"])
def test_every_request_names_the_bucket_where_it_belongs(
    recorder: int, addressing: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(minio_module, "PART", PART)
    settings = MinioSettings(
        endpoint=f"localhost:{recorder}",
        access_key="a",
        secret_key="b" * 8,
        bucket="films",
        region="cn-beijing",
        addressing=addressing,
    )
    store = MinioStore(settings)
    film = tmp_path / "film"
    film.write_bytes(b"x" * (PART + 1))
    assert store.exists()
    store.put(KEY, io.BytesIO(b"x"), metadata={"title": "雨夜"})
    store.put_file("projects/p1/films/1.mp4", film)
    store.open(KEY).close()
    store.stat(KEY)
    assert list(store.list("projects/")) == []
    store.remove(KEY)
    store.begin_upload(KEY, Promised(PART + 1, "image/png"), PART)
    link = store.begin_upload(KEY, Promised(1, "image/png", sha256="0" * 64, md5="0" * 32), PART).links[0]
    requests.put(link.url, data=b"x", headers=dict(link.headers), timeout=60)
    requests.get(store.url(KEY), timeout=60)
    host = f"{'films.' if addressing == 'virtual' else ''}localhost:{recorder}"
    folder = "/" if addressing == "virtual" else "/films/"
    assert {seen_host for _, seen_host, _, _ in Recorder.seen} == {host}
    assert all(
        path.startswith(folder) or path.partition("?")[0] == folder.rstrip("/") for _, _, path, _ in Recorder.seen
    )
    assert len({(method, "?" in path) for method, _, path, _ in Recorder.seen}) >= 7, "all kinds of requests were made"
    for _, _, path, headers in Recorder.seen:
        signed = headers.get("authorization", "") + path
        assert "/cn-beijing/s3/aws4_request" in signed.replace("%2F", "/")
        assert "aws-chunked" not in headers.get("content-encoding", ""), "which Aliyun does not take"
    assert links.key_of(store.url(KEY), "films") == KEY


PROVIDERS = [
    ("https://oss-cn-beijing.aliyuncs.com", "cn-beijing", "films.oss-cn-beijing.aliyuncs.com/"),
    ("https://tos-s3-cn-beijing.volces.com", "cn-beijing", "films.tos-s3-cn-beijing.volces.com/"),
    ("https://s3.eu-central-1.amazonaws.com", "eu-central-1", "films.s3.eu-central-1.amazonaws.com/"),
    ("https://s3.cn-north-1.amazonaws.com.cn", "cn-north-1", "films.s3.cn-north-1.amazonaws.com.cn/"),
    ("https://minio.example.org:9000", "us-east-1", "minio.example.org:9000/films/"),
]


@pytest.mark.parametrize(("endpoint", "region", "base"), PROVIDERS)
def test_each_provider_is_asked_in_the_form_that_it_takes(endpoint: str, region: str, base: str) -> None:
    settings = MinioSettings(endpoint=endpoint, access_key="a", secret_key="b" * 8, bucket="films", region=region)
    store = MinioStore(settings)
    upload = store.begin_upload(KEY, Promised(5, "image/png"), PART).links[0].url
    for url in (store.url(KEY), upload):
        assert url.startswith(f"https://{base}{KEY}?")
        assert f"%2F{region}%2Fs3%2F" in url
        assert links.key_of(url, "films") == KEY
    assert links.key_of(upload.replace("films", "other"), "films") is None


@pytest.fixture(scope="module")
def minio_with_a_domain() -> Iterator[MinioServer]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("MINIO_DOMAIN", "localhost")
        server = MinioServer()
    yield server
    server.close()


def test_minio_with_a_domain_takes_virtual_hosts(
    minio_with_a_domain: MinioServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(minio_module, "PART", PART)
    port = minio_with_a_domain.port
    settings = minio_with_a_domain.settings("films").model_copy(
        update={"endpoint": f"localhost:{port}", "addressing": "virtual"}
    )
    store = MinioStore(settings)
    store.check()
    film = tmp_path / "film"
    film.write_bytes(b"x" * (PART + 1))
    store.put_file("projects/p1/films/1.mp4", film)
    link = store.begin_upload(KEY, Promised(3, "image/png"), PART).links[0]
    assert urlsplit(link.url).netloc == f"films.localhost:{port}"
    assert requests.put(link.url, data=b"abc", headers=dict(link.headers), timeout=60).status_code == 200
    assert requests.get(store.url(KEY), timeout=60).content == b"abc"
    assert list(store.list("projects/p1/")) == ["projects/p1/films/1.mp4", KEY]
    assert store.temporary_keys("projects/p1/uploads/").addressing == "virtual"
    assert store.remove_prefix("projects/p1/") == 2
