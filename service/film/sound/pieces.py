"""Where the sounds of a file lie: often it is several, joined byte by byte, or one whose header was written before its length was known.

A header's lengths are held against the bytes, and every sound goes to libav by itself, under a header that tells the truth: libav would
stop where the first header says, or take a header for sound.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from service.film.sound import riff
from service.film.sound.frames import IN_A_ROW, Bytes, Length, adts_length, counted, in_a_row, mpeg_length

Range = tuple[int, int]
"""Bytes of the file: from, and up to."""

_FARTHEST = 64 << 10  # bytes of something else that may lie before a sound
_LONGEST_BEGINNING = 48  # bytes of what `_BEGINNING` matches, and of what lies before a Xing header
_MOST_TAGS = 16  # that lie one behind the other
_MISCOUNTED = 2  # frames by which encoders' counts differ

# Beginnings that only a beginning has; `_beginning` looks closer at each.
_BEGINNING = re.compile(
    rb"RIFF.{4}WAVE|RF64.{4}WAVE|fLaC[\0\x80]\0\0\x22|OggS\0[\x02\x06]|\x1aE\xdf\xa3|ID3[\x02-\x04].[\0-\xf0][\0-\x7f]{4}|(?:Xing|Info)\0\0\0"
    rb"|\0\0.{2}ftyp(?:M4A |M4B |isom|iso[2-9]|mp4[12]|dash|qt  |3gp)",
    re.DOTALL,
)
_BOX = re.compile(rb"[A-Za-z0-9 \xa9-]{4}")
_ZEROS = re.compile(rb"\0+")
# What libav alone reads: nothing in it is looked for.
_OTHERS = (b"FORM", b"caff", b".snd", b"#!AM", b"riff", b"\x30\x26\xb2\x75", b"\x0b\x77", b"RIFX")
STILL_BRANDS = {b"avif", b"avis", b"heic", b"heix", b"mif1", b"msf1"}  # images in MP4's container


@dataclass
class Piece:
    """One sound: what libav is to read (a WAV header made of `form`, where there is one, and `ranges` of the file) as which format.

    `format` is libav's name of it; "" lets it find out. `claims_s` is how long the sound's header says that it is, where that can only be
    compared when it has been decoded. `resumes` says that it may be the rest of the piece before it.
    """

    format: str
    ranges: list[Range]
    form: bytes = b""
    claims_s: float | None = None
    resumes: bool = False


@dataclass
class Found:
    """What was noticed while the pieces were looked for."""

    sounds: int = 0
    disputed: bool = False
    unknown: int = 0
    """Bytes that are of no sound."""

    def notes(self) -> list[str]:
        """The same for users."""
        notes = []
        if self.sounds > 1:
            notes.append(f"文件由 {self.sounds} 段声音拼接而成，比文件头写的长度长，已全部读入")
        elif self.disputed:
            notes.append("文件头写的长度与实际内容不符，已按实际内容读入")
        if self.unknown:
            notes.append(f"其中 {self.unknown} 字节不是声音，已略过")
        return notes


def format_at(data: Bytes, at: int = 0) -> str:
    """libav's name of the format that begins at a place; "" where none of those that are known does."""
    head = data[at : at + 64]
    for name, begins in _HEADS.items():
        if begins(head):
            return name
    for name, length_of in _FRAMES.items():
        length = length_of(data, at)
        # A single frame, too, is a sound where nothing but a tag follows.
        if length and (length_of(data, at + length) or _after_tags(data, at + length) >= len(data)):
            return name
    return ""


def first(data: Bytes) -> tuple[str, int]:
    """The first sound's format, and where it begins: behind tags, zeros and, at most so far as libav looks, bytes of something else."""
    at = _after_tags(data, 0)
    name = format_at(data, at)
    if name or data[at : at + 4].startswith(_OTHERS):
        return name, at
    at = _after_tags(data, _next(data, at, min(len(data), at + _FARTHEST)))
    return format_at(data, at), at


def pieces(data: Bytes, found: Found) -> Iterator[Piece]:
    """The file's sounds in order; `found` is complete when all were asked for."""
    if not first(data)[0]:
        found.sounds = 1
        yield Piece("", [(0, len(data))])
        return
    last: Piece | None = None
    for piece in _each(data, found):
        resumes = piece.resumes and last is not None and piece.format == last.format
        found.sounds += not resumes
        if last is not None and (resumes or (piece.form and piece.form == last.form and riff.is_pcm(piece.form))):
            last.ranges += piece.ranges
            continue
        if last is not None:
            yield last
        last = piece
    if last is not None:
        yield last


def _each(data: Bytes, found: Found) -> Iterator[Piece]:
    at, size, parted = 0, len(data), False
    walks = _Walks(data, found)
    while (begins := _after_tags(data, at)) < size:
        parted = parted or (begins > at and data[at] != 0)
        name = format_at(data, begins)
        if not name:
            at = _next(data, begins, size)
            found.unknown += at - begins
            parted = False  # what is broken in the middle is no other sound
            continue
        piece, at = walks.by_format[name](begins)
        if sum(end - start for start, end in piece.ranges):
            piece.resumes = piece.resumes and not parted
            yield piece
        parted = False


def _after_tags(data: Bytes, at: int) -> int:
    """Behind what players leave out: zeros, ID3, APE and Lyrics3 tags."""
    for _ in range(_MOST_TAGS):
        head, before = data[at : at + 32], at
        if zeros := _ZEROS.match(data, at):
            at = zeros.end()
            for back in (2, 3):  # the size of an MP4 file's first box begins with zeros
                if at - back >= before and data[at - back + 4 : at - back + 8] == b"ftyp":
                    return at - back
        elif head.startswith(b"ID3") and len(head) >= 10 and max(head[6:10]) < 0x80:
            size = head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9]
            at += 10 + size + (10 if head[5] & 0x10 else 0)
        elif head.startswith(b"TAG+"):
            at += 227
        elif head.startswith(b"TAG"):
            at += 128
        elif head.startswith(b"APETAGEX") and len(head) == 32:
            # Its size counts the footer and not the header.
            at += int.from_bytes(head[12:16], "little") + (32 if head[23] & 0x20 else 0)
        elif head.startswith(b"LYRICSBEGIN"):
            end = data.find(b"LYRICS200", at, at + (1 << 20))
            at = at if end < 0 else end + 9
        if at == before:
            break
    return min(at, len(data))


def _next(data: Bytes, at: int, end: int) -> int:
    """Where the next sound begins from `at` on, known by its beginning or by frames in a row; `end` where none does."""
    reach = 1 << 10  # a little at first, so that many gaps take no longer than one
    while at < end:
        until = min(end, at + reach)
        begins = _beginning(data, at, until)
        sync = data.find(b"\xff", at, begins)
        while sync >= 0:
            if any(in_a_row(data, sync, length_of, IN_A_ROW) for length_of in _FRAMES.values()):
                return sync
            sync = data.find(b"\xff", sync + 1, begins)
        if begins < until:
            return begins
        at, reach = until, reach * 2
    return end


def _beginning(data: Bytes, at: int, end: int) -> int:
    """Where the next sound begins that has a header, from `at` on; `end` where none does."""
    for match in _BEGINNING.finditer(data, at, min(len(data), end + _LONGEST_BEGINNING)):
        begins = match.start()
        if begins >= end:
            break
        if match[0].startswith(b"ID3"):
            if format_at(data, _after_tags(data, begins)):
                return begins
        elif match[0][:4] in (b"Xing", b"Info"):
            for frame in (begins - 36, begins - 21, begins - 13):
                if frame >= at and mpeg_length(data, frame) and counted(data, frame) is not None:
                    return frame
        elif format_at(data, begins):
            return begins
    return end


class _Walks:
    """Goes through one sound at a time: each walk takes where it begins, and returns it with the place where it ends."""

    def __init__(self, data: Bytes, found: Found) -> None:
        self._data, self._found = data, found
        self._known = (0, -1)
        self.by_format: dict[str, Callable[[int], tuple[Piece, int]]] = {
            "wav": self._wav,
            "mp3": partial(self._frames, "mp3"),
            "aac": partial(self._frames, "aac"),
            "ogg": self._ogg,
            "flac": self._flac,
            "mov": self._mp4,
            "matroska": self._matroska,
        }

    def next(self, at: int) -> int:
        """Where the next sound begins that has a header; found once, however often it is asked for."""
        looked_from, begins = self._known
        if not looked_from <= at <= begins:
            self._known = at, _beginning(self._data, at, len(self._data))
        return self._known[1]

    def begins(self, at: int) -> bool:
        """Whether a sound, or a tag before it, begins there."""
        return bool(format_at(self._data, _after_tags(self._data, at)))

    def _wav(self, at: int) -> tuple[Piece, int]:
        wav = riff.read(self._data, at, self)
        self._found.disputed |= wav.disputed
        if not wav.form:  # libav says what is amiss
            return Piece("wav", [(at, wav.end)]), wav.end
        return Piece("wav", wav.ranges, wav.form), wav.end

    def _frames(self, name: str, at: int) -> tuple[Piece, int]:
        data, length_of = self._data, _FRAMES[name]
        said = counted(data, at) if name == "mp3" else None
        begins = end = at if said is None else at + length_of(data, at)
        count = 0
        while length := length_of(data, end):
            if end > at and name == "mp3" and counted(data, end) is not None:
                break  # another sound
            end, count = end + length, count + 1
        end = min(end, len(data))
        if said is not None and said >= 0 and abs(said - count) > _MISCOUNTED:
            self._found.disputed, at = True, begins  # libav would leave out what the header calls padding
        return Piece(name, [(at, end)], resumes=said is None), end

    def _ogg(self, at: int) -> tuple[Piece, int]:
        """Up to the page that begins another chain (RFC 3533, 6)."""
        data, start, begun = self._data, at, False
        while 0 <= at < len(data):
            head = data[at : at + 27]
            if head[:5] != b"OggS\0" or len(head) < 27:
                if format_at(data, _after_tags(data, at)):
                    break
                at = data.find(b"OggS\0", at + 1)
                continue
            if begun and head[5] & 2:
                break
            begun = not head[5] & 2
            at += 27 + head[26] + sum(data[at + 27 : at + 27 + head[26]])
        end = min(at, len(data)) if at >= 0 else len(data)
        return Piece("ogg", [(start, end)]), end

    def _flac(self, at: int) -> tuple[Piece, int]:
        data, start = self._data, at
        info = data[at + 8 : at + 42]
        rate, samples = int.from_bytes(info[10:13], "big") >> 4, int.from_bytes(info[13:18], "big") & 0xFFFFFFFFF
        at, more = at + 4, True
        while more and at + 4 <= len(data):  # pictures among the metadata may hold anything
            more = data[at] < 0x80
            at += 4 + int.from_bytes(data[at + 1 : at + 4], "big")
        end = self.next(min(at, len(data)))
        return Piece("flac", [(start, end)], claims_s=samples / rate if samples and rate else None), end

    def _mp4(self, at: int) -> tuple[Piece, int]:
        """Box by box (ISO/IEC 14496-12, 4.2), up to what is no box, or to another file's first."""
        data, start = self._data, at
        while at < len(data):
            head = data[at : at + 16]
            size, kind = int.from_bytes(head[:4], "big"), head[4:8]
            if not _BOX.fullmatch(kind) or (kind == b"ftyp" and at > start):
                break
            size = int.from_bytes(head[8:16], "big") if size == 1 else size or len(data) - at
            if size < 8:
                break
            at += size
        self._found.disputed |= at > len(data)
        end = min(at, len(data))
        return Piece("mov", [(start, end)]), end

    def _matroska(self, at: int) -> tuple[Piece, int]:
        """The EBML header and its segment, whose length may be unknown (RFC 8794, 6.2)."""
        data, start = self._data, at
        at = _element_end(data, at + 4)
        end = _element_end(data, at + 4) if data[at : at + 4] == b"\x18\x53\x80\x67" else -1
        end = self.next(max(at, start + 4)) if end < 0 else end
        self._found.disputed |= end > len(data)
        end = min(end, len(data))
        return Piece("matroska", [(start, end)]), end


def _element_end(data: Bytes, at: int) -> int:
    """Where an element ends whose length stands at `at`; -1 where it is unknown."""
    head = data[at : at + 8]
    width = 9 - head[0].bit_length() if head and head[0] else 9
    if width > len(head):
        return -1
    length = int.from_bytes(head[:width], "big") & ((1 << 7 * width) - 1)
    return -1 if length == (1 << 7 * width) - 1 else at + width + length


_FRAMES: dict[str, Length] = {"mp3": mpeg_length, "aac": adts_length}
_HEADS: dict[str, Callable[[bytes], bool]] = {
    "wav": riff.begins,
    "ogg": lambda head: head.startswith(b"OggS\0"),
    "flac": lambda head: head.startswith(b"fLaC"),
    "mov": lambda head: head[4:8] == b"ftyp" and head[8:12] not in STILL_BRANDS,
    "matroska": lambda head: head.startswith(b"\x1aE\xdf\xa3") and (b"webm" in head or b"matroska" in head),
}
