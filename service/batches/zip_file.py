"""A ZIP that a stranger sent: its entries, each looked at before anything is unpacked, and unpacked in memory within limits.

What the file says of itself is believed nowhere: the central directory must end where the end record begins and hold as many entries as
that says; every entry's own header must say what the directory does; entries may not lie in one another; and what comes out must be as long
as was said, and have that check sum. There is no ZIP64: what it is for would be over the limits. (PKWARE's APPNOTE.TXT, 4.3 to 4.5)
"""

from __future__ import annotations

import itertools
import re
import stat
import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

from common.errors import InvalidInput

MAX_ENTRIES = 1000  # with folders and what file managers leave
MAX_UNPACKED = 32 << 20  # bytes, of all entries together
MAX_RATIO = 100  # bytes that come out of one
MAX_COMMENT = 0xFFFF

_END, _END_SIGN = struct.Struct("<4s4H2LH"), b"PK\5\6"
_CENTRAL, _CENTRAL_SIGN = struct.Struct("<4s6H3L5H2L"), b"PK\1\2"
_LOCAL, _LOCAL_SIGN = struct.Struct("<4s5H3L2H"), b"PK\3\4"
_ZIP64, _ZIP64_COUNT = 0xFFFFFFFF, 0xFFFF
_ENCRYPTED = 1 | 1 << 6 | 1 << 13  # in the flags: plainly, strongly, with masked headers
_PATCH, _SIZES_BEHIND, _UTF8 = 1 << 5, 1 << 3, 1 << 11
_STORED, _DEFLATED = 0, 8
_UNICODE_NAME = 0x7075  # Info-ZIP's extra field
_DRIVE = re.compile(r"[A-Za-z]:")


class Entry(NamedTuple):
    """An entry as the central directory has it; `data` is where its bytes lie in the archive. Sizes are in bytes."""

    name: str
    method: int
    crc: int
    packed: int
    unpacked: int
    data: int
    is_folder: bool


def entries_of(archive: bytes) -> list[Entry]:
    """All entries, in the archive's order; raises `InvalidInput` for an archive that is broken, lies, or holds what is not taken."""
    try:
        found = list(_entries(archive))
    except struct.error as error:
        raise _refused("文件不完整或已损坏") from error
    if sum(entry.unpacked for entry, _ in found) > MAX_UNPACKED:
        raise _refused(f"解压后不能超过 {MAX_UNPACKED >> 20} MiB")
    spans = sorted(span for _, span in found)
    if any(before[1] > after[0] for before, after in itertools.pairwise(spans)):
        raise _refused("其中的文件互相重叠")
    names = [entry.name for entry, _ in found]
    if len(set(names)) < len(names):
        raise _refused("其中有重名的文件")
    return [entry for entry, _ in found]


def unpacked(archive: bytes, entry: Entry) -> bytes:
    """An entry's bytes; raises `InvalidInput` unless they are what its header says."""
    packed = archive[entry.data : entry.data + entry.packed]
    if entry.method == _STORED:
        content = packed
    else:
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            content = inflater.decompress(packed, entry.unpacked + 1)
        except zlib.error as error:
            raise _refused(f"{entry.name} 无法解压") from error
        if not inflater.eof or inflater.unused_data or inflater.unconsumed_tail:
            raise _refused(f"{entry.name} 的大小与声明不符")
    if len(content) != entry.unpacked or zlib.crc32(content) != entry.crc:
        raise _refused(f"{entry.name} 的内容与声明不符")
    return content


def _entries(archive: bytes) -> Iterator[tuple[Entry, tuple[int, int]]]:
    """Each entry, and from where to where it lies in the archive, with its header."""
    start, end, count = _directory(archive)
    at = start
    for _ in range(count):
        fields = _CENTRAL.unpack_from(archive, at)
        if fields[0] != _CENTRAL_SIGN:
            raise _refused("目录已损坏")
        name_length, extra_length, comment_length = fields[10:13]
        name_at = at + _CENTRAL.size
        raw_name = archive[name_at : name_at + name_length]
        extra = archive[name_at + name_length : name_at + name_length + extra_length]
        at = name_at + name_length + extra_length + comment_length
        if at > end:
            raise _refused("目录已损坏")
        yield _entry(archive, fields, raw_name, extra, start)
    if at != end:
        raise _refused("目录中的文件数与声明不符")


def _directory(archive: bytes) -> tuple[int, int, int]:
    """Where the central directory begins and ends, and how many entries it is said to have."""
    at = archive.rfind(_END_SIGN, max(0, len(archive) - _END.size - MAX_COMMENT))
    if at < 0:
        raise _refused("不是 ZIP 文件，或文件不完整")
    _, disk, first_disk, here, count, size, offset, comment = _END.unpack_from(archive, at)
    if at + _END.size + comment != len(archive):
        raise _refused("文件末尾有多余的内容")
    if _ZIP64_COUNT in (here, count) or _ZIP64 in (size, offset) or archive[at - 20 : at - 16] == b"PK\6\7":
        raise _refused("不支持 ZIP64")
    if disk or first_disk or here != count:
        raise _refused("不支持分卷")
    if count > MAX_ENTRIES:
        raise _refused(f"最多 {MAX_ENTRIES} 个条目，收到 {count} 个")
    if offset + size != at:
        raise _refused("目录的位置与声明不符")
    return offset, at, count


def _entry(
    archive: bytes, fields: tuple[int, ...], raw_name: bytes, extra: bytes, limit: int
) -> tuple[Entry, tuple[int, int]]:
    _, _, _, flags, method, _, _, crc, packed, size, _, _, _, _, _, attributes, offset = fields
    name = _name(raw_name, extra, flags)
    _check_name(name)
    if flags & _ENCRYPTED:
        raise _refused(f"{name} 已加密")
    if flags & _PATCH or method not in (_STORED, _DEFLATED):
        raise _refused(f"{name} 的压缩方式不受支持")
    if _ZIP64 in (packed, size, offset):
        raise _refused("不支持 ZIP64")
    kind = stat.S_IFMT(attributes >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise _refused(f"{name} 是链接或特殊文件")
    if size > MAX_RATIO * max(packed, 1) or (method == _STORED and size != packed):
        raise _refused(f"{name} 的压缩比过大，最多 {MAX_RATIO}" if method else f"{name} 的大小与声明不符")
    data = _data(archive, (flags, method, crc, packed, size), offset, raw_name)
    if data + packed > limit:
        raise _refused(f"{name} 与目录重叠")
    return Entry(name, method, crc, packed, size, data, name.endswith("/")), (offset, data + packed)


def _data(archive: bytes, said: tuple[int, int, int, int, int], offset: int, raw_name: bytes) -> int:
    """Where an entry's bytes begin; its own header must say what the directory says."""
    sign, _, flags, method, _, _, *sizes, name_length, extra_length = _LOCAL.unpack_from(archive, offset)
    start = offset + _LOCAL.size
    if sign != _LOCAL_SIGN or archive[start : start + name_length] != raw_name or (flags, method) != said[:2]:
        raise _refused("文件头与目录不符")
    later = flags & _SIZES_BEHIND and sizes in ([0, 0, 0], [0, _ZIP64, _ZIP64])  # written before they were known
    if not later and sizes != list(said[2:]):
        raise _refused("文件头与目录不符")
    return start + int(name_length) + int(extra_length)


def _name(raw: bytes, extra: bytes, flags: int) -> str:
    """In UTF-8 where it says so or is so, else as Chinese systems write names."""
    name = _unicode_name(raw, extra) or raw
    for encoding in ("utf-8",) if flags & _UTF8 else ("utf-8", "gb18030"):
        try:
            return name.decode(encoding).replace("\\", "/")
        except UnicodeDecodeError:
            continue
    raise _refused("其中的文件名无法识别")


def _unicode_name(raw: bytes, extra: bytes) -> bytes:
    """The name that an extra field has in UTF-8, where that is of this name; b"" where there is none."""
    while len(extra) >= 4:
        kind, length = struct.unpack_from("<2H", extra)
        body, extra = extra[4 : 4 + length], extra[4 + length :]
        if kind == _UNICODE_NAME and len(body) > 5 and int.from_bytes(body[1:5], "little") == zlib.crc32(raw):
            return body[5:]
    return b""


def _check_name(name: str) -> None:
    shown = "".join(character if character.isprintable() else "·" for character in name[:60])
    if not name or "\0" in name:
        raise _refused(f"文件名无效：{shown}")
    if name.startswith("/") or _DRIVE.match(name) or ".." in name.split("/"):
        raise _refused(f"文件名不能是绝对路径或含有 ..：{shown}")


def _refused(reason: str) -> InvalidInput:
    return InvalidInput("body", f"ZIP 无法使用：{reason}")
