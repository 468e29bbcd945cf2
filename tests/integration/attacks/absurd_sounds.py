"""Sounds whose headers, rates, channels, lengths and containers nobody would send who wants to be heard.

Each is small; what it asks for when it is opened is not.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

from tests.support.hostile_media import ffmpeg

Make = Callable[[Path], object]
"""Writes the sound to a path, whose extension is the right one."""

TONE = ("-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000:duration=2")


def _wav(fmt: bytes, data: bytes, *, size: int | None = None, before: bytes = b"") -> Make:
    """A WAV file with this `fmt ` chunk; `size` is what its `data` chunk claims."""
    claimed = len(data) if size is None else size
    body = b"WAVE" + before + b"fmt " + struct.pack("<I", len(fmt)) + fmt + b"data" + struct.pack("<I", claimed) + data
    return lambda path: path.write_bytes(b"RIFF" + struct.pack("<I", len(body) & 0xFFFFFFFF) + body)


def _pcm(rate: int, channels: int, bits: int, *, code: int = 1, align: int | None = None) -> bytes:
    each = channels * bits // 8 if align is None else align
    return struct.pack("<HHIIHH", code, channels & 0xFFFF, rate, rate * max(1, each) & 0xFFFFFFFF, each & 0xFFFF, bits)


def _extensible(rate: int, channels: int, code: int) -> bytes:
    guid = struct.pack("<H", code) + bytes.fromhex("000000001000800000aa00389b71")
    return _pcm(rate, channels, 16, code=0xFFFE) + struct.pack("<HHI", 22, 16, 0xFFFFFFFF) + guid


def _made(*options: str, patch: Callable[[bytes], bytes] = bytes) -> Make:
    """What ffmpeg makes of two seconds of a tone, with some bytes changed."""

    def make(path: Path) -> None:
        ffmpeg(*TONE, *options, path)
        path.write_bytes(patch(path.read_bytes()))

    return make


def _poked(mark: bytes, offset: int, value: bytes) -> Callable[[bytes], bytes]:
    """Overwrites bytes at an offset from the first place of a mark."""

    def poke(data: bytes) -> bytes:
        at = data.index(mark) + offset
        return data[:at] + value + data[at + len(value) :]

    return poke


def _streaminfo(*, rate: int = 48_000, samples: int = 96_000, channels: int = 1) -> Callable[[bytes], bytes]:
    """Another rate, number of channels and of samples in a FLAC file's first block; its frames stay as they are."""

    def patch(data: bytes) -> bytes:
        packed = rate << 44 | (channels - 1) << 41 | 15 << 36 | samples
        return data[:18] + packed.to_bytes(8, "big") + data[26:]

    return patch


def _constant_flac(rate: int, seconds: int, channels: int) -> Make:
    """Silence by FLAC, 65,535 samples in a few bytes a channel: hours in some hundred kilobytes."""

    def make(path: Path) -> None:
        silence = f"anullsrc=sample_rate={rate}:channel_layout={channels}c"
        options = ("-t", str(seconds), "-c:a", "flac", "-frame_size", "65535", "-strict", "-2")
        ffmpeg("-f", "lavfi", "-i", silence, *options, path)

    return make


def _chained(count: int, *options: str) -> Make:
    """The same short stream over and over in one file."""

    def make(path: Path) -> None:
        ffmpeg(*TONE[:2], "-i", "sine=sample_rate=48000:duration=0.05", *options, path)
        path.write_bytes(path.read_bytes() * count)

    return make


def _many_tracks(count: int, *options: str) -> Make:
    return _made(*(word for _ in range(count) for word in ("-map", "0:a")), *options)


def _mp3_of_changes(path: Path) -> None:
    """Pieces of other rates and channels, one behind the other, in one file."""
    pieces = []
    for number, (rate, channels) in enumerate([(8_000, 1), (48_000, 2), (16_000, 2), (44_100, 1)] * 3):
        piece = path.with_name(f"piece-{number}.mp3")
        options = ("-t", "0.3", "-ar", str(rate), "-ac", str(channels), "-write_xing", "0", "-id3v2_version", "0")
        ffmpeg(*TONE, *options, piece)
        pieces.append(piece.read_bytes())
    path.write_bytes(b"".join(pieces))


def _id3(size: int) -> bytes:
    """The head of a tag that claims so many bytes."""
    return b"ID3\x04\0\0" + bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0))


def _boxes(depth: int) -> bytes:
    """Boxes of MP4, one in the other."""
    data = b""
    for _ in range(depth):
        data = struct.pack(">I4s", 8 + len(data), b"trak") + data
    return data


FREQUENCY = b"\xb5\x88"  # WebM's element for the sampling frequency, of eight bytes

# Name, extension, who makes it. Those of REFUSED are none that anybody could play as they are; of the others it does not matter which way
# they are taken, as long as it costs nothing.
REFUSED: list[tuple[str, str, Make]] = [
    ("WAV at 7 Hz", "wav", _wav(_pcm(7, 1, 8), bytes(range(256)) * 100)),
    ("WAV of 24 bits at 3999 Hz", "wav", _wav(_pcm(3_999, 2, 24), bytes(30_000))),
    ("WAV at 2^32-1 Hz", "wav", _wav(_pcm(0xFFFFFFFF, 1, 16), bytes(30_000))),
    ("WAV at 0 Hz", "wav", _wav(_pcm(0, 1, 16), bytes(30_000))),
    ("WAV without channels", "wav", _wav(_pcm(48_000, 0, 16), bytes(30_000))),
    ("WAV of 65535 channels", "wav", _wav(_pcm(8_000, 65_535, 8), bytes(600_000))),
    ("extensible WAV of 25 channels", "wav", _wav(_extensible(48_000, 25, 1), bytes(50_000))),
    ("extensible WAV at 11 Hz", "wav", _wav(_extensible(11, 1, 1), bytes(30_000))),
    ("µ-law WAV at 3 Hz", "wav", _wav(_pcm(3, 1, 8, code=7), bytes(range(256)) * 100)),
    ("floats at 5 Hz", "wav", _wav(_pcm(5, 1, 64, code=3), struct.pack("<d", 0.25) * 4_000)),
    ("ADPCM at 9 Hz", "wav", _made("-c:a", "adpcm_ima_wav", patch=_poked(b"fmt ", 12, struct.pack("<I", 9)))),
    ("Ogg of 40 tracks", "ogg", _many_tracks(40, "-c:a", "flac")),
    ("M4A of 60 tracks", "m4a", _many_tracks(60, "-c:a", "aac", "-b:a", "16k")),
    ("three hours of silence", "flac", _constant_flac(8_000, 3 * 3_600, 1)),
    ("a tag of 256 MB before nothing", "mp3", lambda path: path.write_bytes(_id3((1 << 28) - 1) + bytes(5_000))),
    ("boxes 60000 deep", "m4a", lambda path: path.write_bytes(b"\0\0\0\x14ftypM4A \0\0\0\0M4A " + _boxes(60_000))),
    ("only the head of FLAC", "flac", lambda path: path.write_bytes(b"fLaC" + b"\x80\0\0\x22" + bytes(34))),
]
BORNE: list[tuple[str, str, Make]] = [
    ("WebM at 1 Hz", "webm", _made("-c:a", "libopus", patch=_poked(FREQUENCY, 2, struct.pack(">d", 1.0)))),
    ("M4A whose sample entry says 2 Hz", "m4a", _made("-c:a", "alac", patch=_poked(b"alac", 36 - 8, b"\0\2\0\0"))),
    ("FLAC at 655350 Hz", "flac", _made("-c:a", "flac", patch=_streaminfo(rate=655_350))),
    ("WAV whose data claims 4 GB", "wav", _wav(_pcm(48_000, 2, 16), bytes(200_000), size=0xFFFFFFFF)),
    ("WAV of no bits", "wav", _wav(_pcm(48_000, 1, 0, align=0), bytes(30_000))),
    ("WAV of a codec that nobody knows", "wav", _wav(_pcm(48_000, 1, 16, code=0x7777), bytes(30_000))),
    (
        "CAF of a codec that nobody knows",
        "caf",
        _made("-c:a", "pcm_s16be", patch=lambda data: data.replace(b"lpcm", b"xxxx")),
    ),
    (
        "MKA of a codec that nobody knows",
        "mka",
        _made("-c:a", "flac", patch=lambda data: data.replace(b"A_FLAC", b"A_XYZW")),
    ),
    (
        "M4A of a codec that nobody knows",
        "m4a",
        _made("-c:a", "aac", patch=lambda data: data.replace(b"mp4a", b"xxxx")),
    ),
    ("WAV whose blocks are of 65535 bytes", "wav", _wav(_pcm(48_000, 1, 16, align=65_535), bytes(300_000))),
    (
        "WAV of NaN and infinity",
        "wav",
        _wav(_pcm(48_000, 1, 64, code=3), struct.pack("<2d", float("nan"), float("inf")) * 4_000),
    ),
    ("WAV of 1e38", "wav", _wav(_pcm(48_000, 1, 32, code=3), struct.pack("<f", 3e38) * 40_000)),
    ("WAV behind 20000 chunks", "wav", _wav(_pcm(48_000, 1, 16), bytes(90_000), before=b"junk\0\0\0\0" * 20_000)),
    ("WAV behind a chunk of 4 GB", "wav", _wav(_pcm(48_000, 1, 16), bytes(90_000), before=b"LIST\xff\xff\xff\xff")),
    ("FLAC of 2^36-1 samples", "flac", _made("-c:a", "flac", patch=_streaminfo(samples=(1 << 36) - 1))),
    ("FLAC whose head says 1 Hz", "flac", _made("-c:a", "flac", patch=_streaminfo(rate=1))),
    ("FLAC whose head says eight channels", "flac", _made("-c:a", "flac", patch=_streaminfo(channels=8))),
    ("FLAC at 384 kHz of eight channels for two minutes", "flac", _constant_flac(384_000, 120, 8)),
    ("MP3 of ever other rates", "mp3", _mp3_of_changes),
    ("MP3 whose head counts 2^32-1 frames", "mp3", _made("-c:a", "libmp3lame", patch=_poked(b"Info", 8, b"\xff" * 8))),
    (
        "MP3 in a hundred tags",
        "mp3",
        _made("-c:a", "libmp3lame", patch=lambda data: (_id3(100) + bytes(100)) * 100 + data),
    ),
    ("M4A of a timescale of 1", "m4a", _made("-c:a", "aac", patch=_poked(b"mdhd", 16, b"\0\0\0\1"))),
    ("M4A of a timescale of 2^32-1", "m4a", _made("-c:a", "aac", patch=_poked(b"mdhd", 16, b"\xff" * 4))),
    ("M4A whose samples last for years", "m4a", _made("-c:a", "aac", patch=_poked(b"stts", 16, b"\x7f\xff\xff\xff"))),
    ("M4A of 2^32-1 samples", "m4a", _made("-c:a", "aac", patch=_poked(b"stsz", 12, b"\xff" * 4))),
    (
        "M4A that begins after 60 years",
        "m4a",
        _made("-c:a", "aac", patch=_poked(b"elst", 12, b"\x7f\xff\xff\xff\xff\xff\xff\xff")),
    ),
    ("M4A whose chunks lie in the head", "m4a", _made("-c:a", "aac", patch=_poked(b"stco", 12, b"\0\0\0\0"))),
    ("Ogg of 1500 chained streams", "ogg", _chained(1_500, "-c:a", "flac", "-f", "ogg")),
    (
        "Ogg at the end of time",
        "ogg",
        _made(
            "-c:a",
            "libvorbis",
            patch=lambda data: (
                data[: data.rindex(b"OggS") + 6] + b"\xff" * 7 + b"\x7f" + data[data.rindex(b"OggS") + 14 :]
            ),
        ),
    ),
    ("Opus that skips all of itself", "ogg", _made("-c:a", "libopus", patch=_poked(b"OpusHead", 10, b"\xff\xff"))),
    ("Opus of 255 channels", "ogg", _made("-c:a", "libopus", patch=_poked(b"OpusHead", 9, b"\xff"))),
    (
        "Vorbis of 255 channels at 2^31 Hz",
        "ogg",
        _made("-c:a", "libvorbis", patch=_poked(b"\x01vorbis", 11, b"\xff\xff\xff\xff\x7f")),
    ),
    ("WebM at NaN Hz", "webm", _made("-c:a", "libopus", patch=_poked(FREQUENCY, 2, struct.pack(">d", float("nan"))))),
    ("WebM at 1e300 Hz", "webm", _made("-c:a", "libvorbis", patch=_poked(FREQUENCY, 2, struct.pack(">d", 1e300)))),
    ("WebM for 1e300 s", "webm", _made("-c:a", "libopus", patch=_poked(b"\x44\x89\x88", 3, struct.pack(">d", 1e300)))),
    (
        "ADTS cut in each frame",
        "aac",
        _made(
            "-c:a",
            "aac",
            patch=lambda data: b"".join(
                part[:40] for part in (b"\xff\xf1" + rest for rest in data.split(b"\xff\xf1")[1:])
            ),
        ),
    ),
    (
        "ADTS of an unknown rate",
        "aac",
        _made("-c:a", "aac", patch=lambda data: data.replace(data[:3], data[:2] + bytes([data[2] | 0x3C]))),
    ),
]
