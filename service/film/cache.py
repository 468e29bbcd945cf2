"""What is kept between films: segments and other parts by their content hash, bounded by size and age; and a film's own work folder."""

from __future__ import annotations

import contextlib
import fcntl
import functools
import hashlib
import os
import shutil
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import IO

WRITING_S = 3600.0  # a part file older than this is an orphan of a process that died
PARTS, WORK, MAKING, SLOTS = "parts", "work", "making", "slots"
OWNER = "owner.lock"
FILM = Path(__file__).parent


class Cache:
    """Files by key below `root/parts`. Everything is written elsewhere and moved here whole, so what is here is complete."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, key: str, suffix: str) -> Path:
        """Where the part of this key lies, or would."""
        return self.root / PARTS / key[:2] / f"{key}{suffix}"

    def find(self, key: str, suffix: str) -> Path | None:
        """The part, if it is there; looking makes it young again."""
        path = self.path(key, suffix)
        try:
            if path.stat().st_size == 0:  # a machine that lost power may keep a name without the bytes
                return None
            os.utime(path)
        except OSError:
            return None
        return path

    def drop(self, key: str, suffix: str) -> None:
        """Forget a part."""
        self.path(key, suffix).unlink(missing_ok=True)

    def old(self, max_age_s: float) -> tuple[int, int]:
        """How many files were not used for so many seconds, and their bytes."""
        now, count, size = time.time(), 0, 0
        for path in self._files():
            with contextlib.suppress(OSError):
                stat = path.stat()
                if now - stat.st_mtime > max_age_s:
                    count, size = count + 1, size + stat.st_size
        return count, size

    def prune(self, max_bytes: int, max_age_s: float, now: float | None = None) -> int:
        """Evict what was not used for `max_age_s` seconds, then the least recently used until `max_bytes` hold. Returns the count."""
        now = time.time() if now is None else now
        known = []
        for path in self._files():
            with contextlib.suppress(OSError):  # another film prunes too
                stat = path.stat()
                if path.suffix == ".part" and now - stat.st_mtime < WRITING_S:
                    continue  # somebody is writing it
                known.append((stat.st_mtime, stat.st_size, path))
        known.sort(key=lambda entry: (entry[0], str(entry[2])))
        size = sum(entry[1] for entry in known)
        deleted = 0
        for used, length, path in known:
            if size <= max_bytes and now - used <= max_age_s:
                break
            with contextlib.suppress(OSError):
                path.unlink()
                deleted += 1
            size -= length
        return deleted

    def _files(self) -> Iterator[Path]:
        """All that is kept. Unlike `rglob`, `walk` does not mind folders that another film takes away meanwhile."""
        for folder, folders, names in os.walk(self.root):
            if Path(folder) == self.root:
                folders[:] = [name for name in folders if name not in (WORK, MAKING, SLOTS)]
            yield from (Path(folder) / name for name in names)


def take(part: Path, target: Path) -> None:
    """Give a part a second name, so that it stays while others prune; a copy where the file system has no hard links."""
    target.unlink(missing_ok=True)
    try:
        os.link(part, target)
    except OSError:
        shutil.copyfile(part, target)


@contextlib.contextmanager
def work_folder(root: Path) -> Iterator[Path]:
    """A folder for one film, gone afterwards. Orphans, whose lock is free since their owner died, are deleted.

    Nobody waits here: whoever holds a lock may be stopped, and this is done by a worker that others need.
    """
    for name in (WORK, MAKING):
        (root / name).mkdir(parents=True, exist_ok=True)
    for orphan in _orphans(root):
        shutil.rmtree(orphan, ignore_errors=True)
    folder, lock = _locked_folder(root)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        lock.close()


def _locked_folder(root: Path) -> tuple[Path, IO[str]]:
    """A new work folder and its lock, held. It is made elsewhere and moved to its place, so that nobody finds it there without an owner."""
    name = uuid.uuid4().hex
    made = root / MAKING / name
    with contextlib.ExitStack() as undone:
        undone.callback(shutil.rmtree, made, ignore_errors=True)
        made.mkdir()
        lock = undone.enter_context((made / OWNER).open("w"))
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # nobody else knows it
        placed = made.rename(root / WORK / name)
        undone.pop_all()  # a full disk may have stopped it before
    return placed, lock


def _orphans(root: Path) -> Iterator[Path]:
    """The folders whose owner died; one that is just being made has no owner yet."""
    yield from (folder for folder in (root / WORK).iterdir() if folder.is_dir() and _abandoned(folder))
    for folder in (root / MAKING).iterdir():
        with contextlib.suppress(OSError):  # it was moved to its place
            if time.time() - folder.stat().st_mtime > WRITING_S and _abandoned(folder):
                yield folder


def _abandoned(folder: Path) -> bool:
    try:
        with (folder / OWNER).open("r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return True
    except OSError:  # it is locked, or cannot be asked just now: too many open files, say
        return False
    return True


@functools.cache
def code_digest(*rooms: str) -> str:
    """A hash of all code in these folders of the film: what other code has made is not to be found again."""
    digest = hashlib.sha256()
    for path in sorted(path for room in rooms for path in (FILM / room).rglob("*.py")):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(FILM).as_posix()} {len(content)}\n".encode() + content)
    return digest.hexdigest()


def acquire_slot(root: Path, count: int, stack: contextlib.ExitStack) -> bool:
    """Acquire one of the `count` slots of all processes that share `root`, or return False at once; `stack` releases it."""
    folder = root / SLOTS
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        lock = (folder / f"{number}.lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            continue
        stack.callback(lock.close)
        return True
    return False
