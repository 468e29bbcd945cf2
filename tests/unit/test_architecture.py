"""The map in doc/architecture.md is the tree's, and every file that the page names is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "doc/architecture.md").read_text("utf-8")
MAP = PAGE.partition("## The map")[2].partition("```\n")[2].partition("```")[0]
ROOM = re.compile(r"^(?P<indent> *)(?P<folder>[a-z_]+)/ +(?P<text>.*)$")
PRODUCT = ("common", "config", "models", "service", "processor", "routers", "runtime")
NAMED = re.compile(r"`((?:[a-z_0-9]+/)+[A-Za-z_0-9]+\.(?:py|sql))`")
QUESTIONS = PAGE.partition("## Where does it happen?")[2].partition("\n## ")[0]
CONSUMERS = ("main.py", *PRODUCT)


def rooms() -> dict[str, set[str]]:
    """The map's modules by folder; a line that is indented more deeply than its room goes on with it."""
    found: dict[str, set[str]] = {}
    parents: list[str] = []
    folder = ""
    for line in MAP.splitlines():
        room = ROOM.match(line)
        if room is not None:
            level = len(room["indent"]) // 2
            parents[level:] = [room["folder"]]
            folder = "/".join(parents)
        text = (
            room["text"].partition(":")[2] if room is not None and ":" in room["text"] else line if room is None else ""
        )
        found.setdefault(folder, set()).update(re.findall(r"[a-z_0-9]+", text))
    found.pop("", None)
    return {folder: names - {"and"} for folder, names in found.items()}


def folders() -> dict[str, set[str]]:
    """The product's modules by folder."""
    found: dict[str, set[str]] = {}
    for package in PRODUCT:
        for path in (ROOT / package).rglob("*.py"):
            names = found.setdefault(path.parent.relative_to(ROOT).as_posix(), set())
            if path.stem != "__init__":
                names.add(path.stem)
    return found


def paths(modules: dict[str, set[str]]) -> set[str]:
    """Folders and modules as paths, so that a failure names them."""
    return {f"{folder}/" for folder in modules} | {
        f"{folder}/{name}.py" for folder, names in modules.items() for name in names
    }


def test_the_map_shows_every_folder_and_every_module_of_the_product() -> None:
    assert paths(rooms()) == paths(folders())


def test_every_file_that_the_page_names_is_there() -> None:
    named = set(NAMED.findall(PAGE))
    assert len(named) > 40
    assert {
        name for name in named if not (ROOT / name).is_file() and not (ROOT / "service/film" / name).is_file()
    } == set()


def test_it_answers_at_least_twenty_questions_by_a_file_each() -> None:
    rows = [line for line in QUESTIONS.splitlines() if line.startswith("| ") and "?" in line]
    assert len(rows) >= 20
    assert all(NAMED.search(row) for row in rows)


@pytest.mark.parametrize("package", PRODUCT)
def test_no_module_exceeds_400_lines(package: str) -> None:
    assert [path for path in (ROOT / package).rglob("*.py") if len(path.read_text("utf-8").splitlines()) > 400] == []
