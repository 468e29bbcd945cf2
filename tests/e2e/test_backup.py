"""Backup, wipe, restore: the story's film is there again, logins and links hold, and a new film is made."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.e2e.client import Client
from tests.support.columns import Production
from tests.support.server_process import ROOT, ServerUnderTest, clean_environment
from tests.support.servers.node_server import NodeServer
from tests.support.soak import soaking

COLUMNS = ("embedded", "production", "production_on_postgresql")
SMALL: Mapping[str, object] = {"film.resolution": "128x72", "film.fps": 5}


@pytest.fixture
def node() -> Iterator[NodeServer]:
    server = NodeServer()
    yield server
    server.close()


@contextmanager
def stores(column: str, production: Production | None, node: NodeServer) -> Iterator[dict[str, object]]:
    """Settings of a machine on which nothing is stored yet."""
    with ExitStack() as stack:
        values = stack.enter_context(production.fresh()) if production is not None else {}
        yield {**values, **SMALL, "worker.addr": node.addr}


def backup(folder: Path, settings: Mapping[str, object], *words: str | Path) -> subprocess.CompletedProcess[str]:
    """Run it with the settings of a server in this folder."""
    values = {"data_dir": folder / "data", **settings}
    own = {f"S2V_{key.replace('.', '_').upper()}": str(value) for key, value in values.items()}
    command = [sys.executable, str(ROOT / "deploy/backup/backup.py"), "--config", "/dev/null", *map(str, words)]
    return subprocess.run(command, env=clean_environment(own), cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("column", soaking(COLUMNS, COLUMNS[1:]))
def test_what_was_wiped_is_back_and_the_story_goes_on(
    column: str, request: pytest.FixtureRequest, node: NodeServer, tmp_path: Path
) -> None:
    production = request.getfixturevalue(column) if column != "embedded" else None
    kept, old, new = tmp_path / "kept", tmp_path / "old", tmp_path / "new"
    old.mkdir()
    new.mkdir()
    with stores(column, production, node) as settings, ServerUnderTest(old, settings) as server:
        client = Client([server.url], old)
        made = client.create("灯塔 🐱", "小猫住在灯塔里。她看海。", 1)
        client.wait(made["text_task_id"])
        film, _ = client.film(made["project_id"])
        bytes_of_film = film.read_bytes()
        before = client.get(f"/v1/api/projects/{made['project_id']}")
        first = backup(old, settings, "save", kept)
        assert first.returncode == 0, first.stderr
        objects = {path: path.stat().st_mtime_ns for path in (kept / "objects").rglob("*") if path.is_file()}
        second = backup(old, settings, "save", kept, "--keep", "1")
        assert second.returncode == 0, second.stderr
        assert {path: path.stat().st_mtime_ns for path in (kept / "objects").rglob("*") if path.is_file()} == objects
        assert not Path(first.stdout.strip()).exists()

    snapshot = Path(second.stdout.strip())
    with stores(column, production, node) as settings:
        [film_kept] = [path for path in objects if path.suffix == ".mp4"]
        film_kept.write_bytes(b"x" + bytes_of_film[1:])
        damaged = backup(new, settings, "restore", snapshot)
        assert (damaged.returncode, "damaged" in damaged.stderr) == (1, True)
        film_kept.write_bytes(bytes_of_film)
        restored = backup(new, settings, "restore", snapshot)
        assert restored.returncode == 0, restored.stderr
        again = backup(new, settings, "restore", snapshot)
        assert (again.returncode, "not empty" in again.stderr) == (1, True)
        with ServerUnderTest(new, settings) as server:
            client = Client([server.url], new)
            after = client.get(f"/v1/api/projects/{made['project_id']}")
            assert after["project_detail"]["storyText"] == before["project_detail"]["storyText"]
            assert client.fetch(after["project_detail"]["videoUrl"]).read_bytes() == bytes_of_film
            assert (
                len(client.tasks(made["project_id"]))
                == json.loads((snapshot / "manifest.json").read_text())["tables"]["task"]
            )
            another, _ = client.film(made["project_id"], mode="preview")
            assert another.stat().st_size > 1000
