"""WAV files whose lengths are not to be believed: read on from chunk to chunk as far as the bytes bear the lengths out."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass, field
from typing import Protocol

from service.film.sound.frames import Bytes

_HEADER = 12  # bytes of RIFF, its size, WAVE
_UNKNOWN = 0xFFFFFFFF  # a length that was not known when the header was written; in RF64 another chunk has it
_FARTHEST = 64 << 10  # bytes in which samples are looked for behind a chunk of a wrong length
_PCM, _FLOAT, _ALAW, _MULAW, _EXTENSIBLE = 1, 3, 6, 7, 0xFFFE
_NAMES = set(
    b"fmt |data|LIST|fact|cue |bext|JUNK|junk|PAD |id3 |ID3 |smpl|inst|iXML|PEAK|afsp|cart|DISP|minf|elm1|regn|umid|LGWV|axml|chna|levl"
    b"|link|plst|FLLR|_PMX|aXML|acid|strc|ds64|INFO|SAUR".split(b"|")
)
_PRINTABLE = re.compile(rb"[ -~]{4}")


class Sounds(Protocol):
    """Where other sounds are."""

    def next(self, at: int) -> int:
        """Where the next one begins that has a header, from `at` on; the file's end where none does."""
        ...

    def begins(self, at: int) -> bool:
        """Whether one begins there."""
        ...


@dataclass
class Wav:
    """One WAV file's format chunk, where its samples lie, and where it ends; `disputed` where its lengths are not those of the bytes."""

    form: bytes = b""
    ranges: list[tuple[int, int]] = field(default_factory=list)
    end: int = 0
    disputed: bool = False


def begins(head: bytes) -> bool:
    """Whether these are the first bytes of a WAV file."""
    return head[:4] in (b"RIFF", b"RF64") and head[8:12] == b"WAVE"


def is_pcm(form: bytes) -> bool:
    """Whether any whole number of samples can stand alone, or go on where others end."""
    return int.from_bytes(form[:2], "little") in (_PCM, _FLOAT, _ALAW, _MULAW, _EXTENSIBLE)


def header(form: bytes, size: int) -> bytes:
    """What stands before `size` bytes of samples of this format."""
    size = min(size, _UNKNOWN - 1024)
    chunk = b"fmt " + struct.pack("<I", len(form)) + form + bytes(len(form) & 1)
    return b"RIFF" + struct.pack("<I", 4 + len(chunk) + 8 + size) + b"WAVE" + chunk + b"data" + struct.pack("<I", size)


def read(data: Bytes, at: int, sounds: Sounds) -> Wav:
    """The WAV file that begins at a place, with all its `data` chunks; another sound ends it, whatever its lengths say."""
    wav, start, real = Wav(), at, 0
    at += _HEADER
    while at + 8 <= len(data) and not begins(data[at : at + _HEADER]):
        name, length = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        at += 8
        if name == b"data":
            claimed = real if length == _UNKNOWN and real else length
            end = _samples_end(data, at, claimed, sounds)
            wav.disputed |= end != at + claimed
            wav.ranges.append((at, end))
            at = _behind(data, end, at) if end == at + claimed else end
        elif _is_chunk(data, at - 8):
            if name == b"fmt ":
                wav.form = wav.form or data[at : at + length]
            elif name == b"ds64":
                real = int.from_bytes(data[at + 8 : at + 16], "little")
            at = _behind(data, at + length, at)
        else:
            at -= 8
            samples = -1 if wav.ranges else _lost(data, at)
            if samples < 0:
                break
            at = samples
    wav.end = min(at, len(data))
    size = int.from_bytes(data[start + 4 : start + 8], "little")
    # The padding behind the last chunk is counted by some and not by others.
    wav.disputed |= abs(start + 8 + size - wav.end) > 1 and not (real and size == _UNKNOWN)
    wav.ranges = [_whole(each, wav.form) for each in wav.ranges]
    return wav


def _samples_end(data: Bytes, at: int, claimed: int, sounds: Sounds) -> int:
    """Where the samples end that begin at `at`: where their chunk says, if a chunk, another sound or nothing follows there."""
    stop, end = sounds.next(at), at + claimed
    if end > stop:
        return stop
    padded = end + (claimed & 1)
    follows = stop in (end, padded) or _is_chunk(data, end) or _is_chunk(data, padded) or sounds.begins(end)
    return end if follows else stop


def _lost(data: Bytes, at: int) -> int:
    """Where the samples' chunk begins after one whose length is wrong; -1 where it is not found."""
    return data.find(b"data", at + 1, at + _FARTHEST)


def _behind(data: Bytes, end: int, begins_at: int) -> int:
    """Behind a chunk, and the byte that fills it up to an even length, which not all write."""
    if (end - begins_at) & 1 and not _is_chunk(data, end) and not begins(data[end : end + _HEADER]):
        return end + 1
    return end


def _is_chunk(data: Bytes, at: int) -> bool:
    """Whether a chunk can begin here: it has a usual name, or others follow it up to the end."""
    while True:
        name, length = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        if name in _NAMES and (at + 8 + length <= len(data) or name == b"data"):
            return True
        if not _PRINTABLE.fullmatch(name) or at + 8 + length > len(data):
            return False
        at += 8 + length + (length & 1)
        if at >= len(data):
            return True


def _whole(samples: tuple[int, int], form: bytes) -> tuple[int, int]:
    """Without the part of a sample at the end, behind which nothing else could be put."""
    start, end = samples
    if not is_pcm(form) or len(form) < 16:
        return samples
    channels, bits = int.from_bytes(form[2:4], "little"), int.from_bytes(form[14:16], "little")
    block = max(1, channels * ((bits + 7) // 8))
    return start, end - (end - start) % block
