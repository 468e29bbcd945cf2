"""SHA-256, taken in pieces: of a stream while it is copied, and of files."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import IO

CHUNK = 1 << 20  # bytes


def copy_hashing(
    source: IO[bytes],
    target: IO[bytes] | None,
    *,
    check: Callable[[], None] | None = None,
    limit: int | None = None,
) -> tuple[int, str]:
    """Copy what is left of the source; returns its size in bytes and its SHA-256 in hex.

    Without a target nothing is written. `check` is called for every piece and may raise to stop. Of a source of more than `limit` bytes a
    piece beyond the limit is read at most, so that the size tells.
    """
    digest, size = hashlib.sha256(), 0
    while (limit is None or size <= limit) and (chunk := source.read(CHUNK)):
        if check is not None:
            check()
        digest.update(chunk)
        size += len(chunk)
        if target is not None:
            target.write(chunk)
    return size, digest.hexdigest()


def measure(source: IO[bytes]) -> tuple[int, str]:
    """The size in bytes and the SHA-256 in hex of what is left of the source; afterwards it stands where it stood."""
    start = source.tell()
    measured = copy_hashing(source, None)
    source.seek(start)
    return measured


def file_digest(path: Path, check: Callable[[], None] | None = None) -> str:
    """SHA-256 of a file, in hex. `check` is called for every piece and may raise to stop. Raises OSError."""
    with path.open("rb") as file:
        return copy_hashing(file, None, check=check)[1]
