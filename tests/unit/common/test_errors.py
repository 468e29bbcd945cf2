"""The tree in the docstring is the tree of the code."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator

from common import errors

PACKAGES = ("common", "config", "models", "processor", "routers", "runtime", "service")
DRAWN = re.compile(r"^    (?P<indent>[│├└─ ]*)(?P<name>[A-Z]\w+)\b(?P<rest>.*)$", re.MULTILINE)
MODULE = re.compile(r"`([a-z_]+\.[a-z_.]+)`")
WIDTH = 4  # columns of one level of the drawing


def children(root: type[errors.StoryToVideoError]) -> Iterator[tuple[str, str, str]]:
    """Name, parent's name and module of every type of ours under `root`."""
    for child in root.__subclasses__():
        if child.__module__.partition(".")[0] in PACKAGES:
            yield child.__name__, root.__name__, child.__module__
            yield from children(child)


def drawn() -> set[tuple[str, str, str]]:
    """Name, parent's name and module of every line of the drawing; the tree's own module is not named there."""
    assert errors.__doc__ is not None
    path: list[str] = []
    types = set()
    for line in DRAWN.finditer(errors.__doc__):
        level = len(line["indent"]) // WIDTH
        path[level:] = [line["name"]]
        if level:
            module = MODULE.search(line["rest"])
            types.add((line["name"], path[level - 1], module[1] if module else errors.__name__))
    return types


def import_everything() -> None:
    for name in PACKAGES:
        package = importlib.import_module(name)
        for module in pkgutil.walk_packages(package.__path__, f"{name}."):
            importlib.import_module(module.name)


def test_the_docstring_draws_every_error_under_its_parent_and_says_where_it_stands() -> None:
    import_everything()
    assert drawn() == set(children(errors.StoryToVideoError))
