"""The music library: uploads, and the choice of a piece for a film."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import BinaryIO

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.asset import Asset, AssetKind
from service import assets
from service.context import Services
from service.errors import BadNodeResult, FilmError, InvalidInput, NotFound, TooLarge
from service.film import sound
from service.node.sniff import Kind, sniff

CHUNK = 1 << 20  # bytes


def add(services: Services, stream: BinaryIO, filename: str, title: str = "") -> Asset:
    """Store an uploaded piece of music under `title`, or its file's name.

    Raises `TooLarge` over `film.max_music` bytes, `InvalidInput` when it is nothing that can be played.
    """
    name = (title or Path(filename).stem or "music")[:200]
    place = assets.Place(project_id="", title=name)
    with tempfile.TemporaryDirectory(prefix="s2v-") as folder:
        path = Path(folder) / "music"
        _receive(stream, path, services.settings.film.max_music)
        try:
            extension = sniff(path, Kind.AUDIO).extension
            seconds = sound.measure(path)
        except (BadNodeResult, FilmError) as error:
            raise InvalidInput("file", "上传的文件不是可播放的音频（支持 mp3、wav、m4a、ogg、flac）") from error
        asset = assets.reserve(services, AssetKind.MUSIC, place, extension)
        try:
            assets.store_file(services, asset, path, place)
        except BaseException:
            assets.discard(services, asset)
            raise
    asset.details = {"duration": round(seconds)}
    with services.database.write() as session:
        assets.mark_stored(session, asset, now=services.clock.now())
    return asset


def _receive(stream: BinaryIO, path: Path, limit: int) -> None:
    size = 0
    with path.open("wb") as file:
        while chunk := stream.read(CHUNK):
            size += len(chunk)
            if size > limit:
                raise TooLarge(f"音乐文件不能超过 {limit >> 20} MB")
            file.write(chunk)
    if size == 0:
        raise InvalidInput("file", "file 不能为空")


def music_id(asset: Asset) -> str:
    """What a client names a piece by."""
    return Path(asset.object_key).stem


def all_music(services: Services) -> list[Asset]:
    """Every piece, newest first."""
    with services.database.read() as session:
        return _all(session)


def choose(session: Session, wanted: str, mood: str) -> Asset | None:
    """The piece that a film asks for: by id, or for "auto" the one whose title shares most words with the storyboard's music words.

    None when "auto" finds nothing; raises `NotFound` for an unknown id.
    """
    if not wanted:
        return None
    pieces = _all(session)
    if wanted != "auto":
        for piece in pieces:
            if music_id(piece) == wanted:
                return piece
        raise NotFound(f"没有编号为 {wanted} 的音乐")
    words = _words(mood)
    best = max(pieces, key=lambda piece: len(words & _words(piece.title)), default=None)
    return best if best is not None and words & _words(best.title) else None


def _all(session: Session) -> list[Asset]:
    pieces = select(Asset).where(Asset.kind == AssetKind.MUSIC, Asset.stored_at.is_not(None))
    return list(session.scalars(pieces.order_by(Asset.number.desc())))


def _words(text: str) -> set[str]:
    """Latin words, and pairs of Chinese characters, which stand in for words."""
    lower = text.lower()
    chinese = [run[i : i + 2] for run in re.findall(r"[\u4e00-\u9fff]+", lower) for i in range(max(1, len(run) - 1))]
    return set(re.findall(r"[a-z0-9]+", lower)) | set(chinese)
