"""The interface of object storage."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Protocol

from service.oss.promised import Promised

PublicBase = str
"""Scheme and host under which the client reached this server ("http://127.0.0.1:8080"); the local folder's URLs start with it."""

LINKS_KEPT = 4096
"""Signed links that a store remembers. They change with the hour, so that whoever asks again within it need not have them signed again."""


@dataclass(frozen=True)
class Listed:
    """An object in a listing: its key, its size in bytes, and when it was stored, by the store's clock."""

    key: str
    size: int
    stored_at: datetime


@dataclass(frozen=True)
class ObjectInfo:
    """What is known of a stored object. `sha256` is hex and "" for objects that an older backend stored; `size` is in bytes."""

    key: str
    size: int
    content_type: str
    sha256: str
    metadata: Mapping[str, str]


UPLOAD_S = 3600
"""Seconds for which a client may use the links, and the temporary keys, of an upload."""


@dataclass(frozen=True)
class UploadLink:
    """Where a client PUTs these `size` bytes, with exactly these headers. `number` is the part's, from 1."""

    number: int
    size: int
    url: str
    headers: Mapping[str, str]


@dataclass(frozen=True)
class UploadLinks:
    """`upload_id` is "" where the object is PUT as a whole, by the one link."""

    upload_id: str
    links: tuple[UploadLink, ...]


@dataclass(frozen=True)
class TemporaryKeys:
    """What lets a program write under one prefix, and nothing else. `addressing` is path or virtual; `endpoint` is what clients reach."""

    access_key: str
    secret_key: str
    session_token: str
    expires_at: datetime
    endpoint: str
    bucket: str
    region: str
    addressing: str


class ObjectStore(Protocol):
    """Keys are relative paths of `[A-Za-z0-9._-]` segments (`projects/<id>/films/1.mp4`); any other key is `InvalidKey`.

    Every method may raise `StorageUnavailable`; those that read raise `ObjectNotFound`. Metadata values may hold any text: adapters
    percent-encode what their backend cannot carry, and decode it again.
    """

    @property
    def bucket(self) -> str:
        """The bucket's name: links into it that an older backend stored are ours."""

    def exists(self) -> bool:
        """Whether the bucket, or the folder, is there already."""

    def check(self) -> None:
        """Create what is missing (the bucket, the folder) and prove that writing works."""

    def put(
        self, key: str, stream: BinaryIO, *, content_type: str = "", metadata: Mapping[str, str] | None = None
    ) -> ObjectInfo:
        """Store a stream of unknown length without holding it in memory; the SHA-256 is taken on the way.

        An empty `content_type` is guessed from the key's extension. The object appears whole or not at all.
        """

    def put_file(
        self,
        key: str,
        path: Path,
        *,
        content_type: str = "",
        metadata: Mapping[str, str] | None = None,
        hurry: bool = False,
        resume: bool = False,
    ) -> ObjectInfo:
        """Store a file. In a `hurry`, for a client waits, storage that hangs is unavailable within 5 s.

        `resume`: whoever began to store this very file under this key was killed at it; what has arrived need not be sent again.
        """

    def open(self, key: str) -> BinaryIO:
        """A stream over the object's bytes; the caller closes it."""

    def stat(self, key: str) -> ObjectInfo:
        """What is known of the object."""

    def list(self, prefix: str) -> Iterator[str]:
        """The keys under a prefix, sorted."""

    def entries(self, prefix: str) -> Iterator[Listed]:
        """The same with times, in no order, a page at a time: no more than that is in memory."""

    def now(self) -> datetime:
        """The time by the store's own clock."""

    def remove(self, key: str) -> None:
        """Remove an object, and what came of uploads of it in parts; one that is not there is no error."""

    def remove_prefix(self, prefix: str, but: Collection[str] = ()) -> int:
        """Remove everything under a prefix that ends with `/`, but for these keys; returns how many objects went."""

    def begin_upload(self, key: str, promised: Promised, part_size: int, base: PublicBase = "") -> UploadLinks:
        """Links by which a client uploads this object itself: in parts where it has more than `part_size` bytes.

        Another length or type than was promised is refused by them; of one that is sent as a whole another hash, too.
        """

    def finish_upload(self, key: str, upload_id: str, etags: Mapping[int, str]) -> None:
        """Make the object of its parts, by their numbers; of all that are there where none are named.

        Raises `ObjectNotFound` for an unknown upload, or one of another key, and `InvalidInput` for parts that are not there.
        """

    def temporary_keys(self, prefix: str) -> TemporaryKeys:
        """Keys for writing under this prefix; raises `Conflict` where the storage has none to give."""

    def url(self, key: str, base: PublicBase = "", *, saved_as: str = "") -> str:
        """A complete URL that a client can GET without a header, signed when it is read.

        Valid for 7 days from the last full hour, so that the same object keeps the same URL for that hour. With `saved_as`, a file's name,
        a browser saves what it leads to, under that name, instead of showing it.
        """
