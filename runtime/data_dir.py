"""`data_dir` is the server's alone. A group may be let in to the assets, for a proxy that serves them; to nothing else.

What an older version left open to others is closed at the start. Links are not followed, and what another user or another program has put
into the folder is left alone.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from common.errors import DependencyError
from common.private_files import restrict
from config.addresses import parse_group
from config.settings import Settings

# What is ours in the folder, and its beginnings (of a database file and the files beside it, of a secret in the making). Named here: to
# import those who write it would hold up the embedded parts, which start after this.
FOLDERS = ("assets", "cache", "node", "films", "demo")
FILES = ("storytovideo.", "secret")
SHARED = Path("assets", "objects")  # what the group may read
OPEN_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def protect(settings: Settings) -> None:
    """Make `data_dir` where it is missing, and close it and what is in it to others; from here on nothing is written that is open to them.

    Raises `DependencyError` where this user may not let `server.assets_group` in.
    """
    restrict()
    name = "" if settings.minio.endpoint else settings.server.assets_group
    group = parse_group(name) if name else None
    folder = settings.data_dir.resolve()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not folder.stat().st_mode & stat.S_ISVTX:  # /tmp, say, is not ours to close
            _close(folder, 0o710 if group is not None else 0o700, group)
        for path in _ours(folder):
            shared = group is not None and _is_shared(path.relative_to(folder))
            _close(path, None, group if shared else None)
    except PermissionError as error:
        if group is None:
            return  # who needs the folder says so
        raise DependencyError(
            f"server.assets_group: this user may not give files to the group {name} ({error}); add the user to it"
        ) from error
    except OSError:
        return  # the same


def _ours(folder: Path) -> Iterator[Path]:
    for entry in sorted(folder.iterdir()):
        if entry.name.startswith(FILES) and not entry.is_dir():
            yield entry
        elif entry.name in FOLDERS and not entry.is_symlink():
            yield entry
            for above, folders, names in os.walk(entry):  # which follows no links
                yield from (Path(above, name) for name in (*folders, *names))


def _is_shared(path: Path) -> bool:
    return path == SHARED.parent or path.is_relative_to(SHARED)


def _close(path: Path, mode: int | None, group: int | None) -> None:
    """Set the rights of a file or folder of this user: `mode`, or what its kind has. Raises OSError where that is refused."""
    try:
        if not _wrong(path.lstat(), mode, group):
            return
        descriptor = os.open(path, OPEN_FLAGS)
    except OSError:  # a link, or a socket; or it is gone by now
        return
    try:
        found = os.fstat(descriptor)
        if not _wrong(found, mode, group):
            return
        if group is not None and found.st_gid != group:
            os.fchown(descriptor, -1, group)  # before the group may do anything
        os.fchmod(descriptor, _wanted(found, mode, group))
    finally:
        os.close(descriptor)


def _wanted(found: os.stat_result, mode: int | None, group: int | None) -> int:
    if mode is not None:
        return mode
    if group is None:
        return found.st_mode & 0o700
    return 0o750 if stat.S_ISDIR(found.st_mode) else 0o640


def _wrong(found: os.stat_result, mode: int | None, group: int | None) -> bool:
    """Whether its rights are to be set: it is a file or a folder of this user, and has others."""
    ours = found.st_uid == os.geteuid() and (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode))
    right = stat.S_IMODE(found.st_mode) == _wanted(found, mode, group) and group in (None, found.st_gid)
    return ours and not right
