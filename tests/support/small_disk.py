"""A disk that a test may fill: a tmpfs of its own where this user may mount one, elsewhere a limit on what processes may write.

The limit (of a file's size, down to nothing) is set on running processes, and holds for every folder of theirs.
"""

from __future__ import annotations

import itertools
import os
import resource
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

REDIS = (
    "valkey-server",
    "redis-server",
)  # which a line of their log would kill under the limit; they keep nothing on the disk
FILL = 1 << 16  # bytes


class SmallDisk:
    """`folder` lies on it. `mounted` says whether the folder alone can be full, or all that the processes write."""

    def __init__(self, folder: Path, mounted: bool) -> None:
        self.folder = folder
        self.mounted = mounted
        self._filler = folder / "filler"

    def fill(self, processes: Iterable[psutil.Process]) -> None:
        """Leave no room for what these processes write."""
        if not self.mounted:
            _limit(processes, 0)
            return
        with self._filler.open("ab", buffering=0) as file:
            for size in (FILL, 1):  # to the last byte
                try:
                    while file.write(bytes(size)) == size:
                        continue
                except OSError:
                    continue

    def free(self, processes: Iterable[psutil.Process]) -> None:
        """Make room again."""
        if not self.mounted:
            _limit(processes, resource.RLIM_INFINITY)
            return
        self._filler.unlink()

    @contextmanager
    def without_names(self) -> Iterator[None]:
        """Room for bytes and none for another file while the block runs; only where it is `mounted`."""
        folder = self.folder / "names"
        folder.mkdir()
        try:
            for number in itertools.count():
                (folder / str(number)).touch()
        except OSError:
            yield
        finally:
            shutil.rmtree(folder)

    @contextmanager
    def full(self, processes: Iterable[psutil.Process]) -> Iterator[None]:
        """Full while the block runs."""
        self.fill(processes)
        try:
            yield
        finally:
            self.free(processes)


def _limit(processes: Iterable[psutil.Process], size: int) -> None:
    for process in processes:
        try:
            if process.name() not in REDIS:
                _, hard = process.rlimit(psutil.RLIMIT_FSIZE)
                process.rlimit(psutil.RLIMIT_FSIZE, (size if hard == resource.RLIM_INFINITY else min(size, hard), hard))
        except psutil.NoSuchProcess:  # it ended between the two looks
            continue


@contextmanager
def small_disk(folder: Path, megabytes: int, files: int = 0) -> Iterator[SmallDisk]:
    """A disk of this size, for so many files if that is bounded, at `folder`, which is made; without it afterwards."""
    folder.mkdir()
    options = f"size={megabytes}m,nr_inodes={files},mode=0755,uid={os.getuid()},gid={os.getgid()}"
    mounting = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], capture_output=True, check=False
    )
    try:
        yield SmallDisk(folder, mounting.returncode == 0)
    finally:
        if mounting.returncode == 0:
            subprocess.run(["umount", "--lazy", folder], check=True)
