"""Prometheus's rules and Grafana's panels: read by their own programs, and made of names that doc/deployment.md lists."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import leave_out
from tests.support.servers.process import MissingServiceError, program

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / "deploy" / "compose"
PROMETHEUS, DASHBOARD = FOLDER / "prometheus", FOLDER / "grafana/dashboards/storytovideo.json"
PAGE = (ROOT / "doc/deployment.md").read_text("utf-8")
NAME = re.compile(r"\bstorytovideo_[a-z_]+\b")
SUFFIXES = ("_bucket", "_sum", "_count")


def documented() -> set[str]:
    return set(re.findall(r"^\| `(storytovideo_\w+)", PAGE, re.MULTILINE))


def names_in(text: str) -> set[str]:
    """The metrics that a query asks for, each by its family's name."""
    known = documented()
    ends = {name: [name.removesuffix(end) for end in SUFFIXES if name.endswith(end)] for name in NAME.findall(text)}
    return {next((each for each in cut if each in known), name) for name, cut in ends.items()}


def rules() -> Iterator[dict[str, Any]]:
    for group in yaml.safe_load((PROMETHEUS / "alerts.yml").read_text("utf-8"))["groups"]:
        yield from group["rules"]


def panels() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(DASHBOARD.read_text("utf-8"))["panels"]
    return found


@pytest.mark.parametrize(
    ("tool", "words"),
    [
        ("promtool", ["check", "config", "prometheus.yml"]),
        ("promtool", ["test", "rules", "alerts_test.yml"]),
        ("amtool", ["check-config", "alertmanager.yml"]),
    ],
)
def test_prometheus_s_own_programs_find_nothing_wrong(tool: str, words: list[str]) -> None:
    try:
        found = program(tool)
    except MissingServiceError as error:
        leave_out(str(error))
    done = subprocess.run([found, *words], cwd=PROMETHEUS, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_metric_that_the_page_lists_has_a_panel_and_no_other_is_asked_for() -> None:
    asked = {name for panel in panels() for target in panel["targets"] for name in names_in(target["expr"])}
    assert asked == documented()
    assert len(asked) >= 14
    assert {name for rule in rules() for name in names_in(rule["expr"])} <= documented()


def test_every_alert_says_what_to_do_and_the_page_says_more() -> None:
    found = list(rules())
    assert len(found) >= 10
    for rule in found:
        runbook = rule["annotations"]["runbook"]
        assert rule["annotations"]["summary"]
        assert runbook.startswith(f"doc/deployment.md#{rule['alert'].lower()} - ")
        assert f"### {rule['alert']}\n" in PAGE


def test_panels_read_the_source_that_is_provisioned_and_lie_beside_each_other() -> None:
    sources = yaml.safe_load((FOLDER / "grafana/provisioning/datasources/prometheus.yml").read_text("utf-8"))
    uids = {source["uid"] for source in sources["datasources"]}
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels()]
    assert len(set(places)) == len(places)
    assert {panel["datasource"]["uid"] for panel in panels()} <= uids
