"""How new what is shown of a project is: a table of versions that all processes of this host share, for whoever keeps what it has read.

A write marks the slots of its projects in flight before it commits, and gives them a new version after. What was read of a project may be
kept where its slot is not in flight now and was given its version before the read began (`settled`); it may be used as long as the slot
still has that version, and is not in flight (`holds`). So what began after a commit never sees what was before it.

A version is a time of the clock that all processes of a host share, so that no process adds to what another one wrote. Each process marks
in a byte of its own in every slot. One that was killed leaves marks: whoever comes next, or looks for them (`sweep`), gives those slots new
versions and takes the marks away.
"""

from __future__ import annotations

import fcntl
import logging
import mmap
import os
import threading
import time
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

log = logging.getLogger(__name__)

NAME = "storytovideo.versions"  # begins like the database's file: `data_dir` closes it to others
PROCESSES = 128  # that mark what they write; a further one gives new versions before its commit and after it
SLOTS = 16384  # several projects may share one: a write of one then counts for the others, too
TASKS = SLOTS // 2  # from here on those of projects' tasks
ACCOUNTS = 0  # the slot of accounts, logins and keys
EVERYTHING = range(SLOTS)
MARKS = SLOTS * 8  # where they begin, behind the versions
SIZE = MARKS + SLOTS * PROCESSES
NO_MARKS = bytes(PROCESSES)
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")

Slots = Iterable[int]


def slot_of(project_id: str) -> int:
    """The slot of all that is shown of a project, the same on every host."""
    return 1 + _number(project_id) % (TASKS - 1)


def task_slot_of(project_id: str) -> int:
    """The slot of what is shown of its tasks alone: a change of shots, films or the cast is no news for these."""
    return TASKS + _number(project_id) % TASKS


def _number(project_id: str) -> int:
    return zlib.crc32(project_id.encode("utf-8", "replace"))


class RowVersions:
    """The table in `folder`. A host has its own where several share the folder, and begins anew when it starts."""

    def __init__(self, folder: Path, boot: str) -> None:
        self._base = folder / f"{NAME}.{boot}"
        for path in folder.glob(f"{NAME}.*"):
            if not path.name.startswith(self._base.name):
                path.unlink(missing_ok=True)
        descriptor = os.open(self._base, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            # Its room is taken at once: where a disk is full, the first write to a page that has none kills the process.
            os.posix_fallocate(descriptor, 0, SIZE)
            self._map = mmap.mmap(descriptor, SIZE)
        finally:
            os.close(descriptor)
        self._view = memoryview(self._map)
        self._versions = self._view[:MARKS].cast("Q")
        self._lock = threading.Lock()
        self._last = 0
        self.sweep()
        self._place, self._place_file = self._take_place()

    @classmethod
    def open(cls, folder: Path) -> RowVersions | None:
        """The table in this folder; None where there can be none, and nothing is to be kept by whoever reads."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
            return cls(folder, BOOT_ID.read_text()[:8])
        except OSError as error:
            log.warning(
                "what is read is not kept, and others on this host see what is written five minutes late: %s", error
            )
            return None

    def holds(self, slot: int, version: int) -> bool:
        """Whether what was kept at this version may still be used."""
        at = MARKS + slot * PROCESSES
        # The marks first: a writer takes its own away after the version is written.
        return self._map[at : at + PROCESSES] == NO_MARKS and self._versions[slot] == version

    def settled(self, slot: int, began: int) -> int | None:
        """The version to keep something at that was read since `began`; None where it may be old already."""
        at = MARKS + slot * PROCESSES
        if self._map[at : at + PROCESSES] != NO_MARKS:
            return None
        version = self._versions[slot]
        return version if version < began else None

    @contextmanager
    def changing(self, slots: Slots) -> Iterator[None]:
        """Commit in this block. However it ends, the slots have new versions after: a commit that failed may have come through."""
        if self._place is None:
            self.renew(slots)
        self._mark(slots, 1)
        try:
            yield
        finally:
            self.renew(slots)
            self._mark(slots, -1)

    def renew(self, slots: Slots) -> None:
        """Give the slots a new version."""
        with self._lock:
            self._last = version = max(self._last + 1, now())
            for slot in slots:
                self._versions[slot] = version

    def _mark(self, slots: Slots, by: int) -> None:
        place = self._place
        if place is None:
            return
        with self._lock:  # for the threads of this process, which share its byte
            for slot in slots:
                at = MARKS + slot * PROCESSES + place
                self._map[at] = min(255, self._map[at] + by)

    def sweep(self) -> None:
        """Take away the marks of processes that have died."""
        for path in self._base.parent.glob(f"{self._base.name}.*"):
            with suppress(OSError, ValueError):
                descriptor = _locked(path)
                if descriptor is not None:
                    self._clean(int(path.suffix[1:]))
                    os.close(descriptor)

    def _take_place(self) -> tuple[int | None, int]:
        """A byte of each slot, ours as long as the file of its number is locked by us."""
        for place in range(PROCESSES):
            descriptor = _locked(Path(f"{self._base}.{place}"))
            if descriptor is not None:
                self._clean(place)
                return place, descriptor
        return None, -1

    def _clean(self, place: int) -> None:
        marks = self._map[MARKS + place :: PROCESSES]
        if not marks.strip(b"\0"):
            return
        for slot, mark in enumerate(marks):
            if mark:
                self.renew([slot])
                self._map[MARKS + slot * PROCESSES + place] = 0

    def close(self) -> None:
        """Give the place back."""
        if self._place is not None:
            os.close(self._place_file)
        self._versions.release()
        self._view.release()
        self._map.close()


def now() -> int:
    """Nanoseconds of the clock that all processes of this host share."""
    return time.monotonic_ns()


def _locked(path: Path) -> int | None:
    """The file, locked by us until it is closed; None where another process has it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor
