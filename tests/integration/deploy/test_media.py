"""The name of stored files in the production column: nginx before a real MinIO, reached by signed links, and by nothing else."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import requests

from config.settings import MinioSettings
from service.oss.minio import MinioStore
from service.oss.multipart import SMALLEST
from service.oss.promised import Promised
from tests.conftest import leave_out
from tests.support.servers.nginx_server import NginxServer
from tests.support.servers.process import MissingServiceError

MEDIA = Path(__file__).resolve().parents[3] / "deploy/compose/nginx/media.conf"
KEY = "projects/p/films/1.mp4"


class Media(NamedTuple):
    """nginx, and a store whose links lead to it."""

    nginx: NginxServer
    store: MinioStore
    host: str

    def ask(self, method: str, url: str, **sent: Any) -> requests.Response:
        """By a link, or a path; the name is not looked up."""
        address = self.nginx.https + url.removeprefix(f"https://{self.host}")
        headers = {"Host": self.host, **sent.pop("headers", {})}
        return requests.request(
            method, address, headers=headers, verify=str(self.nginx.certificate), timeout=60, **sent
        )


@pytest.fixture
def media(minio: MinioSettings) -> Iterator[Media]:
    changes = {"http://minio:9000": f"http://{minio.endpoint}", "/storytovideo/ {": f"/{minio.bucket}/ {{"}
    try:
        nginx = NginxServer(["127.0.0.1:1"], changes=changes, local=[MEDIA])
    except MissingServiceError as error:
        leave_out(str(error))
    host = f"media.example:{nginx.https_port}"
    store = MinioStore(minio.model_copy(update={"domain": f"https://{host}"}))
    store.check()
    yield Media(nginx, store, host)
    nginx.close()


def test_a_stored_file_comes_by_its_link_in_ranges_and_a_cdn_may_keep_it(media: Media, tmp_path: Path) -> None:
    content = os.urandom(3_000_000)
    (tmp_path / "film.mp4").write_bytes(content)
    media.store.put_file(KEY, tmp_path / "film.mp4")
    link = media.store.url(KEY)
    assert link.startswith(f"https://{media.host}/")
    whole = media.ask("GET", link)
    assert (whole.status_code, whole.content) == (200, content)
    assert whole.headers["Cache-Control"] == "public, max-age=3600, immutable"
    assert whole.headers["X-Content-Type-Options"] == "nosniff"
    assert whole.headers["Strict-Transport-Security"] == "max-age=63072000"
    assert len(whole.headers["X-Request-ID"]) == 32
    assert not {"X-Amz-Request-Id", "X-Amz-Id-2"} & set(whole.headers)
    part = media.ask("GET", link, headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, content[10:20])
    for odd in (link.partition("?")[0], f"{link}0"):
        refused = media.ask("GET", odd)
        assert (refused.status_code, "Cache-Control" in refused.headers) == (403, False), odd
    assert media.ask("DELETE", link).status_code == 403
    assert media.store.stat(KEY).size == len(content)


@pytest.mark.parametrize("size", [1_500_000, SMALLEST + 100_000], ids=["as a whole", "in parts"])
def test_clients_upload_by_links(media: Media, size: int) -> None:
    content = os.urandom(size)
    promised = Promised(size, "audio/wav", hashlib.sha256(content).hexdigest())
    key = "projects/p/uploads/a.wav"
    given = media.store.begin_upload(key, promised, SMALLEST)
    for number, link in enumerate(given.links):
        data = content[number * SMALLEST :][: link.size]
        assert media.ask("PUT", link.url, data=data[:-1], headers=dict(link.headers)).status_code == 403, "cut off"
        sent = media.ask("PUT", link.url, data=data, headers=dict(link.headers))
        assert (sent.status_code, "ETag" in sent.headers) == (200, True), sent.text
    if given.upload_id:
        media.store.finish_upload(key, given.upload_id, {})
    with media.store.open(key) as stream:
        assert stream.read() == content


@pytest.mark.parametrize(
    "path", ["/", "/another-bucket/x", "/minio/v2/metrics/cluster", "/minio/health/live", "/login"]
)
def test_nothing_else_of_minio_is_reached(media: Media, path: str) -> None:
    assert media.ask("GET", path).status_code == 404
