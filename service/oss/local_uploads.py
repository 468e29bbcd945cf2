"""What clients upload into the local folder themselves: links that the server signs, and parts until they are put together."""

from __future__ import annotations

import hashlib
import io
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

from common.errors import InvalidInput, ObjectNotFound
from common.hashing import copy_hashing
from service.oss import link_tokens
from service.oss.promised import NOT_THERE, CheckedStream, Promised
from service.oss.store import UPLOAD_S, UploadLink, UploadLinks

AUDIENCE = "uploads"  # no link that opens an asset takes one in, nor the other way round


@dataclass(frozen=True)
class Granted:
    """What a link lets its holder send: a whole object, or with `upload_id` its part of this number."""

    key: str
    promised: Promised
    upload_id: str
    number: int


class LocalUploads:
    """Parts lie under `folder`/<hash of the key>/<upload id>/<number>. `now` judges when a link has expired."""

    def __init__(self, folder: Path, signing_key: bytes, now: Callable[[], datetime]) -> None:
        self._folder, self._signing_key, self._now = folder, signing_key, now

    def begin(self, key: str, promised: Promised, part_size: int, base: str) -> UploadLinks:
        """See `ObjectStore.begin_upload`."""
        if promised.size <= part_size:
            return UploadLinks("", (self._link(Granted(key, promised, "", 1), base),))
        upload_id = secrets.token_hex(16)
        self._of(key, upload_id).mkdir(parents=True)
        sizes = [min(part_size, promised.size - start) for start in range(0, promised.size, part_size)]
        parts = [Promised(size, promised.content_type) for size in sizes]
        links = (self._link(Granted(key, part, upload_id, n), base) for n, part in enumerate(parts, start=1))
        return UploadLinks(upload_id, tuple(links))

    def _link(self, granted: Granted, base: str) -> UploadLink:
        promised = granted.promised
        claims = {
            "sub": granted.key,
            "aud": AUDIENCE,
            "exp": self._now() + timedelta(seconds=UPLOAD_S),
            "file": [promised.size, promised.content_type, promised.sha256, promised.md5],
            "part": [granted.upload_id, granted.number],
        }
        token = link_tokens.sign(claims, self._signing_key)
        url = f"{base.rstrip('/')}/uploads/{quote(granted.key)}?token={token}"
        return UploadLink(granted.number, promised.size, url, {"Content-Type": promised.content_type})

    def granted(self, key: str, token: str) -> Granted:
        """What this link grants; raises `Forbidden` unless it was signed here for this key and has not expired."""
        claims = link_tokens.read(token, self._signing_key, audience=AUDIENCE, key=key, now=self._now())
        upload_id, number = claims["part"]
        return Granted(key, Promised(*claims["file"]), upload_id, number)

    def keep_part(self, granted: Granted, stream: CheckedStream) -> None:
        """Store a part, in place of one of its number that came before; raises `ObjectNotFound` when the upload is over."""
        folder = self._of(granted.key, granted.upload_id)
        if not folder.is_dir():
            raise ObjectNotFound("上传已结束")
        arriving = folder / f"{granted.number}.{secrets.token_hex(8)}"
        try:
            with arriving.open("wb") as file:
                copy_hashing(stream, file)  # type: ignore[arg-type]  # read() is all that is used
            arriving.replace(folder / str(granted.number))
        finally:
            arriving.unlink(missing_ok=True)

    def joined(self, key: str, upload_id: str, etags: Mapping[int, str]) -> BinaryIO:
        """A stream of an upload's parts, one behind the other. Raises as `ObjectStore.finish_upload` does."""
        folder = self._of(key, upload_id)
        if not upload_id or not folder.is_dir():
            raise ObjectNotFound("没有这个上传")
        there = sorted(int(path.name) for path in folder.iterdir() if path.name.isdecimal())
        wanted = sorted(etags) or there
        if not wanted or not set(wanted) <= set(there):
            raise InvalidInput("parts", NOT_THERE)
        return io.BufferedReader(_Joined(_pieces(folder, wanted, etags)))

    def forget(self, key: str) -> None:
        """Remove the parts of all uploads of this key."""
        shutil.rmtree(self._of(key), ignore_errors=True)

    def _of(self, key: str, upload_id: str = "") -> Path:
        """An upload's folder; nothing that a client says becomes a part of the path."""
        folder = self._folder / hashlib.sha256(key.encode()).hexdigest()
        return folder / hashlib.sha256(upload_id.encode()).hexdigest() if upload_id else folder


def _pieces(folder: Path, numbers: list[int], etags: Mapping[int, str]) -> Iterator[bytes]:
    for number in numbers:
        digest = hashlib.md5(usedforsecurity=False)
        with (folder / str(number)).open("rb") as file:
            while piece := file.read(io.DEFAULT_BUFFER_SIZE):
                digest.update(piece)
                yield piece
        if etags and etags[number].strip('"').lower() != digest.hexdigest():
            raise InvalidInput("parts", NOT_THERE)


class _Joined(io.RawIOBase):
    def __init__(self, pieces: Iterator[bytes]) -> None:
        super().__init__()
        self._pieces = pieces
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # typeshed's WriteableBuffer has no public name
        self._rest = self._rest or next(self._pieces, b"")
        piece, self._rest = self._rest[: len(buffer)], self._rest[len(buffer) :]
        buffer[: len(piece)] = piece
        return len(piece)
