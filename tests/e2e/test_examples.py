"""The examples of doc/examples, run as they stand against a server: each makes a film."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.conftest import leave_out
from tests.e2e import deployment
from tests.support.node.stand_in import StandInNode

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "doc" / "examples"
PROGRAMS = {".sh": ["bash", "curl", "jq"], ".py": [sys.executable], ".mjs": ["node"]}
EXAMPLES = sorted(path.name for path in FOLDER.iterdir())
PATIENCE_S = 240


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    settings = {"film.resolution": "320x180", "film.fps": 15}
    folder = tmp_path_factory.mktemp("examples")
    with StandInNode() as node, deployment.embedded(folder, {"worker.addr": node.addr, **settings}) as deployed:
        yield deployed.servers[0].url


def run(name: str, url: str) -> subprocess.CompletedProcess[str]:
    needed = PROGRAMS[Path(name).suffix]
    for program in needed:
        if shutil.which(program) is None:
            leave_out(f"{program} is not installed")
    return subprocess.run(
        [needed[0], str(FOLDER / name), url], capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )


def test_there_is_one_in_each_language_and_the_page_names_it() -> None:
    assert {Path(name).suffix for name in EXAMPLES} == set(PROGRAMS)
    page = (ROOT / "doc" / "api.md").read_text("utf-8")
    assert [name for name in EXAMPLES if f"(examples/{name})" not in page] == []


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_prints_the_link_of_a_film(name: str, url: str) -> None:
    ran = run(name, url)
    assert ran.returncode == 0, ran.stderr
    film = requests.get(ran.stdout.strip(), timeout=60)
    assert (film.status_code, film.headers["Content-Type"]) == (200, "video/mp4")
    assert film.content[4:8] == b"ftyp"


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_says_what_the_server_refuses(name: str, url: str) -> None:
    ran = run(name, f"{url}/nothing")
    assert ran.returncode != 0
    assert "没有这个地址" in ran.stderr
