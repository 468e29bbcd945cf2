"""Pictures and clips of absurd sizes, times and contents: looked at in a child, refused in words or of use, at a bounded cost."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from service.film.decoder import Decoder
from service.film.errors import UnusableMedia
from tests.support.hostile_media import ffmpeg, watched
from tests.support.soak import soaking

MANY = 900 << 20  # bytes; a picture of 100 megapixels takes 300 of them
Make = Callable[[], bytes]


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _png(
    width: int,
    height: int,
    *,
    bits: int = 8,
    colour: int = 0,
    data: bytes | None = None,
    before: bytes = b"",
    interlaced: int = 0,
) -> Make:
    """A PNG whose rows are zeros, or which holds the given data."""

    def make() -> bytes:
        row = 1 + width * bits * {0: 1, 2: 3, 3: 1, 6: 4}[colour] // 8
        packer = zlib.compressobj(9)
        packed = (
            b"".join([packer.compress(bytes(row)) for _ in range(height)] + [packer.flush()]) if data is None else data
        )
        head = _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, interlaced))
        return b"\x89PNG\r\n\x1a\n" + head + before + _chunk(b"IDAT", packed) + _chunk(b"IEND", b"")

    return make


def _saved(
    form: str, size: tuple[int, int] = (64, 64), patch: Callable[[bytes], bytes] = bytes, **options: object
) -> Make:
    def make() -> bytes:
        target = io.BytesIO()
        Image.new("RGB", size, "red").save(target, form, **options)
        return patch(target.getvalue())

    return make


def _bomb(megabytes: int) -> bytes:
    return zlib.compress(bytes(megabytes << 20), 9)


def _gif(width: int, height: int, frames: int) -> Make:
    frame = b"\x21\xf9\x04\0\1\0\0\0\x2c" + struct.pack("<4HB", 0, 0, width, height, 0) + b"\x02\x02\x44\x01\0"
    return lambda: b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + bytes(6) + frame * frames + b";"


def _jpeg_of(width: int, height: int) -> Make:
    """A JPEG whose frame header claims this size."""

    def patch(data: bytes) -> bytes:
        at = data.index(b"\xff\xc0") + 5
        return data[:at] + struct.pack(">HH", height, width) + data[at + 4 :]

    return _saved("JPEG", patch=patch)


EXIF = b"Exif\0\0MM\0\x2a\0\0\0\x08\xff\xff" + b"\x01\x12\0\3\xff\xff\xff\xff\0\6\0\0" * 5_000
REFUSED: dict[str, Make] = {
    "1 pixel by 100000": _png(1, 100_000),
    "100000 pixels by 5000": _png(100_000, 5_000, bits=1),
    "30001 pixels by 2000": _png(30_001, 2_000, bits=1),
    "21 times as wide as high": _png(2_100, 100),
    "2^31-1 pixels by 1": _png(2**31 - 1, 1, data=_bomb(1)),
    "no pixels": _png(0, 0, data=_bomb(1)),
    "120 megapixels of one bit": _png(12_000, 10_000, bits=1),
    "rows that are not there": _png(4_000, 4_000, data=_bomb(1)),
    "a JPEG that claims 65500 a side": _jpeg_of(65_500, 65_500),
    "a JPEG that claims no height": _jpeg_of(64, 0),
    "a GIF of 65535 a side": _gif(65_535, 65_535, 1),
    "a BMP of a negative height": _saved("BMP", patch=lambda data: data[:22] + struct.pack("<i", -(2**31)) + data[26:]),
    "a BMP of 2^31-1 by 1": _saved("BMP", patch=lambda data: data[:18] + struct.pack("<ii", 2**31 - 1, 1) + data[26:]),
    "a TIFF whose directory is its own next": lambda: b"II*\0\x08\0\0\0\1\0\0\1\4\0\1\0\0\0\x10\0\0\0\x08\0\0\0",
    "a program for a printer": lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 100 100\n/a {(x) print a} def a\n",
    "vectors": lambda: (
        b'<svg xmlns="http://www.w3.org/2000/svg" width="100" height="100"><image href="http://127.0.0.1:1/"/></svg>'
    ),
    "a list of files": lambda: b"ffconcat version 1.0\nfile /etc/passwd\n",
    "nothing": lambda: b"",
    "only the mark": lambda: b"\x89PNG\r\n\x1a\n",
    "a WebP that claims 16384 a side": _saved(
        "WEBP", lossless=True, patch=lambda data: data[:21] + b"\xff\xff\xff\x0f" + data[25:]
    ),
}
BORNE: dict[str, Make] = {
    "text that unpacks to 500 MB": _png(64, 64, before=_chunk(b"zTXt", b"a\0\0" + _bomb(500))),
    "a profile that unpacks to 500 MB": _png(64, 64, before=_chunk(b"iCCP", b"a\0\0" + _bomb(500))),
    "texts that unpack to 60 MB together": _png(64, 64, before=_chunk(b"zTXt", b"a\0\0" + _bomb(1)) * 60),
    "data that unpacks to 500 MB behind its rows": _png(64, 64, data=_bomb(500)),
    "twenty thousand empty chunks": _png(64, 64, before=_chunk(b"teST", b"") * 20_000),
    "an animation of 100000 pictures": _gif(16, 16, 100_000),
    "an animation that claims 2^31-1 pictures": _png(64, 64, before=_chunk(b"acTL", struct.pack(">II", 2**31 - 1, 0))),
    "Exif of 65535 entries": _saved("JPEG", exif=EXIF),
    "interlaced rows of 100 megapixels": _png(10_000, 10_000, bits=1, interlaced=1, data=_bomb(13)),
    "sixteen bits and transparency": _png(3_000, 3_000, bits=16, colour=6),
    "a JPEG of a thousand comments": _saved(
        "JPEG",
        patch=lambda data: data[:2] + b"\xff\xfe\xff\xff" * 0 + (b"\xff\xfe\x01\0" + bytes(254)) * 1_000 + data[2:],
    ),
    "an icon in an icon": _saved("ICO", size=(64, 64)),
    "a JPEG within a JPEG": _saved("MPO"),
}
KEPT = {
    "1 pixel by 100000",
    "a JPEG that claims no height",
    "text that unpacks to 500 MB",
    "vectors",
    "an animation that claims 2^31-1 pictures",
}


def looked_at(path: Path) -> str:
    """Why a picture or a clip is refused; "" where it is not."""
    with watched() as peak, Decoder() as decoder:
        try:
            if path.suffix == ".picture":
                decoder.check_image(path)
            else:
                assert 0 < decoder.check_clip(path) <= 600
        except UnusableMedia as error:
            refusal = str(error)
        else:
            refusal = ""
    assert peak.bytes < MANY
    assert "意外" not in refusal
    return refusal


@pytest.mark.parametrize("kind", soaking(REFUSED, keep=KEPT))
def test_a_picture_of_no_use_is_refused_in_words(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "a.picture"
    path.write_bytes(REFUSED[kind]())
    assert looked_at(path)


@pytest.mark.parametrize("kind", soaking(BORNE, keep=KEPT))
def test_what_hides_in_a_picture_costs_nothing(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "a.picture"
    path.write_bytes(BORNE[kind]())
    looked_at(path)


SECOND = ("-f", "lavfi", "-i", "testsrc2=s=160x90:r=10:d=1")
H264 = ("-c:v", "libx264", "-pix_fmt", "yuv420p")
Clip = Callable[[Path], object]


def _clip(*options: str, patch: Callable[[bytes], bytes] = bytes, source: tuple[str, ...] = SECOND) -> Clip:
    def make(path: Path) -> None:
        ffmpeg(*source, *(options or H264), path)
        path.write_bytes(patch(path.read_bytes()))

    return make


def _poked(mark: bytes, offset: int, value: bytes) -> Callable[[bytes], bytes]:
    def poke(data: bytes) -> bytes:
        at = data.index(mark) + offset
        return data[:at] + value + data[at + len(value) :]

    return poke


def _playlist(text: str) -> Clip:
    return lambda path: path.write_text(text, encoding="utf-8")


CLIPS: dict[str, tuple[str, Clip]] = {
    "of a codec that nobody knows": (
        "mkv",
        _clip(patch=lambda data: data.replace(b"V_MPEG4/ISO/AVC", b"V_MPEG4/ISO/XYZ")),
    ),
    "of a sample entry that nobody knows": ("mp4", _clip(patch=lambda data: data.replace(b"avc1", b"xxxx"))),
    "whose pixels are a million times as wide": ("mp4", _clip("-vf", "setsar=1000000/1", *H264)),
    "whose pixels are as nothing": ("mp4", _clip("-vf", "setsar=1/1000000", *H264)),
    "of a timescale of 1": ("mp4", _clip(patch=_poked(b"mdhd", 16, b"\0\0\0\1"))),
    "of a timescale of 0": ("mp4", _clip(patch=_poked(b"mdhd", 16, b"\0\0\0\0"))),
    "whose pictures last for years": ("mp4", _clip(patch=_poked(b"stts", 16, b"\x7f\xff\xff\xff"))),
    "of 2^32-1 pictures": ("mp4", _clip(patch=_poked(b"stsz", 12, b"\xff\xff\xff\xff"))),
    "that begins after 60 years": ("mp4", _clip(patch=_poked(b"elst", 12, b"\x7f\xff\xff\xff\x7f\xff\xff\xff"))),
    "turned by a matrix of nothing": ("mp4", _clip(patch=_poked(b"tkhd", 44, bytes(36)))),
    "whose track claims 65535 a side": ("mp4", _clip(patch=_poked(b"tkhd", 80, b"\xff\xff\0\0\xff\xff\0\0"))),
    "that lasts 1e300 s by its head": ("mkv", _clip(patch=_poked(b"\x44\x89\x88", 3, struct.pack(">d", 1e300)))),
    "that lasts NaN by its head": ("mkv", _clip(patch=_poked(b"\x44\x89\x88", 3, struct.pack(">d", float("nan"))))),
    "of a size of 2^31": ("mkv", _clip(patch=_poked(b"\xb0\x81\xa0", 1, b"\x81\x00"))),
    "with a hole of a day": ("mkv", _clip(*H264, "-bsf:v", "setts=ts='if(gt(N,4),TS+86400/TB,TS)'")),
    "that goes back in time": ("mkv", _clip(*H264, "-bsf:v", "setts=pts='PTS':dts='N'")),
    "all of one time": ("mkv", _clip("-c:v", "mjpeg", "-bsf:v", "setts=ts=0")),
    "of no pictures": ("mp4", _clip(*H264, "-frames:v", "0")),
    "of a picture that is named as another codec": ("mp4", _clip(patch=lambda data: data.replace(b"avc1", b"hvc1"))),
    "a GIF": ("gif", _clip("-f", "gif")),
    "an AVI": ("avi", _clip("-c:v", "mpeg4")),
    "a stream for television": ("ts", _clip(*H264, "-f", "mpegts")),
    "a list of parts": (
        "m3u8",
        _playlist("#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:1/a.ts\n#EXTINF:1,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n"),
    ),
    "a list of files": ("mp4", _playlist("ffconcat version 1.0\nfile /dev/zero\n")),
    "a session": (
        "sdp",
        _playlist(
            "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=a\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 9 RTP/AVP 96\na=rtpmap:96 H264/90000\n"
        ),
    ),
    "a manifest": (
        "mpd",
        _playlist('<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><MPD>&b;</MPD>'),
    ),
    "boxes 60000 deep": ("mp4", lambda path: path.write_bytes(b"\0\0\0\x14ftypisom\0\0\0\0isom" + _boxes(60_000))),
    "a box of 2^63": (
        "mp4",
        lambda path: path.write_bytes(b"\0\0\0\x14ftypisom\0\0\0\0isom\0\0\0\1moov" + b"\x7f" + b"\xff" * 7),
    ),
}
CLIPS_IN_CI = {"of a codec that nobody knows", "of a timescale of 0", "with a hole of a day", "a list of parts"}
OF_NO_USE = {
    kind
    for kind in CLIPS
    if kind.startswith(
        ("a list", "a session", "a manifest", "boxes", "a box", "of no pictures", "with a hole", "of a codec")
    )
}


def _boxes(depth: int) -> bytes:
    """Boxes of MP4, one in the other."""
    data = bytearray()
    for level in range(depth):
        data[:0] = struct.pack(">I4s", 8 + 8 * level, b"trak") if level < 3_000 else b""
    return bytes(data)


@pytest.mark.parametrize("kind", soaking(CLIPS, keep=CLIPS_IN_CI))
def test_an_absurd_clip_is_refused_in_words_or_of_use(kind: str, tmp_path: Path) -> None:
    suffix, make = CLIPS[kind]
    path = tmp_path / f"a.{suffix}"
    make(path)
    refusal = looked_at(path)
    assert refusal or kind not in OF_NO_USE
