"""What programs write into images beside the pixels, broken or large: the picture is shown without it, and let in as it is shown."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFile, PngImagePlugin

from service.film.errors import FilmError, UnusableMedia
from service.film.frames.image_file import check_image, load_image

SIZE = (48, 32)
SIGNATURE = b"\x89PNG\r\n\x1a\n"


def _pixels() -> np.ndarray[tuple[int, int, int], np.dtype[np.uint8]]:
    """Different in every corner, so that no two poses are alike."""
    pixels = np.full((SIZE[1], SIZE[0], 3), 90, np.uint8)
    pixels[:16, :24], pixels[:16, 24:], pixels[16:, :24] = (200, 30, 30), (30, 180, 40), (30, 40, 200)
    return pixels


def _chunk(kind: bytes, body: bytes, *, crc: int | None = None) -> bytes:
    checksum = zlib.crc32(kind + body) if crc is None else crc
    return struct.pack(">I4s", len(body), kind) + body + struct.pack(">I", checksum)


def _with_chunk(path: Path, chunk: bytes, *, last: bool = False) -> None:
    """The picture as a PNG, with a chunk after its header, or after its pixels."""
    with io.BytesIO() as file:
        Image.fromarray(_pixels()).save(file, "PNG")
        data = file.getvalue()
    place = len(data) - 12 if last else 33
    path.write_bytes(data[:place] + chunk + data[place:])


def _shown(path: Path) -> np.ndarray[tuple[int, int, int], np.dtype[np.uint8]]:
    """As a film shows it; what it shows is let in."""
    check_image(path)
    return load_image(path, 1, SIZE)


LARGE = zlib.compress(bytes((1 << 20) + 1))
LABEL = "AIGC：{'Label': '1'}".encode()
NOTES = {
    "a label for Exif": _chunk(b"eXIf", LABEL),
    "an empty Exif": _chunk(b"eXIf", b""),
    "an Exif of one byte": _chunk(b"eXIf", b"M"),
    "an Exif that points outside": _chunk(b"eXIf", b"II*\0\xff\xff\xff\x7f"),
    "an Exif with a wrong checksum": _chunk(b"eXIf", LABEL, crc=1),
    "a large profile": _chunk(b"iCCP", b"p\0\0" + LARGE),
    "a profile that does not unpack": _chunk(b"iCCP", b"p\0\0nonsense"),
    "a profile cut off": _chunk(b"iCCP", b"p\0\0" + LARGE[:9]),
    "a profile packed by another method": _chunk(b"iCCP", b"p\0\1" + zlib.compress(b"x")),
    "an empty profile": _chunk(b"iCCP", b""),
    "a profile that is none": _chunk(b"iCCP", b"p\0\0" + zlib.compress(b"nonsense")),
    "a large text": _chunk(b"zTXt", b"Comment\0\0" + LARGE),
    "a large text that is not packed": _chunk(b"tEXt", b"Comment\0" + bytes((1 << 20) + 1)),
    "a large international text": _chunk(b"iTXt", b"Comment\0\1\0\0\0" + LARGE),
    "seventy texts of a megabyte": _chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(1 << 20))) * 70,
    "a text with a wrong checksum": _chunk(b"tEXt", b"Comment\0x", crc=7),
    "a text that does not unpack": _chunk(b"zTXt", b"Comment\0\0nonsense"),
    "a text packed by another method": _chunk(b"zTXt", b"Comment\0\1x"),
    "a note of nobody's with a wrong checksum": _chunk(b"caBX", b"{}", crc=7),
    "a rendering intent cut off": _chunk(b"sRGB", b""),
    "a gamma cut off": _chunk(b"gAMA", b"\0"),
    "chromaticities cut off": _chunk(b"cHRM", b"\0"),
    "a resolution cut off": _chunk(b"pHYs", b"\0"),
    "an animation of no frames": _chunk(b"acTL", bytes(8)),
    "an animation cut off": _chunk(b"acTL", b"\0"),
    "a transparent colour cut off": _chunk(b"tRNS", b"\0"),
}


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("note", NOTES)
def test_a_png_is_shown_whatever_its_notes_are(tmp_path: Path, note: str, last: bool) -> None:
    limits = PngImagePlugin.MAX_TEXT_CHUNK, PngImagePlugin.MAX_TEXT_MEMORY, ImageFile.LOAD_TRUNCATED_IMAGES
    _with_chunk(tmp_path / "a.png", NOTES[note], last=last)
    assert np.array_equal(_shown(tmp_path / "a.png"), _pixels())
    assert limits == (PngImagePlugin.MAX_TEXT_CHUNK, PngImagePlugin.MAX_TEXT_MEMORY, ImageFile.LOAD_TRUNCATED_IMAGES)


@pytest.mark.parametrize("kind", [b"IHDR", b"PLTE"])
def test_what_a_png_needs_must_be_right(tmp_path: Path, kind: bytes) -> None:
    Image.fromarray(_pixels()).quantize(8).save(tmp_path / "a.png")
    data = bytearray((tmp_path / "a.png").read_bytes())
    data[data.index(kind) + 5] ^= 1
    (tmp_path / "a.png").write_bytes(data)
    with pytest.raises(UnusableMedia):
        check_image(tmp_path / "a.png")
    with pytest.raises(FilmError, match="镜头 1"):
        load_image(tmp_path / "a.png", 1, SIZE)


def _exif(kind: int, count: int, value: bytes, *, before: bytes = b"", entries: int | None = None) -> bytes:
    """An Exif block with an orientation of this type, count and value, after other entries."""
    number = len(before) // 12 + 1 if entries is None else entries
    return (
        b"II*\0\x08\0\0\0"
        + struct.pack("<H", number)
        + before
        + struct.pack("<HHI", 0x112, kind, count)
        + value
        + bytes(4)
    )


SIX = b"\6\0\0\0"
BROKEN = {
    "a label": LABEL,
    "nothing": b"",
    "orientation 0": _exif(3, 1, bytes(4)),
    "orientation 9": _exif(3, 1, b"\x09\0\0\0"),
    "orientation 99": _exif(3, 1, b"\x63\0\0\0"),
    "text": _exif(2, 2, b"6\0\0\0"),
    "floating point": _exif(11, 1, struct.pack("<f", 6.5)),
    "no type": _exif(99, 1, SIX),
    "four billion values": _exif(3, 0xFFFFFFFF, SIX),
    "no value": _exif(3, 0, SIX),
    "values outside": _exif(3, 9, b"\xff\xff\xff\x7f"),
    "a directory outside": b"II*\0\xff\xff\xff\x7f",
    "a directory cut off": _exif(3, 1, SIX)[:-9],
    "a header cut off": b"II*\0",
}
USABLE = {
    "sound": _exif(3, 1, SIX),
    "of many entries": _exif(3, 1, SIX, entries=9000),
    "after a width of a wrong type": _exif(3, 1, SIX, before=struct.pack("<HHI4s", 0x100, 1, 1, SIX)),
    "after a text of four billion": _exif(3, 1, SIX, before=struct.pack("<HHI4s", 0x10E, 2, 0xFFFFFFFF, SIX)),
    "after a text outside": _exif(3, 1, SIX, before=struct.pack("<HHI4s", 0x10E, 2, 99, b"\xff\xff\xff\x7f")),
}


def _save(path: Path, exif: bytes, kind: str) -> None:
    if kind == "PNG":
        _with_chunk(path, _chunk(b"eXIf", exif))
    else:
        options = {"quality": 95, "subsampling": 0} if kind == "JPEG" else {"lossless": True}
        Image.fromarray(_pixels()).save(path, kind, exif=b"Exif\0\0" + exif, **options)


def _near(
    one: np.ndarray[tuple[int, int, int], np.dtype[np.uint8]],
) -> Callable[[np.ndarray[tuple[int, int, int], np.dtype[np.uint8]]], bool]:
    return lambda other: one.shape == other.shape and float(np.abs(one.astype(int) - other).mean()) < 3


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("exif", BROKEN)
def test_an_image_whose_orientation_cannot_be_read_is_shown_unturned(tmp_path: Path, exif: str, kind: str) -> None:
    _save(tmp_path / "a", BROKEN[exif], kind)
    assert _near(_shown(tmp_path / "a"))(_pixels())


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("exif", USABLE)
def test_an_orientation_is_followed_whatever_else_is_broken(tmp_path: Path, exif: str, kind: str) -> None:
    _save(tmp_path / "a", USABLE[exif], kind)
    assert _near(_shown(tmp_path / "a"))(np.rot90(_pixels(), -1))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_is_the_pose_that_exif_means(tmp_path: Path, orientation: int) -> None:
    _save(tmp_path / "a", _exif(3, 1, bytes([orientation, 0, 0, 0])), "PNG")
    first = orientation - 1  # where the first row and column of the file are seen: CIPA DC-008, 4.6.4
    upright = _pixels().transpose(1, 0, 2) if orientation > 4 else _pixels()
    upright = upright[::-1] if first in (2, 3, 6, 7) else upright
    upright = upright[:, ::-1] if first in (1, 2, 5, 6) else upright
    assert np.array_equal(_shown(tmp_path / "a"), upright)
