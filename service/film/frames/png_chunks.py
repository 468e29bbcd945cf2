"""What of a PNG file decides its pixels, without what programs note beside them.

Notes are often broken, or large: a text that unpacks to megabytes, an Exif block that is none, a wrong checksum. Viewers leave such notes
out and show the picture; Pillow refuses the file, and its limits hold for a whole process. So it gets none of them to read.
"""

from __future__ import annotations

import io
import os
import struct
import zlib
from typing import IO

SIGNATURE = b"\x89PNG\r\n\x1a\n"
LARGEST_NOTE = 1 << 20  # bytes, unpacked: what Pillow takes of a colour profile
_HEAD = struct.Struct(">I4s")
_GREY, _RGB, _PALETTE = 0, 2, 3  # colour types


def picture_chunks(file: IO[bytes]) -> io.BytesIO:
    """A PNG, whose signature was read, as its critical chunks and those of transparency, colour profile and orientation that are whole.

    What is no PNG from somewhere on is handed over as it is.
    """
    here = file.tell()
    size = file.seek(0, os.SEEK_END)
    file.seek(here)
    kept = io.BytesIO()
    kept.write(SIGNATURE)
    header = b""
    while len(head := file.read(_HEAD.size)) == _HEAD.size:
        length, kind = _HEAD.unpack(head)
        if not kind.isalpha():  # Pillow's to judge
            kept.write(head + file.read())
            break
        if kind[0] & 0x20:  # ancillary
            _keep_note(file, kind, length, header, kept)
            continue
        body = file.read(min(length + 4, size))
        kept.write(head + body)
        header = header or body
        if kind == b"IEND":
            break
    kept.seek(0)
    return kept


def _keep_note(file: IO[bytes], kind: bytes, length: int, header: bytes, kept: io.BytesIO) -> None:
    """Copy an ancillary chunk, if it is one that is needed and can be used."""
    if kind not in (b"tRNS", b"iCCP", b"eXIf") or length > LARGEST_NOTE:
        file.seek(length + 4, os.SEEK_CUR)
        return
    body, said = file.read(length), file.read(4)
    if said != _checksum(kind, body):
        return
    if kind == b"tRNS":
        body = _transparency(body, *header[8:10]) if len(header) > 9 else b""
    elif kind == b"iCCP" and not _unpacks(body):
        return
    if body:
        kept.write(_HEAD.pack(len(body), kind) + body + _checksum(kind, body))


def _checksum(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", zlib.crc32(kind + body))


def _transparency(body: bytes, depth: int, colour: int) -> bytes:
    """What is transparent, in the steps of Pillow's pixels, since it compares the two as they are; empty where it cannot be used."""
    if colour == _PALETTE:
        return body[:256]
    count = {_GREY: 1, _RGB: 3}.get(colour)
    if count is None or len(body) != 2 * count:
        return b""
    values = struct.unpack(f">{count}H", body)
    if colour == _RGB and depth == 16:
        values = tuple(value >> 8 for value in values)
    elif depth in (2, 4):
        values = tuple(min(255, value * (255 // ((1 << depth) - 1))) for value in values)
    return struct.pack(f">{count}H", *values)


def _unpacks(body: bytes) -> bool:
    """Whether a profile (a name, 0, the method 0, packed data) is whole and within `LARGEST_NOTE`."""
    name, _, packed = body.partition(b"\0")
    unpacker = zlib.decompressobj()
    try:
        unpacker.decompress(packed[1:], LARGEST_NOTE)
    except zlib.error:
        return False
    return bool(name) and packed[:1] == b"\0" and unpacker.eof
