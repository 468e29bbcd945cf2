"""Assets in a local folder, under URLs that the server signs and serves itself."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import secrets
import stat
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO, cast
from urllib.parse import quote

from common.errors import Conflict, DiskFull, Forbidden, ObjectNotFound, StorageUnavailable
from common.hashing import copy_hashing
from common.host_faults import DISK_FULL, FULL
from common.private_files import make_folder
from service.oss import keys, link_tokens
from service.oss.local_uploads import LocalUploads
from service.oss.metadata import clipped
from service.oss.promised import CheckedStream, Promised
from service.oss.store import LINKS_KEPT, Listed, ObjectInfo, PublicBase, TemporaryKeys, UploadLinks

VALID_FOR = timedelta(days=7)
ABANDONED_AFTER_S = 24 * 3600.0
AUDIENCE = "assets"  # no token of another purpose opens an asset, nor the other way round


def _now() -> datetime:
    return datetime.now(timezone.utc)


class LocalStore:
    """Objects are files under `root`/objects, what is known of them JSON files under `root`/info. Any number of processes may share it.

    `secret` signs the URLs. `public_url` is their scheme and host unless `url` is given another. `bucket` is the bucket whose old links
    mean objects of this store. Members of `group`, where there is one, may read the objects, and nothing else here.
    """

    def __init__(
        self,
        root: Path,
        secret: str,
        public_url: str = "",
        *,
        now: Callable[[], datetime] = _now,
        bucket: str = "storytovideo",
        group: int | None = None,
    ) -> None:
        self.bucket = bucket
        self._objects = root / "objects"
        self._info = root / "info"
        self._incoming = root / "incoming"
        self._lock_file = root / "lock"
        self._signing_key = hashlib.sha256(b"storytovideo assets\0" + secret.encode()).digest()
        self._public_url = public_url
        self._now = now
        self._group = group
        self._token = lru_cache(LINKS_KEPT)(self._sign)
        self._uploads = LocalUploads(root / "parts", self._signing_key, now)

    def exists(self) -> bool:
        """See `ObjectStore.exists`."""
        return self._objects.is_dir()

    def check(self) -> None:
        """Make the folders, prove that writing works, and delete the orphans of writers that were killed."""
        with self._translated("素材目录无法写入"):
            self._make_shared(self._objects)
            for folder in (self._info, self._incoming):
                folder.mkdir(parents=True, exist_ok=True)
            proof = self._incoming / f"check-{secrets.token_hex(8)}"
            proof.write_bytes(b"ok")
            proof.unlink()
            for path in self._incoming.iterdir():
                _remove_if_abandoned(path)

    def put(
        self, key: str, stream: BinaryIO, *, content_type: str = "", metadata: Mapping[str, str] | None = None
    ) -> ObjectInfo:
        """See `ObjectStore.put`."""
        target = self.local_path(key)
        content_type = content_type or keys.content_type(key)
        with self._translated("素材无法保存"), self._arriving() as arriving:
            with arriving.open("wb") as file:
                size, sha256 = copy_hashing(stream, file)
                self._share(arriving)
                file.flush()
                os.fsync(file.fileno())
            info = ObjectInfo(key, size, content_type, sha256, clipped(metadata))
            with self._locked(fcntl.LOCK_EX):  # so that no other writer's description ends up with these bytes
                self._write_info(info)
                self._make_shared(target.parent)
                arriving.replace(target)
        return info

    def put_file(
        self,
        key: str,
        path: Path,
        *,
        content_type: str = "",
        metadata: Mapping[str, str] | None = None,
        hurry: bool = False,  # a folder has no limits on time
        resume: bool = False,  # nor parts
    ) -> ObjectInfo:
        """See `ObjectStore.put_file`."""
        with path.open("rb") as stream:
            return self.put(key, stream, content_type=content_type, metadata=metadata)

    def open(self, key: str) -> BinaryIO:
        """See `ObjectStore.open`."""
        path = self.local_path(key)
        with self._translated("素材无法读取"):
            try:
                return path.open("rb")
            except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
                raise ObjectNotFound(f"文件不存在：{key}") from error

    def stat(self, key: str) -> ObjectInfo:
        """See `ObjectStore.stat`. An object that lacks its description, put there by hand, has no hash."""
        path = self.local_path(key)
        with self._translated("素材无法读取"), self._locked(fcntl.LOCK_SH):
            if not _is_file(path):
                raise ObjectNotFound(f"文件不存在：{key}")
            size = path.stat().st_size
            known = self._read_info(key)
        if known is None or known.get("size") != size:
            return ObjectInfo(key, size, keys.content_type(key), "", {})
        return ObjectInfo(key, size, known["content_type"], known["sha256"], known["metadata"])

    def list(self, prefix: str) -> Iterator[str]:
        """See `ObjectStore.list`. Files whose names are no keys, and links, are not listed."""
        if not keys.may_begin_keys(prefix):
            return
        folder = prefix.rpartition("/")[0]
        walk = os.walk(self._objects / folder, onerror=_raise_unless_gone)  # `rglob` fails when a folder goes meanwhile
        paths = (Path(parent, name) for parent, _, names in walk for name in names)
        found = (
            path.relative_to(self._objects).as_posix() for path in paths if path.is_file() and not path.is_symlink()
        )
        yield from sorted(key for key in found if key.startswith(prefix) and keys.is_key(key))

    def entries(self, prefix: str) -> Iterator[Listed]:
        """See `ObjectStore.entries`."""
        for parent, _, names in os.walk(self._objects / prefix.rpartition("/")[0], onerror=_raise_unless_gone):
            for name in names:
                path = Path(parent, name)
                key = path.relative_to(self._objects).as_posix()
                with suppress(FileNotFoundError):
                    known = path.lstat()
                    if key.startswith(prefix) and keys.is_key(key) and stat.S_ISREG(known.st_mode):
                        yield Listed(key, known.st_size, datetime.fromtimestamp(known.st_mtime, timezone.utc))

    def now(self) -> datetime:
        """See `ObjectStore.now`. The folder may lie on another machine."""
        proof = self._incoming / f"check-{secrets.token_hex(8)}"
        with self._translated("素材目录无法写入"):
            proof.touch()
            try:
                return datetime.fromtimestamp(proof.stat().st_mtime, timezone.utc)
            finally:
                proof.unlink()

    def remove(self, key: str) -> None:
        """See `ObjectStore.remove`. Folders that become empty go too."""
        path, info = self.local_path(key), self._info_path(key)
        if not self.exists():  # a disk that is not mounted: what is on it is not gone
            raise StorageUnavailable("素材无法删除：素材目录不存在")
        with self._translated("素材无法删除"), self._locked(fcntl.LOCK_EX):
            for top, file in ((self._objects, path), (self._info, info)):
                try:
                    file.unlink(missing_ok=True)
                except (NotADirectoryError, IsADirectoryError, PermissionError):
                    if file.is_file():
                        raise
                    continue  # the key names a folder, or something inside of a file: no object
                _remove_empty_folders(file, top)
            self._uploads.forget(key)

    def remove_prefix(self, prefix: str, but: Collection[str] = ()) -> int:
        """See `ObjectStore.remove_prefix`."""
        found = [key for key in self.list(keys.check_prefix(prefix)) if key not in but]
        for key in found:
            self.remove(key)
        return len(found)

    def begin_upload(self, key: str, promised: Promised, part_size: int, base: PublicBase = "") -> UploadLinks:
        """See `ObjectStore.begin_upload`: the links lead to this server, which calls `receive`."""
        keys.check_key(key)
        with self._translated("素材无法保存"):
            return self._uploads.begin(key, promised, part_size, base or self._public_url)

    def receive(self, key: str, token: str, content_type: str, stream: Callable[[int], BinaryIO]) -> str:
        """Take in what a client sends to such a link, of the stream for so many bytes; returns its ETag.

        Raises `Forbidden` for a link that does not hold, `InvalidInput` for other bytes than were promised.
        """
        granted = self._uploads.granted(keys.check_key(key), token)
        if content_type != granted.promised.content_type:
            raise Forbidden(f"Content-Type 须为 {granted.promised.content_type}")
        checked = CheckedStream(lambda: stream(granted.promised.size), granted.promised)
        with self._translated("素材无法保存"):
            if granted.upload_id:
                self._uploads.keep_part(granted, checked)
            else:
                self.put(key, cast("BinaryIO", checked), content_type=content_type)
        return checked.md5

    def finish_upload(self, key: str, upload_id: str, etags: Mapping[int, str]) -> None:
        """See `ObjectStore.finish_upload`."""
        with self._translated("素材无法保存"), self._uploads.joined(keys.check_key(key), upload_id, etags) as joined:
            self.put(key, joined)
        self._uploads.forget(key)

    def temporary_keys(self, prefix: str) -> TemporaryKeys:
        """See `ObjectStore.temporary_keys`: a folder has none."""
        raise Conflict("本地存储不提供临时凭证（STS），请改用 POST /api/oss/presign")

    def url(self, key: str, base: PublicBase = "", *, saved_as: str = "") -> str:
        """See `ObjectStore.url`: a JSON Web Token that names the key, the file's name and when the URL expires.

        Without `base` and without a public URL it is the path alone.
        """
        keys.check_key(key)
        token = self._token(key, self._now().replace(minute=0, second=0, microsecond=0), saved_as)
        return f"{(base or self._public_url).rstrip('/')}/assets/{quote(key)}?token={token}"

    def _sign(self, key: str, signed: datetime, saved_as: str) -> str:
        claims = {"sub": key, "aud": AUDIENCE, "exp": signed + VALID_FOR, **({"name": saved_as} if saved_as else {})}
        return link_tokens.sign(claims, self._signing_key)

    def verify(self, key: str, token: str) -> str:
        """The name under which it is to be saved, if any. Raises `Forbidden` unless the token was signed here for this key and holds."""
        claims = link_tokens.read(token, self._signing_key, audience=AUDIENCE, key=key, now=self._now())
        return str(claims.get("name", ""))

    def local_path(self, key: str) -> Path:
        """Where the object's bytes lie; raises `InvalidKey` for a key that is none, `Forbidden` where a link leads out of the folder."""
        path = self._objects / keys.check_key(key)
        if not path.resolve().is_relative_to(self._objects.resolve()):
            raise Forbidden(f"文件不在素材目录内：{key}")
        return path

    def _info_path(self, key: str) -> Path:
        return (
            self._info / f"{keys.check_key(key)}~"
        )  # no key holds a tilde: no description stands in another key's way

    def _write_info(self, info: ObjectInfo) -> None:
        path = self._info_path(info.key)
        path.parent.mkdir(parents=True, exist_ok=True)
        known = {
            "content_type": info.content_type,
            "sha256": info.sha256,
            "size": info.size,
            "metadata": dict(info.metadata),
        }
        with self._arriving() as arriving:
            arriving.write_text(json.dumps(known, ensure_ascii=False), "utf-8")
            arriving.replace(path)

    def _read_info(self, key: str) -> dict[str, Any] | None:
        try:
            known: dict[str, Any] = json.loads(self._info_path(key).read_text("utf-8"))
        except (FileNotFoundError, NotADirectoryError, ValueError):
            return None
        return known

    def _make_shared(self, folder: Path) -> None:
        for made in make_folder(folder):
            self._share(made)

    def _share(self, path: Path) -> None:
        """Let the group read a file, or look into a folder."""
        if self._group is not None:
            os.chown(path, -1, self._group)  # before the group may do anything
            path.chmod(0o750 if path.is_dir() else 0o640)

    @contextmanager
    def _arriving(self) -> Iterator[Path]:
        """The path of a file in the making, on the same file system; gone afterwards unless it was moved to its place."""
        self._incoming.mkdir(parents=True, exist_ok=True)
        path = self._incoming / secrets.token_hex(16)
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)

    @contextmanager
    def _locked(self, how: int) -> Iterator[None]:
        """Hold the store's lock among all threads and processes; only for renames and small reads."""
        self._lock_file.parent.mkdir(parents=True, exist_ok=True)
        with self._lock_file.open("ab") as file:
            fcntl.flock(file, how)
            yield

    @contextmanager
    def _translated(self, what: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if error.errno in FULL:
                raise DiskFull(f"{what}：{DISK_FULL}") from error
            raise StorageUnavailable(f"{what}：{error.strerror or error}") from error


def _is_file(path: Path) -> bool:
    """Whether a file is there. Raises OSError where it cannot be looked at, which `Path.is_file` may take for a file that is gone."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False


def _raise_unless_gone(error: OSError) -> None:
    """A folder that is not there (any more), or not ours to read, holds no objects."""
    if not isinstance(error, FileNotFoundError | NotADirectoryError | PermissionError):
        raise error


def _remove_if_abandoned(path: Path) -> None:
    with suppress(FileNotFoundError):  # its writer was faster
        if time.time() - path.stat().st_mtime > ABANDONED_AFTER_S:
            path.unlink()


def _remove_empty_folders(path: Path, top: Path) -> None:
    for folder in path.parents:
        if folder == top:
            return
        try:
            folder.rmdir()
        except OSError:  # not empty, or not there
            return
