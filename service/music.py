"""The music library: uploads, and the choice of a piece for a film."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import BinaryIO

from sqlalchemy import select
from sqlalchemy.orm import Session

from common.errors import BadNodeResult, InvalidInput, NotFound, TooLarge
from models.asset import Asset, AssetKind
from models.db import retrying
from service.assets import versions
from service.assets.media_type import Kind, sniff
from service.context import Services
from service.film.errors import FilmError
from service.film.sound import soundtrack
from service.music_words import terms
from service.request_errors import shorten
from service.requests import MusicUpload

CHUNK = 1 << 20  # bytes
AUTO = "auto"
MAX_NAME = 200  # characters of a title that is taken from a file's name


def add(services: Services, stream: BinaryIO, filename: str, upload: MusicUpload) -> Asset:
    """Store an uploaded piece of music under its title, or its file's name.

    Raises `TooLarge` over `film.max_music` bytes, `InvalidInput` when it is nothing that can be played.
    """
    name = upload.title.strip() or _name(filename)
    place = versions.Place(project_id="", title=name)
    with tempfile.TemporaryDirectory(prefix="s2v-") as folder:
        path = Path(folder) / "music"
        _receive(stream, path, services.settings.film.max_music)
        try:
            extension = sniff(path, Kind.AUDIO).extension
            seconds = soundtrack.measure(path)
        except (BadNodeResult, FilmError) as error:
            raise InvalidInput("file", "上传的文件不是可播放的音频（支持 mp3、wav、m4a、ogg、flac）") from error
        asset = versions.reserve(services, AssetKind.MUSIC, place, extension)
        try:
            versions.store_file(services, asset, path, place)
            asset.details = {"duration": max(1, round(seconds)), "tags": upload.words()}
            _publish(services, asset)
        except BaseException:
            versions.discard(services, asset)
            raise
    return asset


@retrying
def _publish(services: Services, asset: Asset) -> None:
    with services.database.write() as session:
        versions.mark_stored(session, asset, now=services.clock.now())


def _name(filename: str) -> str:
    """A file's name for a person: without its folders (of either kind of system), its extension, and what cannot be shown."""
    stem = Path(re.split(r"[/\\]", filename)[-1]).stem
    return " ".join("".join(c if c.isprintable() else " " for c in stem).split())[:MAX_NAME] or "music"


def _receive(stream: BinaryIO, path: Path, limit: int) -> None:
    size = 0
    with path.open("wb") as file:
        while chunk := stream.read(CHUNK):
            size += len(chunk)
            if size > limit:
                raise too_large(limit)
            file.write(chunk)
    if size == 0:
        raise InvalidInput("file", "file 不能为空")


def too_large(limit: int) -> TooLarge:
    """The refusal of an upload over `limit` bytes."""
    return TooLarge(f"音乐文件不能超过 {limit / (1 << 20):.3g} MB")


def music_id(asset: Asset) -> str:
    """What a client names a piece by."""
    return Path(asset.object_key).stem


def all_music(services: Services) -> list[Asset]:
    """Every piece, newest first."""
    with services.database.read() as session:
        return _all(session)


@retrying
def delete(services: Services, wanted: str) -> None:
    """Take a piece out of the library; films that hold it stay as they are. Raises `NotFound`.

    Its row stays, so that no later piece gets its number: a film that asked for it must not get another one.
    """
    with services.database.write() as session:
        piece = find(session, wanted)
        piece.stored_at = None
        key = piece.object_key
    versions.remove(services, [key])


def find(session: Session, wanted: str) -> Asset:
    """The piece of this id; raises `NotFound`."""
    for piece in _all(session):
        if music_id(piece) == wanted:
            return piece
    raise NotFound(f"没有编号为 {shorten(wanted)} 的音乐")


def choose(session: Session, wanted: str, mood: str) -> Asset | None:
    """The piece that a film asks for: by id, or for "auto" the one that has most in common with the storyboard's music words.

    What counts are the terms of its title and tags (`music_words`); of equals the newest. None when "auto" finds nothing in common with
    any, and when no music is wanted; raises `NotFound` for an unknown id.
    """
    if not wanted:
        return None
    if wanted != AUTO:
        return find(session, wanted)
    words = terms(mood)
    fitting = [(len(words & _terms(piece)), piece) for piece in _all(session)]
    common, best = max(fitting, key=lambda each: each[0], default=(0, None))
    return best if common else None


def tags(piece: Asset) -> list[str]:
    """The words that a piece was given to be found by."""
    return list((piece.details or {}).get("tags") or [])


def _terms(piece: Asset) -> set[str]:
    return terms(" ".join([piece.title, *tags(piece)]))


def _all(session: Session) -> list[Asset]:
    pieces = select(Asset).where(Asset.kind == AssetKind.MUSIC, Asset.stored_at.is_not(None))
    return list(session.scalars(pieces.order_by(Asset.number.desc())))
