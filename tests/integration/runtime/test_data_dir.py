"""Whose the files in `data_dir` are: what an older version left open is closed, and what is not ours is left alone."""

from __future__ import annotations

import io
import os
import stat
from pathlib import Path

import pytest

from common import private_files
from common.secret_file import SECRET_FILE
from config.load import ConfigError, load
from config.settings import MinioSettings, ServerSettings, Settings
from models.bootstrap import FILE_NAME
from runtime import data_dir, demo, stores
from runtime.data_dir import protect
from runtime.embedded import parts
from service.oss.local import LocalStore

KEY = "projects/p1/shots/s1/image-1.png"
OBJECT = f"assets/objects/{KEY}"
FILES = (
    *("storytovideo.db", "storytovideo.db-wal", "storytovideo.db-shm", "storytovideo.lock", "secret", "secret.0a1b"),
    *(
        OBJECT,
        f"assets/info/{KEY}~",
        "assets/lock",
        "cache/film/parts/ab/ab.mp4",
        "node/job/image.png",
        "films/p-1.mp4",
    ),
)


def group() -> int:
    """A group that this user may give files to, and that is not the one which they have anyhow."""
    others = [each for each in os.getgroups() if each != os.getegid()]
    return 54_321 if os.geteuid() == 0 else others[0] if others else os.getegid()


def rights(path: Path) -> str:
    return f"{stat.S_IMODE(path.lstat().st_mode):o}"


@pytest.fixture
def loose(tmp_path: Path) -> Path:
    """A folder of an older version, open to everybody, with something of somebody else in it."""
    folder = tmp_path / "data"
    for name in (*FILES, "notes.txt", "backup/of.sql"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_text("")
    (folder / "cache" / "link").symlink_to(outside / "file")
    (folder / "node" / "link").symlink_to(outside)
    for path in (folder, *folder.rglob("*"), outside, outside / "file"):
        if not path.is_symlink():
            path.chmod(0o777 if path.is_dir() else 0o666)
    return folder


def settings(folder: Path, **server: object) -> Settings:
    return Settings(data_dir=folder, server=ServerSettings.model_validate(server))


def test_what_an_older_version_left_open_is_closed_and_nothing_else(loose: Path, tmp_path: Path) -> None:
    protect(settings(loose))
    assert rights(loose) == "700"
    assert {name: rights(loose / name) for name in FILES} == dict.fromkeys(FILES, "600")
    above = {parent for name in FILES for parent in Path(name).parents if parent != Path()}
    assert {rights(loose / parent) for parent in above} == {"700"}
    untouched = (loose / "notes.txt", loose / "backup/of.sql", tmp_path / "outside/file")
    assert {rights(path) for path in untouched} == {"666"}
    assert rights(tmp_path / "outside") == "777"


def test_a_group_is_let_in_to_the_objects_alone_and_out_again(loose: Path) -> None:
    protect(settings(loose, assets_group=str(group())))
    shared = [Path(OBJECT), *Path(OBJECT).parents[:-2], Path("assets")]
    assert {str(path): rights(loose / path) for path in shared} == {
        str(path): "640" if path == Path(OBJECT) else "750" for path in shared
    }
    assert {(loose / path).stat().st_gid for path in (*shared, Path())} == {group()}
    assert rights(loose) == "710"
    closed = [name for name in FILES if name != OBJECT]
    assert {name: rights(loose / name) for name in closed} == dict.fromkeys(closed, "600")
    protect(settings(loose))
    assert rights(loose) == "700"
    assert rights(loose / OBJECT) == "600"


def test_new_objects_are_the_groups_to_read(tmp_path: Path) -> None:
    chosen = settings(tmp_path / "data", assets_group=str(group()))
    protect(chosen)
    store = stores.open_store(chosen)
    store.check()
    store.put(KEY, io.BytesIO(b"image"))
    assert isinstance(store, LocalStore)
    path = store.local_path(KEY)
    assert (rights(path), path.stat().st_gid) == ("640", group())
    for folder in list(path.parents)[: len(Path(OBJECT).parents) - 1]:
        assert (rights(folder), folder.stat().st_gid) == ("750", group()), folder
    assert rights(tmp_path / "data" / "assets" / "info") == "700"
    assert rights(tmp_path / "data") == "710"


def test_a_group_has_no_business_where_minio_holds_the_assets(tmp_path: Path) -> None:
    chosen = settings(tmp_path / "data", assets_group=str(group()))
    protect(chosen.model_copy(update={"minio": MinioSettings(endpoint="127.0.0.1:9")}))
    assert rights(tmp_path / "data") == "700"


def test_a_folder_that_everybody_shares_is_not_closed(tmp_path: Path) -> None:
    shared = tmp_path / "tmp"
    shared.mkdir()
    shared.chmod(0o1777)
    (shared / "secret").write_text("")
    (shared / "secret").chmod(0o644)
    protect(settings(shared))
    assert rights(shared) == "1777"
    assert rights(shared / "secret") == "600"


def test_a_data_dir_that_is_a_link_is_closed_where_it_leads(loose: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(loose)
    protect(settings(tmp_path / "link"))
    assert rights(loose) == "700"


def test_what_is_written_for_the_user_has_the_users_rights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(private_files, "_users_own", [])
    os.umask(0o027)
    private_files.restrict()
    private_files.restrict()  # a second part of the process
    made = private_files.make_folder(tmp_path / "a" / "b")
    assert made == [tmp_path / "a", tmp_path / "a" / "b"]
    assert [rights(folder) for folder in made] == ["700", "700"]
    file = tmp_path / "a" / "b" / "film.mp4"
    file.write_text("")
    assert rights(file) == "600"
    for path in (*made, file):
        private_files.give_to_user(path)
    assert [rights(path) for path in (*made, file)] == ["750", "750", "640"]


def test_the_names_that_are_closed_are_those_that_are_written() -> None:
    assert {stores.ASSETS_FOLDER, parts.NODE_FOLDER, demo.FOLDER} <= set(data_dir.FOLDERS)
    for name in (FILE_NAME, SECRET_FILE):
        assert name.startswith(data_dir.FILES)


def test_a_group_that_is_not_there_is_named() -> None:
    with pytest.raises(
        ConfigError, match=r"server.assets_group: found 'no-such-group', must be the name or the number"
    ):
        load(None, {"S2V_SERVER_ASSETS_GROUP": "no-such-group"})
