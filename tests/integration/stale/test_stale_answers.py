"""No read that begins after a commit is answered as it was before: writers and readers at full speed, in several processes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from models.shot import Shot
from models.task import Task
from tests.support.columns import address_of
from tests.support.stale_reader import KINDS, NAME, PROCESSES
from tests.support.web_app import NOW, make_settings, new_task, open_services

ROOT = Path(__file__).resolve().parents[3]
TASKS = 40
SHORT, LONG = 10_000, 1_000_000


@pytest.mark.timeout(3600)
@pytest.mark.parametrize(
    ("kind", "reads"),
    [
        ("sqlite", SHORT),
        ("mariadb", SHORT),
        ("postgresql", SHORT),
        pytest.param("sqlite", LONG, marks=pytest.mark.soak),
        pytest.param("mariadb", LONG, marks=pytest.mark.soak),
        pytest.param("postgresql", LONG, marks=pytest.mark.soak),
    ],
)
def test_no_answer_is_older_than_what_was_committed_before_it_was_asked_for(
    request: pytest.FixtureRequest, tmp_path: Path, redis_url: str, kind: str, reads: int
) -> None:
    address = address_of(kind, request)
    with open_services(make_settings(tmp_path, address), redis_url) as services:
        tasks = [new_task(services, progress=0) for _ in range(TASKS)]
        with services.database.read() as session:
            ids = [(session.get_one(Task, task).project_id, task) for task in tasks]
        with services.database.write() as session:
            common: dict[str, Any] = {"order": 1, "status": "pending", "created_at": NOW, "updated_at": NOW}
            session.add_all([Shot(id=project, project_id=project, title=NAME, **common) for project, _ in ids])
    (tmp_path / "tasks").write_text(json.dumps(ids))
    (tmp_path / "truth").write_bytes(bytes(8 * TASKS * len(KINDS)))

    command = [sys.executable, "-m", "tests.support.stale_reader", str(tmp_path), address, redis_url]
    done = subprocess.run([*command, str(tmp_path / "tasks"), str(reads)], cwd=ROOT, stdout=subprocess.PIPE, check=True)
    counts = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(counts) == PROCESSES
    total = {name: sum(count[name] for count in counts) for name in counts[0]}
    assert total["stale"] == 0
    assert total["reads"] >= reads - PROCESSES
    assert total["writes"] > reads / 100
    assert total["kept"] > total["reads"] / 100, "the cache is not what was hunted in"
