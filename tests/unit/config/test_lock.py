"""The locked versions are within the bounds of pyproject.toml on every Python, not only on the one that runs the tests."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[3]
LOCKED = re.compile(r"^([a-z0-9-]+)==(\S+)", re.MULTILINE)
WANTED = re.compile(r'^  "([^"]+)",', re.MULTILINE)


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_every_locked_version_is_one_that_is_wanted(name: str) -> None:
    locked: dict[str, set[str]] = {}
    for package, version in LOCKED.findall((ROOT / name).read_text("utf-8")):
        locked.setdefault(package, set()).add(version)
    section = (ROOT / "pyproject.toml").read_text("utf-8").partition("dependencies = [")[2].partition("\n]")[0]
    wanted = [Requirement(text) for text in WANTED.findall(section)]
    assert len(wanted) > 20
    for requirement in wanted:
        versions = locked[requirement.name]
        assert [version for version in versions if version not in requirement.specifier] == []
    assert "19.0.2" not in next(one for one in wanted if one.name == "av").specifier  # it refuses `metadata_errors`
