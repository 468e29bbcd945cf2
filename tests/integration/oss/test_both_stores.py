"""What every object storage must do; the same tests over MinIO and the local folder."""

from __future__ import annotations

import hashlib
import io
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from common.errors import InvalidKey, NodeUnavailable, ObjectNotFound
from service.oss import ObjectStore

KEY = "projects/p1/shots/s1/image-1.png"
HOSTILE = ["", "../x", "/etc/passwd", "a/../../b", ".hidden", "a//b", "a\x00b", "猫", "a b", "a/" * 200 + "b"]


def read(store: ObjectStore, key: str) -> bytes:
    with store.open(key) as stream:
        return stream.read()


def test_what_is_put_is_read_again(store: ObjectStore) -> None:
    content = os.urandom(100_000)
    info = store.put(KEY, io.BytesIO(content))
    assert (info.key, info.size, info.content_type) == (KEY, 100_000, "image/png")
    assert info.sha256 == hashlib.sha256(content).hexdigest()
    assert read(store, KEY) == content
    assert store.stat(KEY) == info


def test_a_file_is_stored_like_a_stream(store: ObjectStore, tmp_path: Path) -> None:
    path = tmp_path / "film"
    path.write_bytes(b"film" * 1000)
    info = store.put_file("projects/p1/films/1.mp4", path, metadata={"project": "p1"})
    assert (info.size, info.content_type) == (4000, "video/mp4")
    assert store.stat("projects/p1/films/1.mp4") == info
    assert read(store, "projects/p1/films/1.mp4") == path.read_bytes()


def test_an_empty_object_is_an_object(store: ObjectStore) -> None:
    store.put("music/1.mp3", io.BytesIO(b""))
    assert store.stat("music/1.mp3").size == 0
    assert read(store, "music/1.mp3") == b""


def test_a_content_type_that_is_given_wins_over_the_extension(store: ObjectStore) -> None:
    store.put(KEY, io.BytesIO(b"x"), content_type="image/webp")
    assert store.stat(KEY).content_type == "image/webp"


def test_metadata_holds_any_text(store: ObjectStore) -> None:
    metadata = {"project": "p1", "order": "3", "title": '  雨夜🌧️ a%20b "q"\n猫+ß  '}
    store.put(KEY, io.BytesIO(b"x"), metadata=metadata)
    assert store.stat(KEY).metadata == metadata


def test_a_title_too_long_for_the_headers_is_shortened_and_the_object_stored(store: ObjectStore) -> None:
    store.put(KEY, io.BytesIO(b"x"), metadata={"title": "🎬" * 2000, "project": "p1"})
    kept = store.stat(KEY).metadata
    assert kept["project"] == "p1"
    assert kept["title"]
    assert set(kept["title"]) == {"🎬"}


def test_a_stream_is_read_in_the_pieces_that_the_reader_asks_for(store: ObjectStore) -> None:
    store.put(KEY, io.BytesIO(b"0123456789" * 50_000))
    with store.open(KEY) as stream:
        assert stream.read(4) == b"0123"
        assert stream.read(6) == b"456789"
        assert len(stream.read()) == 499_990
        assert stream.read(1) == b""


def test_what_is_not_there_is_not_found(store: ObjectStore) -> None:
    store.put("projects/p1/films/1.mp4", io.BytesIO(b"x"))
    for absent in (KEY, "projects/p1/films", "projects/p1/films/2.mp4"):
        with pytest.raises(ObjectNotFound):
            store.stat(absent)
        with pytest.raises(ObjectNotFound):
            store.open(absent)
        store.remove(absent)
    assert read(store, "projects/p1/films/1.mp4") == b"x"


def test_the_listing_is_sorted_and_holds_the_prefix_only(store: ObjectStore) -> None:
    keys = ["projects/a/films/1.mp4", "projects/a-b/films/1.mp4", "projects/a/shots/s/image-1.png", "music/1.mp3"]
    for key in keys:
        store.put(key, io.BytesIO(b"x"))
    assert list(store.list("")) == sorted(keys)
    assert list(store.list("projects/a/")) == ["projects/a/films/1.mp4", "projects/a/shots/s/image-1.png"]
    assert list(store.list("projects/a")) == sorted(keys[:3])
    assert list(store.list("projects/nobody/")) == []
    assert list(store.list("../")) == []


def test_removing_a_prefix_takes_its_objects_and_no_others(store: ObjectStore) -> None:
    for key in ("projects/a/1.png", "projects/a/b/2.png", "projects/ab/3.png"):
        store.put(key, io.BytesIO(b"x"))
    assert store.remove_prefix("projects/a/") == 2
    assert list(store.list("")) == ["projects/ab/3.png"]
    assert store.remove_prefix("projects/a/") == 0


@pytest.mark.parametrize("prefix", ["", "/", "projects", "../", "./"])
def test_no_prefix_empties_the_store_by_mistake(store: ObjectStore, prefix: str) -> None:
    store.put(KEY, io.BytesIO(b"x"))
    with pytest.raises(InvalidKey):
        store.remove_prefix(prefix)
    assert list(store.list("")) == [KEY]


def test_an_object_that_is_removed_is_gone_and_may_come_again(store: ObjectStore) -> None:
    store.put(KEY, io.BytesIO(b"one"), metadata={"title": "one"})
    store.remove(KEY)
    store.remove(KEY)
    assert list(store.list("")) == []
    store.put(KEY, io.BytesIO(b"two"))
    assert (read(store, KEY), store.stat(KEY).metadata) == (b"two", {})


@pytest.mark.parametrize("key", HOSTILE)
def test_a_hostile_key_is_refused_everywhere(store: ObjectStore, key: str) -> None:
    for use in (store.open, store.stat, store.remove, store.url, lambda key: store.put(key, io.BytesIO(b"x"))):
        with pytest.raises(InvalidKey):
            use(key)


class BreakingStream(io.RawIOBase):
    """Gives some bytes and breaks, as a download from a node does."""

    def __init__(self, good: int) -> None:
        super().__init__()
        self._left = good

    def read(self, size: int | None = -1, /) -> bytes:
        if self._left == 0:
            raise NodeUnavailable("gone")
        self._left -= 1
        return b"x" * 1_000_000


def test_a_stream_that_breaks_leaves_nothing_and_says_its_own_reason(store: ObjectStore) -> None:
    with pytest.raises(NodeUnavailable):
        store.put(KEY, BreakingStream(7))  # type: ignore[arg-type]  # read() is all that is used
    assert list(store.list("")) == []
    with pytest.raises(ObjectNotFound):
        store.stat(KEY)


def test_a_stream_that_breaks_leaves_the_object_that_was_there(store: ObjectStore) -> None:
    before = store.put(KEY, io.BytesIO(b"old"))
    with pytest.raises(NodeUnavailable):
        store.put(KEY, BreakingStream(7))  # type: ignore[arg-type]  # read() is all that is used
    assert (read(store, KEY), store.stat(KEY)) == (b"old", before)


def test_two_writers_of_one_key_leave_one_whole_object_with_its_own_hash(store: ObjectStore) -> None:
    contents = [bytes([number]) * 300_000 for number in range(6)]
    start = threading.Barrier(len(contents))

    def write(content: bytes) -> None:
        start.wait(60)
        for _ in range(4):
            store.put(KEY, io.BytesIO(content), metadata={"writer": str(content[0])})

    with ThreadPoolExecutor(len(contents)) as pool:
        list(pool.map(write, contents))
    kept, info = read(store, KEY), store.stat(KEY)
    assert kept in contents
    assert info.sha256 == hashlib.sha256(kept).hexdigest()
    assert info.metadata == {"writer": str(kept[0])}


def test_a_reader_keeps_the_object_that_it_opened(store: ObjectStore) -> None:
    store.put(KEY, io.BytesIO(b"a" * 200_000))
    with store.open(KEY) as stream:
        start = stream.read(10)
        store.put(KEY, io.BytesIO(b"b" * 200_000))
        assert start + stream.read() == b"a" * 200_000


def test_checking_twice_and_at_once_does_no_harm(store: ObjectStore) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: store.check(), range(8)))
    assert list(store.list("")) == []


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(content=st.binary(max_size=5000), title=st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_any_bytes_and_any_title_survive(store: ObjectStore, content: bytes, title: str) -> None:
    info = store.put(KEY, io.BytesIO(content), metadata={"title": title})
    assert read(store, KEY) == content
    assert store.stat(KEY) == info
    assert info.metadata["title"] == title
