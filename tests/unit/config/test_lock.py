"""The locked versions are within the bounds of pyproject.toml on every Python, not only on the one that runs the tests."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[3]
LOCKED = re.compile(r"^([a-z0-9-]+)==(\S+)", re.MULTILINE)
WANTED = re.compile(r'^  "([^"]+)",', re.MULTILINE)


def locked_in(name: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for package, version in LOCKED.findall((ROOT / name).read_text("utf-8")):
        found.setdefault(package, set()).add(version)
    return found


@pytest.mark.parametrize(
    ("name", "project", "least"),
    [
        ("requirements.txt", "pyproject.toml", 20),
        ("requirements-dev.txt", "pyproject.toml", 20),
        ("worker_node/requirements.txt", "worker_node/pyproject.toml", 10),
    ],
)
def test_every_locked_version_is_one_that_is_wanted(name: str, project: str, least: int) -> None:
    locked = locked_in(name)
    section = (ROOT / project).read_text("utf-8").partition("dependencies = [")[2].partition("\n]")[0]
    wanted = [Requirement(text) for text in WANTED.findall(section)]
    assert len(wanted) > least
    for requirement in wanted:
        versions = locked[requirement.name]
        assert [version for version in versions if version not in requirement.specifier] == []
    assert "19.0.2" not in next(one for one in wanted if one.name == "av").specifier  # it refuses `metadata_errors`


def test_the_node_alone_has_the_versions_that_it_has_beside_the_server() -> None:
    beside = locked_in("requirements.txt")
    assert {
        name: versions
        for name, versions in locked_in("worker_node/requirements.txt").items()
        if versions - beside[name]
    } == {}
