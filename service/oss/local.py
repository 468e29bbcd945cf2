"""Assets in a local folder, under URLs that the server signs and serves itself."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

import jwt

from service.errors import Forbidden, ObjectNotFound, StorageUnavailable
from service.oss.keys import check_key, content_type
from service.oss.store import ObjectInfo, PublicBase

CHUNK = 1 << 20  # bytes
VALID_FOR = timedelta(days=7)
ALGORITHM = "HS256"


def _now() -> datetime:
    return datetime.now(timezone.utc)


class LocalStore:
    """Objects are files under `root`/objects, what is known of them JSON files under `root`/info.

    `secret` signs the URLs. `public_url` is their scheme and host unless `url` is told another.
    """

    bucket = "storytovideo"

    def __init__(
        self, root: Path, secret: str, public_url: str = "", *, now: Callable[[], datetime] = _now, bucket: str = bucket
    ) -> None:
        self.bucket = bucket
        self._objects = root / "objects"
        self._info = root / "info"
        self._incoming = root / "incoming"
        self._secret = secret
        self._public_url = public_url
        self._now = now

    def check(self) -> None:
        """Make the folders and prove that writing works."""
        try:
            for folder in (self._objects, self._info, self._incoming):
                folder.mkdir(parents=True, exist_ok=True)
            proof = self._incoming / f"check-{secrets.token_hex(8)}"
            proof.write_bytes(b"ok")
            proof.unlink()
        except OSError as error:
            raise StorageUnavailable(f"素材目录无法写入：{error}") from error

    def put(
        self, key: str, stream: BinaryIO, *, content_type: str = "", metadata: Mapping[str, str] | None = None
    ) -> ObjectInfo:
        """See `ObjectStore.put`."""
        target = self.local_path(key)
        digest, size = hashlib.sha256(), 0
        try:
            self._incoming.mkdir(parents=True, exist_ok=True)
            incoming = self._incoming / secrets.token_hex(16)
            try:
                with incoming.open("wb") as file:
                    while chunk := stream.read(CHUNK):
                        digest.update(chunk)
                        size += len(chunk)
                        file.write(chunk)
                    file.flush()
                    os.fsync(file.fileno())
                info = ObjectInfo(key, size, content_type or _type_of(key), digest.hexdigest(), dict(metadata or {}))
                self._write_info(info)
                target.parent.mkdir(parents=True, exist_ok=True)
                incoming.replace(target)
            finally:
                incoming.unlink(missing_ok=True)
        except OSError as error:
            raise StorageUnavailable(f"素材无法保存：{error}") from error
        return info

    def put_file(
        self, key: str, path: Path, *, content_type: str = "", metadata: Mapping[str, str] | None = None
    ) -> ObjectInfo:
        """See `ObjectStore.put_file`."""
        with path.open("rb") as stream:
            return self.put(key, stream, content_type=content_type, metadata=metadata)

    def open(self, key: str) -> BinaryIO:
        """See `ObjectStore.open`."""
        try:
            return self.local_path(key).open("rb")
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
            raise ObjectNotFound(f"文件不存在：{key}") from error
        except OSError as error:
            raise StorageUnavailable(f"素材无法读取：{error}") from error

    def stat(self, key: str) -> ObjectInfo:
        """See `ObjectStore.stat`. An object without an info file, put there by hand, has no hash."""
        path = self.local_path(key)
        if not path.is_file():
            raise ObjectNotFound(f"文件不存在：{key}")
        try:
            known = json.loads(self._info_path(key).read_text("utf-8"))
            return ObjectInfo(key, path.stat().st_size, known["content_type"], known["sha256"], known["metadata"])
        except (OSError, ValueError, KeyError):
            return ObjectInfo(key, path.stat().st_size, _type_of(key), "", {})

    def list(self, prefix: str) -> Iterator[str]:
        """See `ObjectStore.list`."""
        found = (path.relative_to(self._objects).as_posix() for path in self._objects.rglob("*") if path.is_file())
        yield from sorted(key for key in found if key.startswith(prefix))

    def remove(self, key: str) -> None:
        """See `ObjectStore.remove`. Folders that become empty go too."""
        try:
            self.local_path(key).unlink(missing_ok=True)
            self._info_path(key).unlink(missing_ok=True)
        except NotADirectoryError:
            return
        except OSError as error:
            raise StorageUnavailable(f"素材无法删除：{error}") from error
        for top, path in ((self._objects, self.local_path(key)), (self._info, self._info_path(key))):
            for folder in path.parents:
                if folder == top or not _remove_if_empty(folder):
                    break

    def remove_prefix(self, prefix: str) -> int:
        """See `ObjectStore.remove_prefix`."""
        check_key(prefix.removesuffix("/"))
        keys = list(self.list(prefix))
        for key in keys:
            self.remove(key)
        return len(keys)

    def url(self, key: str, base: PublicBase = "") -> str:
        """See `ObjectStore.url`: a JSON Web Token that names the key and when the URL expires."""
        check_key(key)
        signed = self._now().replace(minute=0, second=0, microsecond=0)
        token = jwt.encode({"sub": key, "exp": signed + VALID_FOR}, self._secret, algorithm=ALGORITHM)
        return f"{(base or self._public_url).rstrip('/')}/assets/{quote(key)}?token={token}"

    def verify(self, key: str, token: str) -> None:
        """Raise `Forbidden` unless the token was signed here for this key and has not expired."""
        try:
            claims = jwt.decode(
                token, self._secret, algorithms=[ALGORITHM], options={"require": ["exp", "sub"], "verify_exp": False}
            )
        except jwt.InvalidTokenError as error:
            raise Forbidden("链接签名无效") from error
        if claims["sub"] != key:
            raise Forbidden("链接签名无效")
        if claims["exp"] <= self._now().timestamp():
            raise Forbidden("链接已过期，请重新获取")

    def local_path(self, key: str) -> Path:
        """Where the object's bytes lie; raises `InvalidInput` for a key that is none. The key holds no `..` and no link is followed out."""
        path = self._objects / check_key(key)
        if not path.resolve().is_relative_to(self._objects.resolve()):
            raise Forbidden(f"文件不在素材目录内：{key}")
        return path

    def _info_path(self, key: str) -> Path:
        return self._info / f"{check_key(key)}.json"

    def _write_info(self, info: ObjectInfo) -> None:
        path = self._info_path(info.key)
        path.parent.mkdir(parents=True, exist_ok=True)
        known = {"content_type": info.content_type, "sha256": info.sha256, "metadata": dict(info.metadata)}
        written = self._incoming / secrets.token_hex(16)
        written.write_text(json.dumps(known, ensure_ascii=False), "utf-8")
        shutil.move(written, path)


def _type_of(key: str) -> str:
    return content_type(key)


def _remove_if_empty(folder: Path) -> bool:
    try:
        folder.rmdir()
    except OSError:
        return False
    return True
