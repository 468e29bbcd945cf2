"""What a file is by its first bytes: a node's names and content types are not to be trusted."""

from __future__ import annotations

import io
import mmap
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import BinaryIO

from common.errors import BadNodeResult
from service.film.sound import pieces
from service.film.sound.pieces import STILL_BRANDS

HEAD = 512  # bytes


class Kind(Enum):
    """What is expected; the value is the word in an error's text."""

    IMAGE = "图片"
    AUDIO = "音频"
    VIDEO = "视频"


@dataclass(frozen=True)
class Sniffed:
    """The extension (without a dot) and content type that the bytes deserve."""

    extension: str
    content_type: str


def sniff(path: Path, kind: Kind) -> Sniffed:
    """Look at a file's first bytes, of a sound behind tags and zeros too; raises `BadNodeResult` when they are not of this kind."""
    with path.open("rb") as file:
        head = file.read(HEAD)
        found = _audio(file) if kind is Kind.AUDIO else {Kind.IMAGE: _image, Kind.VIDEO: _video}[kind](head)
    if found is not None:
        return found
    raise BadNodeResult(f"得到的文件不是{kind.value}：{_describe(head)}")


def _is_mp4(head: bytes) -> bool:
    return head[4:8] == b"ftyp" and head[8:12] not in STILL_BRANDS


def _image(head: bytes) -> Sniffed | None:
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return Sniffed("png", "image/png")
    if head.startswith(b"\xff\xd8\xff"):
        return Sniffed("jpg", "image/jpeg")
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return Sniffed("webp", "image/webp")
    return None


_SOUNDS = {  # by libav's names
    "wav": Sniffed("wav", "audio/wav"),
    "ogg": Sniffed("ogg", "audio/ogg"),
    "flac": Sniffed("flac", "audio/flac"),
    "mov": Sniffed("m4a", "audio/mp4"),
    "mp3": Sniffed("mp3", "audio/mpeg"),
    "aac": Sniffed("aac", "audio/aac"),
    "matroska": Sniffed("weba", "audio/webm"),
}


def _audio(file: BinaryIO) -> Sniffed | None:
    if file.seek(0, io.SEEK_END) == 0:
        return None
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return _SOUNDS.get(pieces.first(data)[0])


def _video(head: bytes) -> Sniffed | None:
    if _is_mp4(head):
        return Sniffed("mp4", "video/mp4")
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return Sniffed("webm", "video/webm")
    return None


def _describe(head: bytes) -> str:
    """For a person: what it is instead."""
    if not head:
        return "内容为空"
    text = head.lstrip()[:64].lower()
    if text.startswith((b"<!doctype", b"<html", b"<?xml")):
        return "是一个网页"
    if text.startswith((b"{", b"[")):
        return "是 JSON 文本"
    return "无法识别的格式"
