"""The local folder: what is particular to files."""

from __future__ import annotations

import io
import os
import threading
import time
from pathlib import Path

import pytest

from common.errors import Forbidden, StorageUnavailable
from service.oss.local import ABANDONED_AFTER_S, LocalStore
from tests.support.wait import wait_until

KEY = "projects/p1/shots/s1/image-1.png"


class HeldStream(io.RawIOBase):
    """Gives its bytes, then waits before it ends."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting, self.go_on = threading.Event(), threading.Event()
        self._chunks = [b"x" * 2_000_000]

    def read(self, size: int | None = -1, /) -> bytes:
        if self._chunks:
            return self._chunks.pop()
        self.waiting.set()
        self.go_on.wait(60)
        return b""


def test_an_object_appears_whole_or_not_at_all(local_store: LocalStore) -> None:
    stream = HeldStream()
    writer = threading.Thread(target=local_store.put, args=(KEY, stream))
    writer.start()
    try:
        assert stream.waiting.wait(60)
        assert list(local_store.list("")) == []
        assert not local_store.local_path(KEY).exists()
    finally:
        stream.go_on.set()
        writer.join(60)
    wait_until(lambda: list(local_store.list("")) == [KEY])
    assert local_store.stat(KEY).size == 2_000_000


def test_no_link_leads_out_of_the_folder(local_store: LocalStore, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.png").write_bytes(b"secret")
    folder = local_store.local_path("projects/x").parent
    folder.mkdir(parents=True)
    (folder / "link").symlink_to(outside)
    (folder / "file.png").symlink_to(outside / "secret.png")
    for key in ("projects/link/secret.png", "projects/file.png"):
        with pytest.raises(Forbidden):
            local_store.open(key)
        with pytest.raises(Forbidden):
            local_store.put(key, io.BytesIO(b"overwritten"))
    assert (outside / "secret.png").read_bytes() == b"secret"
    assert list(local_store.list("")) == []


def test_empty_folders_go_with_their_last_object(local_store: LocalStore) -> None:
    local_store.put(KEY, io.BytesIO(b"x"))
    top = local_store.local_path("projects")
    local_store.remove(KEY)
    assert not top.exists()


def test_a_folder_that_goes_while_it_is_listed_is_passed_over(
    local_store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key in ("projects/a/1.png", "projects/b/1.png"):
        local_store.put(key, io.BytesIO(b"x"))
    scandir = os.scandir

    def late(path: Path | str) -> os._ScandirIterator[str]:
        if Path(path).name == "a":
            local_store.remove("projects/a/1.png")
        return scandir(str(path))

    monkeypatch.setattr(os, "scandir", late)
    assert list(local_store.list("")) == ["projects/b/1.png"]
    assert list(local_store.list("projects/b/1.png/")) == []


def test_an_object_put_there_by_hand_is_served_without_a_hash(local_store: LocalStore) -> None:
    path = local_store.local_path("music/9.mp3")
    path.parent.mkdir()
    path.write_bytes(b"abc")
    info = local_store.stat("music/9.mp3")
    assert (info.size, info.content_type, info.sha256) == (3, "audio/mpeg", "")


def test_a_description_that_does_not_fit_the_bytes_is_not_believed(local_store: LocalStore) -> None:
    local_store.put(KEY, io.BytesIO(b"x" * 10))
    local_store.local_path(KEY).write_bytes(b"replaced by hand")
    assert local_store.stat(KEY).sha256 == ""


def test_keys_that_look_like_descriptions_do_not_collide(local_store: LocalStore) -> None:
    for key in ("a", "a.json", "a.info", "b/a"):
        local_store.put(key, io.BytesIO(key.encode()))
    assert [local_store.stat(key).size for key in ("a", "a.json", "a.info", "b/a")] == [1, 6, 6, 3]


def test_what_a_killed_writer_left_is_thrown_away_and_a_running_one_is_not(
    local_store: LocalStore, tmp_path: Path
) -> None:
    incoming = tmp_path / "assets" / "incoming"
    (incoming / "abandoned").write_bytes(b"x")
    (incoming / "running").write_bytes(b"x")
    old = time.time() - ABANDONED_AFTER_S - 60
    os.utime(incoming / "abandoned", (old, old))
    local_store.check()
    assert [path.name for path in incoming.iterdir()] == ["running"]


def test_a_folder_that_cannot_be_made_is_storage_that_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageUnavailable):
        LocalStore(tmp_path / "file" / "assets", "secret").check()


def test_objects_lie_in_the_folder_under_their_keys(local_store: LocalStore, tmp_path: Path) -> None:
    local_store.put(KEY, io.BytesIO(b"x"))
    assert (tmp_path / "assets" / "objects" / KEY).read_bytes() == b"x"
