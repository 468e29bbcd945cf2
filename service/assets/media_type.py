"""What a file is by its first bytes: a node's names and content types are not to be trusted."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from common.errors import BadNodeResult

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
    """Look at a file's first bytes; raises `BadNodeResult` when they are not of this kind."""
    with path.open("rb") as file:
        head = file.read(HEAD)
    found = {Kind.IMAGE: _image, Kind.AUDIO: _audio, Kind.VIDEO: _video}[kind](head)
    if found is not None:
        return found
    raise BadNodeResult(f"得到的文件不是{kind.value}：{_describe(head)}")


STILL_BRANDS = {b"avif", b"avis", b"heic", b"heix", b"mif1", b"msf1"}  # images in MP4's container


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


def _audio(head: bytes) -> Sniffed | None:
    if head[:4] in (b"RIFF", b"RF64") and head[8:12] == b"WAVE":
        return Sniffed("wav", "audio/wav")
    if head.startswith(b"OggS"):
        return Sniffed("ogg", "audio/ogg")
    if head.startswith(b"fLaC"):
        return Sniffed("flac", "audio/flac")
    if _is_mp4(head):
        return Sniffed("m4a", "audio/mp4")
    if head.startswith(b"ID3") or _is_mpeg_audio_frame(head):
        return Sniffed("mp3", "audio/mpeg")
    return None


def _is_mpeg_audio_frame(head: bytes) -> bool:
    """An MPEG audio frame header (ISO/IEC 11172-3, 2.4.1.3): 11 sync bits, layer III, a bit rate and a sample rate that exist."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return False
    version, layer = head[1] >> 3 & 3, head[1] >> 1 & 3
    return version != 1 and layer == 1 and head[2] >> 4 not in (0, 15) and head[2] >> 2 & 3 != 3


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
