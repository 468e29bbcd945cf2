"""Fetching stored assets to local files: in parallel, streamed, checked against the hash taken when they were stored."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from service.context import Services
from service.errors import DependencyError, ObjectNotFound, StorageError
from service.oss import links

log = logging.getLogger(__name__)

TRIES = 3
PARALLEL = 4
CHUNK = 1 << 20  # bytes
MAX_BYTES = 512 << 20  # of one asset


class _Spoilt(StorageError):
    """The bytes are not those that were stored, or too many."""


def fetch(
    services: Services, wanted: Mapping[str, str], folder: Path, check: Callable[[], None]
) -> tuple[dict[str, Path], dict[str, str]]:
    """Fetch `wanted` (name → what a row stores) into `folder`.

    Returns the files by name and, for what could not be had, the reason by name (Chinese). Only our own store is read: a row that holds
    another address counts as missing. `check` is called between chunks and may raise to stop. Raises `DependencyError` when storage does
    not answer three times in a row.
    """
    with ThreadPoolExecutor(PARALLEL, thread_name_prefix="fetch") as pool:
        futures = {
            name: pool.submit(_fetch_one, services, stored, folder / f"{number}{Path(stored).suffix[:8]}", check)
            for number, (name, stored) in enumerate(wanted.items())
        }
        results = {name: future.result() for name, future in futures.items()}
    files = {name: result for name, result in results.items() if isinstance(result, Path)}
    return files, {name: result for name, result in results.items() if isinstance(result, str)}


def _fetch_one(services: Services, stored: str, path: Path, check: Callable[[], None]) -> Path | str:
    key = links.key_of(stored, services.settings.minio.bucket)
    if key is None:
        return "不在本服务的存储中"
    for attempt in range(1, TRIES + 1):
        try:
            _download(services, key, path, check)
            return path
        except ObjectNotFound:
            return "文件已不存在"
        except _Spoilt as error:
            log.warning("fetching %s, try %d of %d: %s", key, attempt, TRIES, error)
        except DependencyError:
            if attempt == TRIES:
                raise
    return "文件内容与存储时不一致"


def _download(services: Services, key: str, path: Path, check: Callable[[], None]) -> None:
    expected = services.store.stat(key).sha256
    digest, size = hashlib.sha256(), 0
    stream = services.store.open(key)
    try:
        with path.open("wb") as file:
            while chunk := stream.read(CHUNK):
                check()
                size += len(chunk)
                if size > MAX_BYTES:
                    raise _Spoilt(f"larger than {MAX_BYTES} bytes")
                digest.update(chunk)
                file.write(chunk)
    finally:
        stream.close()
    if expected and digest.hexdigest() != expected:
        raise _Spoilt("hash differs")
