"""Copying a stream of unknown length in pieces, with its hash taken on the way."""

from __future__ import annotations

import hashlib
from typing import IO

CHUNK = 1 << 20  # bytes


def copy_hashing(source: IO[bytes], target: IO[bytes]) -> tuple[int, str]:
    """Copy what is left of the source; returns its size in bytes and its SHA-256 in hex."""
    digest, size = hashlib.sha256(), 0
    while chunk := source.read(CHUNK):
        digest.update(chunk)
        size += len(chunk)
        target.write(chunk)
    return size, digest.hexdigest()


def measure(source: IO[bytes]) -> tuple[int, str]:
    """The size in bytes and the SHA-256 in hex of what is left of the source; afterwards it stands where it stood."""
    start = source.tell()
    digest, size = hashlib.sha256(), 0
    while chunk := source.read(CHUNK):
        digest.update(chunk)
        size += len(chunk)
    source.seek(start)
    return size, digest.hexdigest()
