"""Nobody but the server's user reads what a story and its film leave in `data_dir`; a group that is set reads the assets alone."""

from __future__ import annotations

import os
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.client import Client
from tests.integration.runtime.test_data_dir import group, rights
from tests.support.server_process import ServerUnderTest

SETTINGS: dict[str, object] = {"film.resolution": "128x72", "film.fps": 5}


def loose(top: Path) -> dict[str, str]:
    """What under a folder, and the folder itself, is not its user's alone."""
    return {
        str(path): rights(path)
        for path in (top, *top.rglob("*"))
        if not path.is_symlink() and stat.S_IMODE(path.lstat().st_mode) & 0o077
    }


def read_as(path: Path, user: int, gid: int) -> bool:
    """Whether somebody else, in this group, can read a file."""
    done = subprocess.run(["cat", path], user=user, group=gid, extra_groups=[], capture_output=True, check=False)
    return done.returncode == 0


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that others may pass through, which pytest's own is not."""
    with tempfile.TemporaryDirectory(prefix="s2v-test-") as made:
        Path(made).chmod(0o711)
        yield Path(made)


def test_a_story_and_its_film_leave_nothing_that_others_can_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    temporary, exports = folder / "temporary", folder / "exports" / "films"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    os.umask(0o022)
    data = folder / "data"
    with ServerUnderTest(folder, {**SETTINGS, "film.local_export": exports}) as server:
        client = Client([server.url], folder)
        created = client.create("猫", "小猫出门了。", 1)
        client.wait(created["text_task_id"])
        client.film(created["project_id"], export="local")
        assert loose(data) == {}
        assert any(temporary.rglob("redis.sock"))
        assert loose(temporary).keys() <= {str(temporary)}
        assert {path.name for path in data.iterdir()} >= {"assets", "cache", "node", "secret", "storytovideo.db-wal"}
    [film] = exports.iterdir()
    assert (rights(film), rights(exports), rights(exports.parent)) == ("644", "755", "755")

    for path in (data, *data.rglob("*")):
        path.chmod(0o777 if path.is_dir() else 0o666)
    with ServerUnderTest(folder, {**SETTINGS, "server.assets_group": group()}) as server:
        client = Client([server.url], folder)
        client.film(created["project_id"])
        objects = data / "assets" / "objects"
        allowed = {data, objects.parent, objects, *objects.rglob("*")}
        assert loose(data).keys() == {str(path) for path in allowed}
        assert len(list(objects.rglob("*.mp4"))) == 2
        for path in allowed - {data}:
            assert rights(path) == ("750" if path.is_dir() else "640"), path
        assert {path.stat().st_gid for path in allowed} == {group()}
        assert rights(data) == "710"
    if os.geteuid() == 0:
        _only_the_group_reads(data)


def _only_the_group_reads(data: Path) -> None:
    [image] = (data / "assets" / "objects").rglob("*.png")
    assert read_as(image, 54_000, group())
    assert not read_as(image, 54_000, group() + 1)
    for path in (data / "storytovideo.db", data / "secret", next((data / "assets" / "info").rglob("*~"))):
        assert not read_as(path, 54_000, group()), path
