"""The cache between films, the work folder of one film, and the places on a host."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path
from typing import IO, Any

import pytest

from service.film.cache import MAKING, WRITING_S, Cache, acquire_slot, code_digest, take, work_folder
from tests.support.wait import wait_until

DAY = 86400.0


def _put(cache: Cache, key: str, size: int, age_s: float, now: float = 1e9) -> Path:
    path = cache.path(key, ".mp4")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)
    os.utime(path, (now - age_s, now - age_s))
    return path


def test_what_nobody_used_for_long_is_deleted(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    old, young = _put(cache, "aa", 10, 15 * DAY), _put(cache, "bb", 10, DAY)
    assert cache.prune(1 << 30, 14 * DAY, now=1e9) == 1
    assert not old.exists()
    assert young.exists()


def test_over_the_size_the_least_recently_used_goes_first(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    parts = [_put(cache, f"{n:02x}", 100, n * 60.0) for n in range(5)]
    cache.prune(250, 14 * DAY, now=1e9)
    assert [part.exists() for part in parts] == [True, True, False, False, False]


def test_a_part_that_was_looked_for_is_young_again(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    _put(cache, "aa", 10, 0, now=1.0)
    found = cache.find("aa", ".mp4")
    assert found is not None
    cache.prune(1 << 30, DAY)
    assert found.exists()


def test_an_empty_file_is_not_a_part(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    _put(cache, "aa", 0, 0)
    assert cache.find("aa", ".mp4") is None
    assert cache.find("bb", ".mp4") is None


def test_a_part_in_use_stays_when_others_prune(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache")
    take(_put(cache, "aa", 10, 0, now=1.0), tmp_path / "mine.mp4")
    cache.prune(0, DAY)
    assert (tmp_path / "mine.mp4").read_bytes() == b"x" * 10


def test_pruning_leaves_work_folders_and_locks_alone(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    with work_folder(tmp_path) as folder, contextlib.ExitStack() as slot:
        acquire_slot(tmp_path, 1, slot)
        (folder / "a.part").write_bytes(b"x" * 100)
        cache.prune(0, 0)
        assert (folder / "a.part").exists()
        assert list((tmp_path / "slots").iterdir())


def test_a_work_folder_is_gone_afterwards_also_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), work_folder(tmp_path) as folder:
        (folder / "missing").read_text()
    assert not folder.exists()


def test_a_work_folder_whose_lock_cannot_be_opened_just_now_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Path.open

    def open_(path: Path, mode: str = "r", *arguments: Any, **options: Any) -> Any:
        if mode == "r+":
            raise OSError(errno.EMFILE, "Too many open files")
        return real(path, mode, *arguments, **options)

    with work_folder(tmp_path) as living:
        monkeypatch.setattr(Path, "open", open_)
        with work_folder(tmp_path) as other:
            assert living.is_dir()
            assert other.is_dir()


def test_the_work_folder_of_a_killed_film_is_cleared_away_but_not_of_a_living_one(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from service.film.cache import work_folder\n"
        "with work_folder(Path(sys.argv[1])) as folder:\n"
        "    print(folder, flush=True); time.sleep(600)\n"
    )
    root = Path(__file__).parents[3]
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], cwd=root, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        theirs = Path(other.stdout.readline().strip())
        with work_folder(tmp_path):
            assert theirs.is_dir(), "its owner lives"
        other.kill()
        other.wait()
    with work_folder(tmp_path):
        assert not theirs.exists()


def test_a_host_makes_no_more_films_at_once_than_it_may(tmp_path: Path) -> None:
    with contextlib.ExitStack() as other, contextlib.ExitStack() as mine:
        assert acquire_slot(tmp_path, 1, other)
        assert not acquire_slot(tmp_path, 1, mine)
        assert acquire_slot(tmp_path, 2, mine)
        other.close()
        assert acquire_slot(tmp_path, 1, mine)


def test_a_film_gets_its_work_folder_whoever_holds_a_lock(tmp_path: Path) -> None:
    """Of a process that is stopped, say: the worker that waited for it would be missing."""
    code = (
        "import fcntl, sys, time\n"
        "locks = [open(path, 'w') for path in sys.argv[1:]]\n"
        "[fcntl.flock(lock, fcntl.LOCK_EX) for lock in locks]\n"
        "print('held', flush=True); time.sleep(600)\n"
    )
    with work_folder(tmp_path) as first:
        (tmp_path / "work" / "dead").mkdir()
        (tmp_path / "work" / "dead" / "owner.lock").touch()
        names = [tmp_path / "work" / "all.lock", tmp_path / "work" / "dead" / "owner.lock"]
        with subprocess.Popen([sys.executable, "-c", code, *names], stdout=subprocess.PIPE, text=True) as other:
            assert other.stdout is not None
            assert other.stdout.readline() == "held\n"
            entered = threading.Event()

            def enter() -> None:
                with work_folder(tmp_path):
                    entered.set()

            threading.Thread(target=enter, daemon=True).start()
            try:
                wait_until(entered.is_set, timeout=30)
            finally:
                other.kill()
        assert first.is_dir()


def test_what_a_film_left_that_died_while_it_made_its_folder_goes_in_time(tmp_path: Path) -> None:
    for name, age_s in (("just now", 0.0), ("long ago", WRITING_S + 60)):
        folder = tmp_path / "making" / name
        folder.mkdir(parents=True)
        (folder / "owner.lock").touch()
        os.utime(folder, (time.time() - age_s,) * 2)
    with work_folder(tmp_path):
        assert [path.name for path in (tmp_path / "making").iterdir()] == ["just now"]


def test_what_is_being_written_stays_and_what_a_dead_process_left_goes(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    for name in ("new.part", "old.part"):
        (tmp_path / name).write_bytes(b"x")
    now = time.time()
    os.utime(tmp_path / "old.part", (now - 2 * WRITING_S, now - 2 * WRITING_S))
    cache.prune(0, DAY)
    assert [path.name for path in tmp_path.iterdir()] == ["new.part"]


def test_the_code_s_hash_changes_with_every_file_of_its_folders_and_with_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.film.cache.FILM", tmp_path)
    for name in ("a/one.py", "a/deep/two.py", "b/three.py", "c/four.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    look = partial(code_digest.__wrapped__, "a", "b")
    seen = [look()]
    (tmp_path / "c/four.py").write_text("other")
    assert look() == seen[0]
    (tmp_path / "a/deep/two.py").write_text("other")
    seen.append(look())
    (tmp_path / "b/new.py").write_text("")
    seen.append(look())
    (tmp_path / "b/new.py").rename(tmp_path / "b/newer.py")
    seen.append(look())
    assert len(set(seen)) == len(seen)


def test_a_work_folder_that_a_full_disk_stops_in_the_making_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_self: Path, _target: Path) -> Path:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    locks: list[IO[str]] = []
    flock = fcntl.flock

    def noted(lock: IO[str], how: int) -> None:
        locks.append(lock)
        flock(lock, how)

    monkeypatch.setattr(fcntl, "flock", noted)
    monkeypatch.setattr(Path, "rename", full)
    with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)), work_folder(tmp_path):
        pytest.fail("there is none")
    assert not list((tmp_path / MAKING).iterdir())
    assert [lock.closed for lock in locks] == [True]
