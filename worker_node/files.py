"""The output folder: one folder per job, filled out of sight and shown by one rename, so that nobody reads half a file.

`<output>/<job id>/...` holds results, `<output>/.work/<job id>/` work under way. Nothing whose name starts with a dot is served.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import tempfile
import time
from collections.abc import Collection
from pathlib import Path

from worker_node.errors import FULL, FileRefused

MAX_PATH = 1024
LEAST_FREE = 1 << 20  # bytes
INPUT, ANSWERS, REFERENCE = "input", "answers", "reference-"  # in a job's folder, and never served: they have no ending

CONTENT_TYPES = {
    ".json": "application/json",
    ".png": "image/png",
    ".mp3": "audio/mpeg",
    ".wav": "audio/wav",
    ".mp4": "video/mp4",
}

_JOB_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class FolderInUse(Exception):
    """Another node writes to this output folder."""


class OutputFolder:
    """The files of one node. Made with its folder; raises `FolderInUse`."""

    def __init__(self, root: Path) -> None:
        root.mkdir(parents=True, exist_ok=True)
        self.root = root.resolve()
        self._work = self.root / ".work"
        self._lock = os.open(self.root / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            raise FolderInUse(f"{self.root} is in use by another model node") from None
        self._work.mkdir(exist_ok=True)

    def keep_work_of(self, job_ids: Collection[str]) -> None:
        """Remove what a predecessor had under way, but for these jobs."""
        with os.scandir(self._work) as entries:
            for entry in entries:
                if entry.name not in job_ids:
                    shutil.rmtree(entry.path, ignore_errors=True)

    def begin_again(self, job_id: str) -> None:
        """Make a job's folder what it was when the job began, but for the answers that it already has."""
        if (self.root / job_id).is_dir() and not (self._work / job_id).exists():
            (self.root / job_id).rename(self._work / job_id)  # it was killed when all was done but the last note
        with os.scandir(self.work_folder(job_id)) as entries:
            for entry in entries:
                if entry.name in (INPUT, ANSWERS):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    shutil.rmtree(entry.path, ignore_errors=True)
                else:
                    Path(entry.path).unlink(missing_ok=True)

    def work_folder(self, job_id: str) -> Path:
        """Where a job works; made when missing."""
        folder = self._work / job_id
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def publish(self, job_id: str) -> None:
        """Show what the job made. Its input, and the answers that it kept, are not part of that."""
        (self._work / job_id).rename(self.root / job_id)

    def tidy(self, job_id: str) -> None:
        """Remove what a job that ended well does not need any more."""
        (self.root / job_id / INPUT).unlink(missing_ok=True)
        shutil.rmtree(self.root / job_id / ANSWERS, ignore_errors=True)

    def remove(self, job_id: str) -> None:
        """Remove whatever a job left; one that left nothing is no error."""
        shutil.rmtree(self._work / job_id, ignore_errors=True)
        shutil.rmtree(self.root / job_id, ignore_errors=True)

    @property
    def ledger(self) -> Path:
        """The file of the jobs."""
        return self.root / ".jobs.sqlite"

    @property
    def slots(self) -> Path:
        """Where worker processes count their calls."""
        return self._work.with_name(".slots")

    @property
    def samples(self) -> Path:
        """Where the voices' samples are kept."""
        return self.root / ".voices"

    def is_full(self) -> bool:
        """Whether there is no space for as much as a small result."""
        try:
            with tempfile.TemporaryFile(dir=self._work, buffering=0) as file:
                left = LEAST_FREE
                while left > 0:
                    left -= file.write(bytes(left)) or 0
        except OSError as error:
            return error.errno in FULL
        return False

    def strays(self, older_than_s: float) -> list[str]:
        """Names of result folders last touched longer ago than this; no folder of another name is one. Raises `OSError`."""
        oldest = time.time() - older_than_s
        with os.scandir(self.root) as entries:
            return [entry.name for entry in entries if _JOB_ID.fullmatch(entry.name) and _is_old_folder(entry, oldest)]

    def find(self, path: str) -> tuple[Path, str]:
        """The file behind a path that the node reported, and its content type; raises `FileRefused` for any other."""
        if not path or path.startswith("/") or len(path) > MAX_PATH or any(character in path for character in "\0\\"):
            raise FileRefused
        if any(part.startswith(".") for part in path.split("/")):
            raise FileRefused
        try:
            found = (self.root / path).resolve(strict=True)
        except (OSError, ValueError):
            raise FileRefused from None
        if not found.is_relative_to(self.root) or found != self.root / path or not found.is_file():
            raise FileRefused  # outside, or reached by a symbolic link
        if found.suffix not in CONTENT_TYPES:
            raise FileRefused
        return found, CONTENT_TYPES[found.suffix]

    def close(self) -> None:
        """Let go of the folder."""
        os.close(self._lock)


def _is_old_folder(entry: os.DirEntry[str], oldest: float) -> bool:
    try:
        return entry.is_dir(follow_symlinks=False) and entry.stat(follow_symlinks=False).st_mtime < oldest
    except FileNotFoundError:  # removed since it was listed
        return False
