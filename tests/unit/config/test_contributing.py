"""CONTRIBUTING.md names what is there: files, tests, targets of make, import contracts."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
QUOTED = re.compile(r"`([^`\n]+)`")
TOKEN = re.compile(r'[^\s="`:()]+')
PLACE = re.compile(r"[\w.-]+/[\w./-]*|[\w.-]+\.(?:md|yaml|toml)|NOTICE")
TARGET = re.compile(r"\bmake ([a-z]+)\b")
HELPED = re.compile(r"^([a-z]+):.*## ", re.MULTILINE)
TOLD = re.compile(r"^FAILED (\S+)::(\w+)$", re.MULTILINE)
BROKEN = re.compile(r"^(.+) BROKEN$", re.MULTILINE)
LINK = re.compile(r"\]\(([^)#:]+)\)")
INVENTED = {"service/seasons.py"}  # in an example of what is caught
CODE = "\n".join([*QUOTED.findall(FENCED.sub("", PAGE)), *FENCED.findall(PAGE)])


def test_every_place_that_it_names_is_there() -> None:
    named = {token for token in TOKEN.findall(CODE) if PLACE.fullmatch(token)} - INVENTED
    assert len(named) > 60
    assert {name for name in named if not (ROOT / name).exists()} == set()


def test_every_file_that_it_links_to_is_there() -> None:
    linked = LINK.findall(PAGE)
    assert "doc/architecture.md" in linked
    assert [link for link in linked if not (ROOT / link).is_file()] == []


def test_every_target_of_make_that_it_names_has_a_line_of_help() -> None:
    named = set(TARGET.findall(CODE))
    assert {"setup", "check", "test", "format", "mutants"} <= named
    assert named <= set(HELPED.findall((ROOT / "Makefile").read_text("utf-8")))


def test_the_tests_that_its_examples_break_are_there() -> None:
    told = TOLD.findall(PAGE)
    assert len(told) >= 2
    assert [name for file, name in told if f"def {name}(" not in (ROOT / file).read_text("utf-8")] == []


def test_the_contracts_that_its_examples_break_are_those_of_the_project() -> None:
    told = set(BROKEN.findall(CODE))
    contracts = set(re.findall(r'^name = "(.+)"$', (ROOT / "pyproject.toml").read_text("utf-8"), re.MULTILINE))
    assert len(told) >= 2
    assert told <= contracts


@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md"])
def test_both_readmes_lead_to_it(name: str) -> None:
    assert "(CONTRIBUTING.md)" in (ROOT / name).read_text("utf-8")
