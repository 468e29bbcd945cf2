"""A large file on its way to S3 in parts: where the way breaks, or its sender dies, what is there already is not sent again.

The SDK's own upload gives all parts up at the first one that fails.
"""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, suppress
from typing import BinaryIO

from common.errors import ObjectNotFound, StorageError, StorageUnavailable
from service.oss.limits import Limit
from service.oss.multipart import Multipart, Part

log = logging.getLogger(__name__)

PATIENCE_S = 120.0  # without a part that arrives, after which the upload is given up
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 8.0

Asking = Callable[[int], AbstractContextManager[Limit]]
"""One operation on storage that sends so many bytes, limited, its errors ours."""


class ResumedUpload:
    """One file under one key, which is nobody else's. `part_size` is in bytes."""

    def __init__(self, multipart: Multipart, asking: Asking, key: str, part_size: int) -> None:
        self._multipart, self._asking, self._key, self._part_size = multipart, asking, key, part_size
        self._there: dict[int, Part] = {}
        self._upload_id = ""
        self._last_progress = 0.0
        self._asked_to_finish = False

    def send(self, stream: BinaryIO, size: int, headers: Mapping[str, str], *, resume: bool = False) -> None:
        """Send the stream's next `size` bytes. Raises as a store does once nothing has arrived for `PATIENCE_S`.

        `resume`: go on with the upload of another sender, who is gone, of the same bytes and headers.
        """
        start = stream.tell()
        self._last_progress = time.monotonic()
        try:
            self._upload_id = self._tried(self._begun) if resume else ""
            if self._upload_id:
                self._look()
                log.info("upload of %s goes on with %d parts there", self._key, len(self._there))
            else:
                self._upload_id = self._tried(lambda: self._begin(headers))
            for number in range(1, max(1, -(-size // self._part_size)) + 1):
                stream.seek(start + (number - 1) * self._part_size)
                self._send_part(number, stream.read(self._part_size))
            self._tried(self._finish)
        except BaseException:
            self._give_up()
            raise

    def _send_part(self, number: int, data: bytes) -> None:
        md5 = hashlib.md5(data, usedforsecurity=False).hexdigest()

        def once() -> None:
            if self._there.get(number) == Part(md5, len(data)):
                return
            with self._asking(len(data)):
                etag = self._multipart.put(self._key, self._upload_id, number, data)
            self._there[number] = Part(etag, len(data))

        self._tried(once)

    def _begun(self) -> str:
        """The other sender's upload, or ""."""
        with self._asking(0):
            found, *others = self._multipart.unfinished(self._key) or [""]
            for other in others:
                self._multipart.give_up(self._key, other)
        return found

    def _begin(self, headers: Mapping[str, str]) -> str:
        with self._asking(0):
            return self._multipart.begin(self._key, headers)

    def _finish(self) -> None:
        """Where the first answer was lost, the upload may be gone because it is an object by now."""
        asked_before, self._asked_to_finish = self._asked_to_finish, True
        try:
            with self._asking(0):
                self._multipart.finish(self._key, self._upload_id, {n: part.etag for n, part in self._there.items()})
        except ObjectNotFound:
            if not asked_before:
                raise

    def _look(self) -> None:
        """What has arrived, also of what was not answered; unknown as long as nobody answers."""
        with suppress(StorageUnavailable, ObjectNotFound), self._asking(0):
            self._there |= self._multipart.parts(self._key, self._upload_id)

    def _tried(self, step: Callable[[], str | None]) -> str:
        pause = FIRST_PAUSE_S
        while True:
            try:
                done = step()
            except StorageUnavailable as error:
                if time.monotonic() - self._last_progress > PATIENCE_S:
                    raise
                log.warning(
                    "upload of %s broke off with %d parts there; goes on: %s", self._key, len(self._there), error
                )
                threading.Event().wait(pause)
                pause = min(2 * pause, LONGEST_PAUSE_S)
                if self._upload_id:
                    self._look()
                continue
            self._last_progress = time.monotonic()
            return done or ""

    def _give_up(self) -> None:
        """At once where storage answers; else the parts go when the key is removed."""
        if self._upload_id:
            with suppress(StorageError, StorageUnavailable), self._asking(0):
                self._multipart.give_up(self._key, self._upload_id)
