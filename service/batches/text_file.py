"""Texts as people's files hold them."""

from __future__ import annotations

import codecs

_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


def decoded(content: bytes) -> str:
    """The text in UTF-8, in UTF-16 with its mark, or else in GB 18030, which GBK and GB 2312 are part of. Raises ValueError."""
    for mark, encoding in (*_MARKS, (b"", "utf-8"), (b"", "gb18030")):
        if content.startswith(mark):
            try:
                return content.decode(encoding).replace("\r\n", "\n")
            except UnicodeDecodeError:
                continue
    raise ValueError("文件既不是 UTF-8 或 UTF-16 文本，也不是 GBK 文本")
