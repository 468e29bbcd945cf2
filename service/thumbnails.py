"""Small pictures of shots, projects and films: each is made once, and kept in `data_dir` as long as there is room.

What a stored object holds never changes, so its key names the picture for ever. Objects may be anybody's files: they are opened in the
decoder's process, of which there is one for all pictures, ended when none was asked for in a while.
"""

from __future__ import annotations

import hashlib
import logging
import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from common.errors import DependencyError, NotFound
from models import queries
from models.asset import Asset, AssetKind
from service.assets.fetch import fetch
from service.container import Services
from service.film.cache import Cache, take
from service.film.decoder import Decoder
from service.film.errors import UnusableMedia
from service.oss import links
from service.oss.local import LocalStore

log = logging.getLogger(__name__)

VERSION = 1  # of how they are made: another one makes them anew
WEBP, AVIF = "WEBP", "AVIF"
MAX_BYTES = 512 << 20  # of all that are kept, and of the films that were fetched for them
DAY_S = 86_400
PRUNE_EVERY_S = 600.0
IDLE_S = 30.0  # a child takes half a second to start, and 150 MiB
TURN_S = 20.0  # how long a request waits for the child
MAX_WAITING = 16  # a page asks for sixty at once: they must not take every thread of the web server


@dataclass(frozen=True)
class Wanted:
    """A picture of what a row stores; `at_s` of a film's moment, in tenths of a second."""

    stored: str
    width: int
    kind: str
    at_s: float | None = None

    @property
    def key(self) -> str:
        """Names it, and what it looks like."""
        text = f"{VERSION} {self.stored} {self.width} {self.kind} {self.at_s}"
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


class Thumbnails:
    """Makes them, one at a time, and remembers them on disk."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self.cache = Cache(services.settings.data_dir / "cache" / "thumbnails")
        self._turn = threading.Lock()
        self._places = threading.BoundedSemaphore(MAX_WAITING)
        self._decoder: Decoder | None = None
        self._idle: threading.Timer | None = None
        self._pruned_at: float | None = None

    def of_shot(self, project_id: str, shot_id: str, width: int, kind: str) -> Wanted:
        """Of a shot's image; raises `NotFound`, also where it has none."""
        with self._services.database.read() as session:
            shot = queries.shot(session, shot_id)
        if shot is None or shot.project_id != project_id:
            raise NotFound("分镜不存在")
        return self._wanted(shot.image_path, width, kind)

    def of_project(self, project_id: str, width: int, kind: str) -> Wanted:
        """Of the film's cover, else of the first shot that has an image; raises `NotFound`, also where there is neither."""
        with self._services.database.read() as session:
            project = queries.project(session, project_id)
            if project is None:
                raise NotFound("项目不存在")
            stored = project.cover_image
            if not stored:
                stored = next((shot.image_path for shot in queries.shots(session, project_id) if shot.image_path), "")
        return self._wanted(stored, width, kind)

    def of_film(self, project_id: str, number: str, at_s: float, width: int, kind: str) -> Wanted:
        """Of a moment of a film; raises `NotFound`."""
        with self._services.database.read() as session:
            if queries.project(session, project_id) is None:
                raise NotFound("项目不存在")
            film = session.scalar(
                select(Asset).where(
                    Asset.project_id == project_id,
                    Asset.kind == AssetKind.FILM,
                    Asset.shot_id == "",
                    Asset.number == (int(number) if number.isascii() and number.isdigit() and len(number) < 10 else -1),
                    Asset.stored_at.is_not(None),
                )
            )
        if film is None:
            raise NotFound("影片不存在")
        return Wanted(film.object_key, width, kind, round(at_s, 1))

    def _wanted(self, stored: str | None, width: int, kind: str) -> Wanted:
        if not stored:
            raise NotFound("还没有图片")
        return Wanted(stored, width, kind)

    def content(self, wanted: Wanted) -> bytes:
        """The picture. Raises `NotFound` where it cannot be made of what is stored, `DependencyError` where too many are waited for."""
        found = self._kept(wanted)
        if found is not None:
            return found
        with self._own_turn():
            found = self._kept(wanted)  # somebody was faster
            return found if found is not None else self._make(wanted)

    def _kept(self, wanted: Wanted) -> bytes | None:
        path = self.cache.find(wanted.key, _suffix(wanted))
        try:
            return path.read_bytes() if path is not None else None
        except FileNotFoundError:  # another process keeps the cache small
            return None

    @contextmanager
    def _own_turn(self) -> Iterator[None]:
        if not self._places.acquire(blocking=False):
            raise DependencyError("同时生成的缩略图太多")
        try:
            if not self._turn.acquire(timeout=TURN_S):
                raise DependencyError("同时生成的缩略图太多")
            try:
                yield
            finally:
                self._turn.release()
        finally:
            self._places.release()

    def _make(self, wanted: Wanted) -> bytes:
        target = self.cache.path(wanted.key, _suffix(wanted))
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="s2v-") as folder:
            source = self._source(wanted, Path(folder))
            part = _part(target)
            try:
                self._child().thumbnail(source, part, wanted.width, wanted.kind, wanted.at_s)
                made = part.read_bytes()
                part.replace(target)
            except UnusableMedia as error:
                raise NotFound(f"图片无法显示：{error}") from error
            finally:
                part.unlink(missing_ok=True)
        self._prune()
        return made

    def _source(self, wanted: Wanted, folder: Path) -> Path:
        """The stored object as a file: where it lies, or fetched. A film is kept for its next moment."""
        key = links.key_of(wanted.stored, self._services.settings.minio.bucket)
        if key is not None and isinstance(self._services.store, LocalStore):
            return self._services.store.local_path(key)
        name = hashlib.sha256(wanted.stored.encode("utf-8", "surrogatepass")).hexdigest()
        kept = self.cache.find(name, ".film") if wanted.at_s is not None else None
        if kept is not None:
            return kept
        files, missing = fetch(self._services, {"source": wanted.stored}, folder, lambda: None)
        if missing:
            raise NotFound(f"图片无法显示：{missing['source']}")
        if wanted.at_s is None:
            return files["source"]
        kept = self.cache.path(name, ".film")
        kept.parent.mkdir(parents=True, exist_ok=True)
        return _moved(files["source"], kept)

    def _child(self) -> Decoder:
        """The decoder, whose end is put off."""
        if self._idle is not None:
            self._idle.cancel()
        if self._decoder is None:
            self._decoder = Decoder()
        self._idle = threading.Timer(IDLE_S, self.close)
        self._idle.daemon = True
        self._idle.start()
        return self._decoder

    def close(self) -> None:
        """End the child."""
        with self._turn:
            if self._decoder is not None:
                self._decoder.__exit__(None, None, None)
                self._decoder = None

    def _prune(self) -> None:
        now = self._services.clock.monotonic()
        if self._pruned_at is None or now - self._pruned_at > PRUNE_EVERY_S:
            self._pruned_at = now
            self.cache.prune(MAX_BYTES, self._services.settings.film.cache_days * DAY_S)


def _suffix(wanted: Wanted) -> str:
    return f".{wanted.kind.lower()}"


def _part(target: Path) -> Path:
    """Where it is written: it appears whole, whoever else makes the same."""
    return target.with_name(f"{target.name}.{os.getpid()}.part")


def _moved(path: Path, target: Path) -> Path:
    """The file under its name in the cache."""
    take(path, _part(target))
    return _part(target).replace(target)
