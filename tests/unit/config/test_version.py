"""`main.py --version`."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

import main

ROOT = Path(__file__).resolve().parents[3]


def test_it_says_the_version_of_the_project() -> None:
    said = CliRunner().invoke(main.cli, ["--version"])
    assert said.exit_code == 0
    name, number = said.output.split()
    assert name == "storytovideo"
    assert f'\nversion = "{number}"\n' in (ROOT / "pyproject.toml").read_text("utf-8")
