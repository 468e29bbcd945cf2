"""The studio's files in memory, packed once, under an address that changes whenever one of them does."""

from __future__ import annotations

import gzip
import hashlib
import html
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common.errors import NotFound

MIMETYPES = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".webmanifest": "application/manifest+json",
}
PACKED = frozenset(MIMETYPES) - {".png"}
BASE, SETTINGS = "{{base}}", "{{settings}}"


@dataclass(frozen=True)
class File:
    """A file as it is sent; `packed` is its gzip where that is worth it."""

    content: bytes
    packed: bytes | None
    mimetype: str
    digest: str


@dataclass(frozen=True)
class _Edition:
    """The folder as it was at one moment."""

    stamp: tuple[tuple[str, int, int], ...]
    version: str
    files: dict[str, File]


class Files:
    """The folder's files by name. They are read when they are first asked for, and again once one has changed.

    `known` is what the page is told with its first byte.
    """

    def __init__(self, folder: Path, known: Callable[[], Mapping[str, Any]]) -> None:
        self._folder = folder
        self._known = known
        self._lock = threading.Lock()
        self._edition: _Edition | None = None

    @property
    def version(self) -> str:
        """The edition's: a hash over all files."""
        return self._current().version

    def get(self, name: str) -> File | None:
        """A file as it lies there; None where there is none."""
        return self._current().files.get(name)

    def rendered(self, name: str) -> File:
        """A file that names others, with their addresses in this edition and with what the page must know of the settings."""
        edition = self._refreshed()
        text = edition.files[name].content.decode() if name in edition.files else ""
        if not text:
            raise NotFound("文件不存在")
        known = html.escape(json.dumps(self._known(), ensure_ascii=False), quote=True)
        return _file(name, text.replace(BASE, f"/studio/v/{edition.version}").replace(SETTINGS, known).encode())

    def worker(self, name: str) -> File:
        """The service worker, which is told what to keep."""
        edition = self._refreshed()
        base = f"/studio/v/{edition.version}"
        kept = [f"{base}/{path}" for path in edition.files if Path(path).suffix in (".js", ".css", ".svg", ".png")]
        head = f"self.STUDIO = {json.dumps({'version': edition.version, 'files': kept})};\n"
        return _file(name, head.encode() + edition.files[name].content)

    def _current(self) -> _Edition:
        return self._edition or self._refreshed()

    def _refreshed(self) -> _Edition:
        with self._lock:
            paths = sorted(path for path in self._folder.rglob("*") if path.suffix in MIMETYPES and path.is_file())
            facts = [(path, path.stat()) for path in paths]
            stamp = tuple((str(path), fact.st_mtime_ns, fact.st_size) for path, fact in facts)
            if self._edition is None or self._edition.stamp != stamp:
                files = {
                    path.relative_to(self._folder).as_posix(): _file(path.name, path.read_bytes()) for path in paths
                }
                whole = hashlib.sha256("".join(f"{name}={file.digest};" for name, file in files.items()).encode())
                self._edition = _Edition(stamp, whole.hexdigest()[:12], files)
            return self._edition


def _file(name: str, content: bytes) -> File:
    suffix = Path(name).suffix
    packed = gzip.compress(content, 9, mtime=0) if suffix in PACKED else None
    return File(content, packed, MIMETYPES[suffix], hashlib.sha256(content).hexdigest()[:24])
