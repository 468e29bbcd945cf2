"""The version: `main.py --version`, and the changelog."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

from click.testing import CliRunner

import main
import worker_node
from config.version import version

ROOT = Path(__file__).resolve().parents[3]


def test_it_says_the_version_of_the_project() -> None:
    said = CliRunner().invoke(main.cli, ["--version"])
    assert said.exit_code == 0
    name, number = said.output.split()
    assert name == "storytovideo"
    assert f'\nversion = "{number}"\n' in (ROOT / "pyproject.toml").read_text("utf-8")


def test_the_node_that_is_installed_alone_has_the_same_version() -> None:
    assert worker_node.__version__ == version()


def test_the_changelog_begins_with_what_is_unreleased_and_then_this_version_with_its_day() -> None:
    unreleased, latest, *_ = re.findall(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert unreleased == "[Unreleased]"
    name, _, day = latest.partition(" - ")
    assert name == f"[{version()}]"
    assert date.fromisoformat(day).isoformat() == day
