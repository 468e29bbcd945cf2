"""What we write is nobody else's: this process's umask, and the user's own for what is written for the user."""

from __future__ import annotations

import os
from itertools import takewhile
from pathlib import Path

PRIVATE = 0o077
_users_own: list[int] = []  # the umask that this process was started with, once it has been changed


def restrict() -> None:
    """Let nothing that this process and its children write be read by anybody else. Call it before there are threads."""
    before = os.umask(PRIVATE)
    if not _users_own:
        _users_own.append(before)


def give_to_user(path: Path) -> None:
    """Let others have of a file or a folder what the user's own umask lets them have."""
    if _users_own:
        path.chmod((0o777 if path.is_dir() else 0o666) & ~_users_own[0])


def make_folder(folder: Path) -> list[Path]:
    """Make a folder with those above it; returns those that were missing, the highest first."""
    missing = list(takewhile(lambda each: not each.exists(), (folder, *folder.parents)))[::-1]
    folder.mkdir(parents=True, exist_ok=True)
    return missing
