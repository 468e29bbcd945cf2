"""The README's walk with curl is typed in, word for word, and leaves a film."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import av
import pytest

from tests.conftest import leave_out
from tests.server_process import ROOT, ServerUnderTest, clean_environment
from tests.servers.process import MissingServiceError, program

BLOCK = re.compile(r"```sh\n(.*?)```", re.DOTALL)
START = "make run &\n"
ADDRESS = "http://127.0.0.1:8080"
PATIENCE_S = 250


def test_the_walk_with_curl_ends_with_a_film(tmp_path: Path, pytestconfig: pytest.Config) -> None:
    try:
        shell, *_ = [program(name) for name in ("bash", "curl", "jq")]
    except MissingServiceError as error:
        leave_out(pytestconfig, str(error))
    [walk] = [block for block in BLOCK.findall((ROOT / "README.md").read_text("utf-8")) if START in block]
    folder = tmp_path / "typed"
    folder.mkdir()
    with ServerUnderTest(tmp_path) as server:
        assert walk.count(ADDRESS) == 1
        typed = walk.replace(START, "").replace(ADDRESS, server.url)
        done = subprocess.run(
            [shell, "-eu", "-o", "pipefail", "-c", typed],
            check=False,
            cwd=folder,
            env=clean_environment(),
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
        )
    assert done.returncode == 0, done.stderr
    states = [line.split("\t") for line in done.stdout.splitlines() if line.startswith("generate_")]
    assert [kind for kind, _, _ in states] == ["generate_storyboard"] + ["generate_shot"] * 3
    with av.open(str(folder / "film.mp4")) as film:
        assert {stream.type for stream in film.streams} >= {"video", "audio"}
        picture = film.streams.video[0]
        assert (picture.width, picture.height, picture.average_rate) == (1280, 720, 30)
