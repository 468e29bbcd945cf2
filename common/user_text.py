"""Texts for users: they say what is wrong, not where this server, or a model node, keeps its files. Logs keep the paths."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from pathlib import Path

HIDDEN = "…"

_ROUTES = ("v1", "api", "tasks", "files", "static", "health", "healthz", "readyz")  # addresses of ours, and of the node
_QUOTED = re.compile(r"([\"'`‘“])(/[^\"'`‘’“”\n]*)(?=[\"'`’”])")
_WORD = re.compile(r"[^\s\"'`‘’“”<>|*?:,;()\[\]{}，。；：、（）【】《》]+")
_START = re.compile(r"(?<![\w.~%/-])/+|(?<=[^\x00-\x7f])/+(?=[A-Za-z0-9_.])")
_NAME = re.compile(r".*\.[A-Za-z0-9]{1,5}(?![A-Za-z0-9])|[\x21-\x7e]*")  # Chinese only before a suffix
_FILE_NAME = re.compile(r"[^/]*[^/.][^/]*\.[A-Za-z0-9]{1,5}")
_roots: set[str] = set()


def hide(folder: str | os.PathLike[str]) -> None:
    """Take a folder for one that no text names, whatever characters are in its path."""
    for path in (os.path.abspath(folder), os.path.realpath(folder)):  # noqa: PTH100 - without asking whether it is there
        if path.count("/") > 1 or " " in path:
            _roots.add(path)


for _folder in (tempfile.gettempdir(), sys.prefix, Path(__file__).parent.parent, Path("~").expanduser()):
    hide(_folder)


def without_paths(text: str) -> str:
    """The text with absolute paths shortened to the name of the file, or to "…" where they name a folder. Addresses stay."""
    if "/" not in text:
        return text
    for root in sorted(_roots, key=len, reverse=True):
        text = text.replace(root, "/-/-")  # as a path without blanks
    text = _QUOTED.sub(lambda quoted: quoted[1] + _shortened(quoted[2]), text)
    return _WORD.sub(_in_word, text)


def _in_word(word: re.Match[str]) -> str:
    start = _START.search(word[0]) if "/" in word[0] else None
    if start is None or _is_address(word, start.start()):
        return word[0]
    folder, slash, last = word[0][start.start() :].rpartition("/")
    name = _NAME.match(last)
    end = name.end() if name else 0
    path = (folder + slash + last[:end]).rstrip(".")  # a full stop behind it
    return word[0][: start.start()] + _shortened(path) + word[0][start.start() + len(path) :]


def _is_address(word: re.Match[str], start: int) -> bool:
    """Whether it is `//host/path` behind `http:`; `file:` has a third slash."""
    return start == 0 and word.string[: word.start()].endswith(":") and re.match(r"//[^/]", word[0]) is not None


def _shortened(path: str) -> str:
    folders, _, name = path.strip("/").rpartition("/")
    if not folders or folders.split("/", 1)[0] in _ROUTES:
        return path
    return name if _FILE_NAME.fullmatch(name) else HIDDEN
