"""Fetching stored assets to local files: in parallel, streamed, checked against the hash taken when they were stored."""

from __future__ import annotations

import logging
import shutil
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from urllib.parse import unquote, urlsplit

from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    stop_after_attempt,
    wait_exponential,
    wait_random,
)

from common.clock import Clock
from common.errors import DependencyError, NotFound, ObjectNotFound, StorageError
from common.hashing import copy_hashing
from common.host_faults import raise_if_ours
from service.assets.legacy_static import PREFIX, static_file
from service.container import Services
from service.oss import links

log = logging.getLogger(__name__)

TRIES = 3
PAUSE_S = 0.5  # before the second try; twice as long before the third; and up to as much again, at random
PARALLEL = 4


class ChecksumMismatch(StorageError):
    """The bytes are not those that were stored."""


class ObjectTooLarge(StorageError):
    """The object is over the limit."""


def fetch(
    services: Services, wanted: Mapping[str, str], folder: Path, check: Callable[[], None]
) -> tuple[dict[str, Path], dict[str, str]]:
    """Fetch `wanted` (name → what a row stores) into `folder`.

    Returns the files by name and, for what could not be had, the reason by name (Chinese). Only our own store is read, and what an older
    backend left in `static/`: a row that holds another address counts as missing, and so does a file over the limits of what is taken
    in (`worker.max_download`, `film.max_music`, `film.max_upload`). `check` is called between chunks and may raise to stop. Raises
    `DependencyError` when storage does not answer three times in a row, and what this machine refuses: neither means that a file is
    missing.
    """
    with ThreadPoolExecutor(PARALLEL, thread_name_prefix="fetch") as pool:
        futures = {
            name: pool.submit(_fetch_one, services, stored, folder / str(number), check)
            for number, (name, stored) in enumerate(wanted.items())
        }
        results = {name: future.result() for name, future in futures.items()}
    files = {name: result for name, result in results.items() if isinstance(result, Path)}
    return files, {name: result for name, result in results.items() if isinstance(result, str)}


def _fetch_one(services: Services, stored: str, path: Path, check: Callable[[], None]) -> Path | str:
    film = services.settings.film
    limit = max(services.settings.worker.max_download, film.max_music, film.max_upload)
    if stored.startswith(PREFIX):
        return _copy_static(stored, path, limit)
    key = links.key_of(stored, services.settings.minio.bucket)
    if key is None:
        return "不在本服务的存储中"
    path = path.with_suffix(Path(key).suffix)
    tries = Retrying(
        retry=retry_if_exception_type((ChecksumMismatch, DependencyError)),
        stop=stop_after_attempt(TRIES),
        wait=wait_exponential(PAUSE_S) + wait_random(0, PAUSE_S),
        sleep=partial(_pause, services.clock),
        after=lambda state: _log_failure(key, state),
        reraise=True,
    )
    try:
        tries(_download, services, key, path, limit, check)
    except ObjectNotFound:
        return "文件已不存在"
    except ObjectTooLarge:
        return _too_large(limit)
    except ChecksumMismatch:
        return "文件内容与存储时不一致"
    return path


def _pause(clock: Clock, seconds: float) -> None:
    clock.wait(threading.Event(), seconds)


def _log_failure(key: str, state: RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    log.warning("fetching %s: attempt %d of %d failed: %s", key, state.attempt_number, TRIES, error)


def _copy_static(stored: str, path: Path, limit: int) -> Path | str:
    try:
        found = static_file(unquote(urlsplit(stored).path.removeprefix(PREFIX)))
        if found.stat().st_size > limit:
            return _too_large(limit)
        return Path(shutil.copyfile(found, path.with_suffix(found.suffix)))
    except (NotFound, OSError) as error:
        raise_if_ours(error)
        log.warning("%s cannot be read: %s", stored, error)
        return "文件已不存在"


def _too_large(limit: int) -> str:
    return f"文件过大，最多 {limit >> 20} MB"


def _download(services: Services, key: str, path: Path, limit: int, check: Callable[[], None]) -> None:
    check()
    info = services.store.stat(key)
    if info.size > limit:
        raise ObjectTooLarge
    stream = services.store.open(key)
    try:
        with path.open("wb") as file:
            size, sha256 = copy_hashing(stream, file, check=check, limit=info.size)
    finally:
        stream.close()
    if size != info.size:
        raise ChecksumMismatch(f"{size} bytes instead of {info.size}")
    if info.sha256 and sha256 != info.sha256:
        raise ChecksumMismatch("hash differs")
