"""The music library: uploads, and the choice of a piece for a film by what its title and tags have in common with the words that a
storyboard has for its music.
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import Any, BinaryIO

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from common import caller
from common.errors import BadNodeResult, InvalidInput, NotFound, TooLarge
from models import outbox
from models.asset import Asset, AssetKind
from models.db import retrying
from service import intake
from service.assets import versions
from service.assets.media_type import Kind, sniff
from service.container import Services
from service.fields import shorten
from service.film.decoder import visiting_decoder
from service.film.errors import UnusableMedia
from service.schemas import MusicUpload
from service.workflow import once

AUTO = "auto"
MAX_NAME = 200  # characters of a title that is taken from a file's name

# Music is of no project and no shot. The index on assets begins with these: without them every asset of every project is looked at.
_PIECES = select(Asset).where(
    Asset.project_id == "", Asset.kind == AssetKind.MUSIC, Asset.shot_id == "", Asset.stored_at.is_not(None)
)
_NUMBER = re.compile(r"[1-9][0-9]{0,8}")  # what fits the column

# Storyboards and titles name moods in either language, each with words of its own; the first word of a row stands for all of it.
_MOODS = (
    "calm peaceful quiet gentle soft relaxing serene soothing ambient slow 平静 宁静 舒缓 安静 轻柔 柔和 安详 悠扬 平和 恬静",
    "joyful happy cheerful bright upbeat playful lively fun merry 欢乐 欢快 快乐 轻快 愉快 活泼 喜悦 开心 喜庆 俏皮",
    "sad wistful melancholy sorrowful lonely tearful mournful 忧伤 悲伤 伤感 哀伤 忧郁 凄美 孤独 惆怅",
    "tense suspense suspenseful thriller urgent dark scary horror danger 紧张 悬疑 惊悚 恐怖 急促 危险 阴暗 压抑",
    "mysterious mystery magical dreamy fantasy enchanted ethereal 神秘 奇幻 梦幻 魔幻 空灵 诡异",
    "heroic epic grand triumphant adventure inspiring powerful 昂扬 史诗 宏大 激昂 壮丽 磅礴 冒险 热血 励志 豪迈",
    "warm tender cosy cozy romantic love sweet touching heartwarming 温馨 温暖 浪漫 温情 甜蜜 感人 治愈",
    "piano 钢琴",
    "guitar 吉他",
    "strings violin cello 弦乐 小提琴 大提琴",
    "flute 笛子 长笛 竹笛",
    "guzheng zither 古筝 古琴",
    "orchestra orchestral symphony 管弦乐 交响乐 交响",
    "electronic synth 电子",
    "folk 民谣 民乐 民族",
)
# They say that it is music, which all of it is.
_FILLERS = "a an and background bgm in mood music of piece song sound soundtrack the track with 背景音乐 背景 音乐 配乐 乐曲 风格 氛围"

_TERMS = {word: row.split()[0] for row in _MOODS for word in row.split()} | dict.fromkeys(_FILLERS.split(), "")
_CHINESE_WORDS = sorted((word for word in _TERMS if not word.isascii()), key=len, reverse=True)


def _as_added(services: Services, kept: dict[str, Any]) -> tuple[Asset, list[str]]:
    with services.database.read() as session:
        piece = session.get(Asset, kept["key"])
    if piece is None:
        raise NotFound("音乐不存在")
    return piece, kept["notes"]


@once.once(_as_added)
def add(services: Services, stream: BinaryIO, filename: str, upload: MusicUpload) -> tuple[Asset, list[str]]:
    """Store an uploaded piece of music under its title, or its file's name; the piece, and what there is to tell about the file (Chinese).

    Raises `TooLarge` over `film.max_music` bytes, `InvalidInput` when it is nothing that can be played.
    """
    name = upload.title.strip() or _name(filename)
    owner = versions.AssetOwner(project_id="", title=name)
    with tempfile.TemporaryDirectory(prefix="s2v-") as folder:
        path = Path(folder) / "music"
        limit = services.settings.film.max_music
        intake.receive(stream, path, limit, lambda: too_large(limit))
        extension, seconds, notes = _looked_at(path)
        intake.check_room(services)
        asset = versions.reserve(services, AssetKind.MUSIC, owner, extension, path.stat().st_size)
        try:
            versions.store_file(services, asset, path, owner, hurry=True)  # its client waits
            asset.details = {"duration": max(1, round(seconds)), "tags": upload.words()}
            _publish(services, asset, notes)
        except BaseException:
            versions.discard(services, asset)
            raise
    return asset, notes


def _looked_at(path: Path) -> tuple[str, float, list[str]]:
    """The extension that a file deserves, how long its sound is, and what there is to tell about it; raises `InvalidInput`."""
    try:
        extension = sniff(path, Kind.AUDIO).extension
        with visiting_decoder() as decoder:
            return extension, *decoder.look_at_sound(path)
    except (BadNodeResult, UnusableMedia) as error:
        raise InvalidInput(
            "file", f"file 不是可播放的音频（支持 mp3、wav、m4a、ogg、flac、aac、webm）：{error}"
        ) from error


@retrying
def _publish(services: Services, asset: Asset, notes: list[str]) -> None:
    with services.database.write() as session:
        once.begin(session, services.clock.now())
        once.made(session, {"key": asset.object_key, "notes": notes})
        versions.mark_stored(session, asset, now=services.clock.now())


def _name(filename: str) -> str:
    """A file's name for a person: without its folders (of either kind of system), its extension, and what cannot be shown."""
    stem = Path(re.split(r"[/\\]", filename)[-1]).stem
    return " ".join("".join(c if c.isprintable() else " " for c in stem).split())[:MAX_NAME] or "music"


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
        outbox.remove(session, [piece.object_key], piece.project_id)


def find(session: Session, wanted: str) -> Asset:
    """The piece of this id; raises `NotFound`."""
    if _NUMBER.fullmatch(wanted):
        piece = session.scalar(_pieces().where(Asset.number == int(wanted)))
        if piece is not None and music_id(piece) == wanted:
            return piece
    raise NotFound(f"没有编号为 {shorten(wanted)} 的音乐")


def choose(session: Session, wanted: str, mood: str, owner: str | None = None) -> Asset | None:
    """The piece that a film asks for: by id, or for "auto" the one that has most in common with the storyboard's music words.

    What counts are the terms of its title and tags (`search_terms`); of equals the newest. None when "auto" finds nothing in common with
    any, and when no music is wanted; raises `NotFound` for an unknown id. "auto" takes none but the pieces of the project's `owner`.
    """
    if not wanted:
        return None
    if wanted != AUTO:
        return find(session, wanted)
    words = search_terms(mood)
    fitting = [(len(words & _terms(piece)), piece) for piece in _all(session) if owner in (None, piece.owner_id)]
    common, best = max(fitting, key=lambda each: each[0], default=(0, None))
    return best if common else None


def tags(piece: Asset) -> list[str]:
    """The words that a piece was given to be found by."""
    return list((piece.details or {}).get("tags") or [])


def search_terms(text: str) -> set[str]:
    """What a text says: moods and instruments under one name in both languages, its other Latin words, pairs of its Chinese characters.

    Pairs stand in for words, which Chinese does not part.
    """
    rest = text.lower()
    found = {_TERMS.get(word, word) for word in re.findall(r"[a-z0-9]+", rest)}
    for word in _CHINESE_WORDS:
        if word in rest:
            found.add(_TERMS[word])
            rest = rest.replace(word, " ")
    for run in re.findall(r"[\u4e00-\u9fff]+", rest):
        found.update(run[at : at + 2] for at in range(len(run) - 1))
    return found - {""}


def _terms(piece: Asset) -> set[str]:
    return search_terms(" ".join([piece.title, *tags(piece)]))


def _all(session: Session) -> list[Asset]:
    return list(session.scalars(_pieces().order_by(Asset.number.desc())))


def _pieces() -> Select[tuple[Asset]]:
    """The pieces that the caller may see."""
    owner = caller.restricted_to()
    return _PIECES if owner is None else _PIECES.where(Asset.owner_id == owner)
