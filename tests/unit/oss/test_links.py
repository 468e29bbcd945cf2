"""From stored values to what clients read."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.oss import links
from service.oss.local import LocalStore

SIGNED = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date=20240101T000000Z&X-Amz-Expires=259200&X-Amz-Signature=ab"
BASE = "http://studio:8080"


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path, "secret", bucket="assets-bucket")


def test_a_key_is_read_as_a_signed_url(store: LocalStore) -> None:
    url = links.resolve("projects/p/films/1.mp4", store, BASE)
    assert url == store.url("projects/p/films/1.mp4", BASE)
    assert url.startswith(f"{BASE}/assets/projects/p/films/1.mp4?")


@pytest.mark.parametrize("host", ["http://127.0.0.1:9000", "https://gone.example:9000", "http://[::1]:9000"])
def test_a_dead_link_of_the_old_backend_is_signed_afresh(store: LocalStore, host: str) -> None:
    stored = f"{host}/assets-bucket/shots/4f0c/image.png?{SIGNED}"
    assert links.key_of(stored, "assets-bucket") == "shots/4f0c/image.png"
    assert links.resolve(stored, store, BASE) == store.url("shots/4f0c/image.png", BASE)


@pytest.mark.parametrize(
    "place", ["assets-bucket.oss.example/", "assets-bucket.example/assets-bucket/", "assets-bucket.localhost:9000/"]
)
def test_the_bucket_may_stand_in_the_host_s_name(place: str) -> None:
    assert links.key_of(f"https://{place}shots/4f0c/image.png?{SIGNED}", "assets-bucket") == "shots/4f0c/image.png"


def test_a_percent_encoded_key_is_decoded() -> None:
    assert (
        links.key_of(f"http://h/assets-bucket/shots/a%2Db/image.png?{SIGNED}", "assets-bucket") == "shots/a-b/image.png"
    )


@pytest.mark.parametrize(
    "stored",
    [
        "",
        "/static/music/1.mp3",
        "/assets-bucket/shots/1/image.png",
        "https://elsewhere.example/picture.png",
        "https://elsewhere.example/assets-bucket/picture.png",  # not presigned: somebody else's folder of that name
        f"http://h:9000/other-bucket/shots/1/image.png?{SIGNED}",
        f"https://other-assets-bucket.oss.example/shots/1/image.png?{SIGNED}",
        f"http://h:9000/assets-bucket/../secret?{SIGNED}",
        f"http://h:9000/assets-bucket/%2e%2e/secret?{SIGNED}",
        f"http://h:9000/assets-bucket/a%00b?{SIGNED}",
        f"http://h:9000/assets-bucket?{SIGNED}",
        f"http://h:9000/assets-bucket/?{SIGNED}",
        f"ftp://h:9000/assets-bucket/shots/1/image.png?{SIGNED}",
        f"http://[broken/assets-bucket/shots/1/image.png?{SIGNED}",
        "data:image/png;base64,AAAA",
        "../../etc/passwd",
    ],
)
def test_everything_else_passes_unchanged(store: LocalStore, stored: str) -> None:
    assert links.key_of(stored, store.bucket) is None
    assert links.resolve(stored, store, BASE) == stored


@given(st.text())
def test_no_stored_text_breaks_the_reading(text: str) -> None:
    links.key_of(text, "assets-bucket")
    links.key_of(f"http://h/assets-bucket/{text}?{SIGNED}", "assets-bucket")
