"""The README's walk with curl, and what the guide has people type, is typed in, word for word, and leaves films."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import av
import pytest

from tests.conftest import leave_out
from tests.support.server_process import ROOT, clean_environment
from tests.support.servers.process import MissingServiceError, free_port, program
from tests.support.soak import soaking

BLOCK = re.compile(r"```sh\n(.*?)```", re.DOTALL)
START = "make run &\n"
# `make run` would make an environment first. However the walk ends, so does the server.
SERVE = 'make() { exec "$PYTHON" "$MAIN" serve; }\ntrap \'kill $! && wait $!\' EXIT\n'
ADDRESS = "http://127.0.0.1:8080"
PATIENCE_S = 250


def typed(walk: str, tmp_path: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """The walk, in a folder of its own, with a server on a free port."""
    try:
        shell, *_ = [program(name) for name in ("bash", "curl", "jq")]
    except MissingServiceError as error:
        leave_out(str(error))
    (tmp_path / "typed").mkdir()
    address = f"127.0.0.1:{free_port()}"
    settings = {"S2V_SERVER_PORT": address, "S2V_DATA_DIR": str(tmp_path / "data"), "S2V_WORKER_POLL_SECONDS": "0.2"}
    return subprocess.run(
        [shell, "-eu", "-o", "pipefail", "-c", SERVE + walk.replace(ADDRESS, f"http://{address}")],
        check=False,
        cwd=tmp_path / "typed",
        env=clean_environment({**settings, **more, "PYTHON": sys.executable, "MAIN": str(ROOT / "main.py")}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )


@pytest.mark.parametrize("name", soaking(["README.md", "README.zh-CN.md"], keep=1))
def test_the_walk_with_curl_ends_with_a_film(name: str, tmp_path: Path) -> None:
    [walk] = [block for block in BLOCK.findall((ROOT / name).read_text("utf-8")) if START in block]
    assert walk.count(ADDRESS) == 1
    done = typed(walk, tmp_path)
    assert done.returncode == 0, done.stderr
    states = [line.split("\t") for line in done.stdout.splitlines() if line.startswith("generate_")]
    assert [kind for kind, _, _ in states] == ["generate_storyboard"] + ["generate_shot"] * 3
    with av.open(str(tmp_path / "typed" / "film.mp4")) as film:
        assert {stream.type for stream in film.streams} >= {"video", "audio"}
        image = film.streams.video[0]
        assert (image.width, image.height, image.average_rate) == (1280, 720, 30)


@pytest.mark.parametrize("name", soaking(["guide.md", "guide.zh-CN.md"], keep=1))
def test_what_the_guide_types_ends_with_films(name: str, tmp_path: Path) -> None:
    walk, by_curl = BLOCK.findall((ROOT / "doc" / name).read_text("utf-8"))
    here = walk.replace(".venv/bin/python main.py", '"$PYTHON" "$MAIN"').replace("examples/", f"{ROOT}/examples/")
    assert here.count(str(ROOT)) == 1
    done = typed(f"{here}\n{by_curl}", tmp_path, S2V_FILM_RESOLUTION="640x360")
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "typed"
    assert sorted(path.name for path in folder.iterdir()) == [
        "curl.mp4",
        "film.mp4",
        "film.srt",
        "film.zip",
        "preview.mp4",
    ]
    for film in folder.glob("*.mp4"):
        assert film.read_bytes()[4:8] == b"ftyp"
    assert zipfile.is_zipfile(folder / "film.zip")
    last = done.stdout.splitlines()[-1]
    assert (last.startswith('{"stale":true,"stale_shots":["'), "images: 3 of 3" in done.stderr) == (True, True)
