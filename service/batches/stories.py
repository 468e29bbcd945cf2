"""The stories of a ZIP: each text a story, its file's name the title."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from common.errors import InvalidInput
from service.batches import zip_file
from service.batches.text_file import decoded

MAX_STORIES = 100
TEXTS = (".txt", ".md", ".markdown", ".text")
_MAC_FOLDER, _LEFT_BY_SYSTEMS = "__macosx/", ("thumbs.db", "desktop.ini")
_ARCHIVES = (".zip", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar", ".tar", ".jar", ".zst")
_SIGNS = (b"PK\3\4", b"PK\5\6", b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0", b"7z\xbc\xaf\x27\x1c", b"Rar!", b"\x28\xb5\x2f\xfd")
_TAR_AT, _TAR = 257, b"ustar"


@dataclass(frozen=True)
class Story:
    """One story of a batch: its `name` in what was sent, the parameters of its project, and `error` where it cannot be one."""

    name: str
    parameters: dict[str, Any] = field(default_factory=dict)
    error: InvalidInput | None = None


def of_archive(archive: bytes, *, max_title: int) -> list[Story]:
    """Each file of a ZIP; one that is no text is a story with an error. Raises `InvalidInput` for an archive that is refused."""
    entries = [entry for entry in zip_file.entries_of(archive) if not entry.is_folder and not _is_left(entry.name)]
    check_count(len(entries))
    contents = [(entry.name, zip_file.unpacked(archive, entry)) for entry in entries]
    nested = [name for name, content in contents if _is_archive(name, content)]
    if nested:
        raise InvalidInput("body", f"ZIP 无法使用：其中又有压缩文件 {nested[0][:60]}")
    return list(_stories(contents, max_title))


def check_count(count: int) -> None:
    """Raise `InvalidInput` for no story, and for too many."""
    if count == 0:
        raise InvalidInput("body", "没有收到故事")
    if count > MAX_STORIES:
        raise InvalidInput("body", f"一次最多 {MAX_STORIES} 个故事，收到 {count} 个")


def _stories(contents: list[tuple[str, bytes]], max_title: int) -> Iterator[Story]:
    for name, content in contents:
        path = PurePosixPath(name)
        if path.suffix.lower() not in TEXTS:
            yield Story(name, error=InvalidInput("file", f"{path.name} 不是文本文件（{'、'.join(TEXTS)}）"))
            continue
        try:
            text = decoded(content)
        except ValueError as error:
            yield Story(name, error=InvalidInput("story_text", str(error)))
            continue
        title = " ".join("".join(c if c.isprintable() else " " for c in path.stem).split())[:max_title]
        yield Story(name, {"story_text": text, "title": title})


def _is_left(name: str) -> bool:
    """Whether it is what a file manager left, and nobody's story."""
    lower = name.lower()
    own = lower.rpartition("/")[2]
    return lower.startswith(_MAC_FOLDER) or own.startswith(".") or own in _LEFT_BY_SYSTEMS


def _is_archive(name: str, content: bytes) -> bool:
    return name.lower().endswith(_ARCHIVES) or content.startswith(_SIGNS) or content[_TAR_AT : _TAR_AT + 5] == _TAR
