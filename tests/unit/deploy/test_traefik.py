"""doc/deployment.md's labels for Traefik: the open router takes what looks after itself, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from routers.openapi.operations import OPERATIONS

PAGE = (Path(__file__).resolve().parents[3] / "doc/deployment.md").read_text("utf-8")
LABELS: dict[str, str] = yaml.safe_load(re.findall(r"```yaml\n(labels:\n.+?)```", PAGE, re.DOTALL)[0])["labels"]
RULE = LABELS["traefik.http.routers.open.rule"]
SAMPLE = "GET /v1/api/voices/sample"
"""Has a signed link in the place of a credential; the server looks."""


def is_open(path: str) -> bool:
    return any(
        path == value or (kind == "PathPrefix" and path.startswith(value))
        for kind, value in re.findall(r"(Path|PathPrefix)\(`([^`]+)`\)", RULE)
    )


@pytest.mark.parametrize("route", [route for route in OPERATIONS if not route.split()[1].startswith("/static/")])
def test_the_open_router_takes_what_looks_after_itself(route: str) -> None:
    path = re.sub(r":[a-z_]+", "x", route.partition(" ")[2])
    assert is_open(path) == (OPERATIONS[route].public or route == SAMPLE)


def test_routers_and_middlewares_are_there_that_are_named() -> None:
    named = {name for key, value in LABELS.items() if key.endswith(".middlewares") for name in value.split(",")}
    assert named == set(re.findall(r"middlewares\.([a-z-]+)\.", " ".join(LABELS)))
    assert set(re.findall(r"routers\.(\w+)\.service", " ".join(LABELS))) == {"film", "open"}
    assert LABELS["traefik.http.routers.film.middlewares"].split(",")[0] == "film-gate"
    assert "film-gate" not in LABELS["traefik.http.routers.open.middlewares"]
    assert RULE.count("(") == RULE.count(")")
