"""The two READMEs say the same, and say it of what is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
READMES = ("README.md", "README.zh-CN.md")
HEADING = re.compile(r"^(#+) ", re.MULTILINE)
BLOCK = re.compile(r"```(\w*)\n(.*?)```", re.DOTALL)
COMMENT = re.compile(r"\s*#\s.*$", re.MULTILINE)
FIRST_CELL = re.compile(r"^\| (`[^|]+`) \|", re.MULTILINE)
TARGET = re.compile(r"\bmake ([a-z]+)\b")


def readme(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def commands(text: str) -> list[tuple[str, list[str]]]:
    """Every block of code without its comments, which are in the reader's language."""
    return [
        (kind, [line for line in COMMENT.sub("", block).splitlines() if line.strip()])
        for kind, block in BLOCK.findall(text)
    ]


def test_both_have_the_same_sections_commands_and_tables() -> None:
    english, chinese = map(readme, READMES)
    assert HEADING.findall(BLOCK.sub("", english)) == HEADING.findall(BLOCK.sub("", chinese))
    assert commands(english) == commands(chinese)
    assert FIRST_CELL.findall(english) == FIRST_CELL.findall(chinese)


@pytest.mark.parametrize("name", READMES)
def test_every_command_that_it_names_is_a_target_with_a_line_of_help(name: str) -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    helped = set(re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE))
    named = set(TARGET.findall("\n".join(re.findall(r"`[^`\n]+`|```.*?```", readme(name), re.DOTALL))))
    assert named <= helped
    assert {"demo", "test", "run", "help"} <= named
    assert set(re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)[0].split()) == helped


@pytest.mark.parametrize("name", READMES)
def test_every_file_that_it_links_to_is_there(name: str) -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", readme(name))
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []
