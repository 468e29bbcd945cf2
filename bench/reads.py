"""How long a full server's lists take: `python -m bench.reads [--rounds N] [--projects N]`.

5,000 projects with long stories, one of them with 3,000 tasks that have ended, on SQLite and, where S2V_TEST_MYSQL_DSN has the address of a
server, on MariaDB or MySQL (in a database of its own, dropped afterwards). Requests go to the application inside this process: what is
measured is reading the parameters, the database and the JSON, without a network. Prints milliseconds, median and 95th percentile, and ends
with 1 where a median is over its limit.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, NamedTuple

from flask import Flask
from flask.testing import FlaskClient
from redis import Redis
from rich.console import Console
from rich.table import Table
from sqlalchemy import insert

from bench.harness import machine, note
from common.clock import Clock
from config.settings import MysqlSettings, Settings
from models.base import new_id, next_sequence
from models.bootstrap import open_database
from models.db import Database
from models.project import Project, ProjectStatus
from models.shot import Shot, ShotStatus
from models.task import Task, TaskStatus, TaskType
from routers.app import create_app
from service.broker import Events, TaskQueue
from service.container import Services
from service.node.client import NodeClient
from service.node.pool import NodePool
from service.oss.local import LocalStore
from tests.support.servers.mariadb_server import fresh_database

PROJECTS, TASKS, SHOTS = 5000, 3000, 60
STORY, DESCRIPTION, TITLE = 4000, 150, 12  # characters
BATCH = 250
NOWHERE = "127.0.0.1:9"
FIRST = datetime(2026, 1, 1, tzinfo=timezone.utc)
CHARACTERS = "春天来了河水解冻小鸟在枝头歌唱山里有座庙从前一个女孩提着灯走过长街雪落无声"
BUSY = "project-with-tasks"


class Read(NamedTuple):
    """One kind of request, and how many milliseconds its median may take."""

    path: str
    limit_ms: float


READS: Mapping[str, Read] = {
    "list, first page": Read("/v1/api/projects", 30),
    "list, 100 in the middle": Read("/v1/api/projects?page=25&page_size=100", 30),
    "list, last page": Read("/v1/api/projects?page=250", 30),
    "q, one character, most projects": Read("/v1/api/projects?q=春", 50),
    "q, two characters, some": Read("/v1/api/projects?q=灯长", 50),
    "q, one project": Read("/v1/api/projects?q=第2500个", 50),
    "q, a sentence, none": Read("/v1/api/projects?q=从前有一只不存在的狐狸住在月亮上", 50),
    "q, letters, none": Read("/v1/api/projects?q=zebra", 50),
    "tasks, first page": Read(f"/v1/api/projects/{BUSY}/tasks?page=1", 80),
    "tasks, last page": Read(f"/v1/api/projects/{BUSY}/tasks?page=15", 80),
    "project with its shots": Read(f"/v1/api/projects/{BUSY}", 30),
}


def main() -> int:
    """Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench.reads", description=__doc__)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--projects", type=int, default=PROJECTS)
    chosen = parser.parse_args()
    server = os.environ.get("S2V_TEST_MYSQL_DSN", "")
    table = Table(title=f"{chosen.projects} projects, milliseconds; {machine()}")
    for heading in ("database", "read", "median", "p95", "limit", "holds"):
        table.add_column(heading, justify="right" if heading in ("median", "p95", "limit") else "left")
    missed = []
    for name in ("sqlite", "mysql") if server else ("sqlite",):
        with serving(server if name == "mysql" else "", chosen.projects) as (database, client):
            for read, taken in measured(client, chosen.rounds).items():
                median, p95, limit = (
                    statistics.median(taken),
                    statistics.quantiles(taken, n=20)[-1],
                    READS[read].limit_ms,
                )
                mark = "yes" if median <= limit else "NO"
                table.add_row(database, read, f"{median:.1f}", f"{p95:.1f}", f"{limit:g}", mark)
                missed += [f"{database}: {read}"] if median > limit else []
    Console(width=None if sys.stdout.isatty() else 140).print(table)
    print(f"missed: {', '.join(missed)}" if missed else "every limit holds")
    return 1 if missed else 0


@contextmanager
def serving(server: str, projects: int) -> Iterator[tuple[str, FlaskClient]]:
    """The application over a full database: the database's name and version, and a client. Without `server` it is SQLite."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="reads-bench-")))
        dsn = stack.enter_context(fresh_database(server)) if server else ""
        settings = Settings(data_dir=folder, mysql=MysqlSettings(dsn=dsn))
        database = open_database(settings)
        stack.callback(database.close)
        note(f"filling {database.check()}")
        fill(database, projects)
        yield database.check(), application(settings, database).test_client()


def application(settings: Settings, database: Database) -> Flask:
    """The application; reads need neither queue nor node."""
    redis = Redis(port=9)
    return create_app(
        Services(
            settings=settings,
            database=database,
            queue=TaskQueue(redis, "bench"),
            events=Events(redis, "bench"),
            store=LocalStore(settings.data_dir / "assets", "s" * 32),
            node=NodePool.of(NodeClient(NOWHERE)),
            clock=Clock(),
        )
    )


def measured(client: FlaskClient, rounds: int) -> dict[str, list[float]]:
    """Milliseconds of each read, which take turns; the first round only warms."""
    taken: dict[str, list[float]] = {name: [] for name in READS}
    for number in range(-1, rounds):
        for name, read in READS.items():
            began = time.perf_counter()
            answer = client.get(read.path)
            took = 1000 * (time.perf_counter() - began)
            if answer.status_code != 200:
                raise AssertionError(f"{read.path} was answered {answer.status_code}")
            if number >= 0:
                taken[name].append(took)
    return taken


def fill(database: Database, projects: int) -> None:
    """The projects, oldest first; the one in the middle has the tasks and the shots."""
    rng = random.Random(1)
    for first in range(0, projects, BATCH):
        numbers = range(first, min(first + BATCH, projects))
        with database.write() as session:
            session.execute(insert(Project), [a_project(number, projects, rng) for number in numbers])
    with database.write() as session:
        session.execute(insert(Shot), [a_shot(number, rng) for number in range(SHOTS)])
        session.execute(insert(Task), [a_task(number, rng) for number in range(TASKS)])


def a_project(number: int, projects: int, rng: random.Random) -> dict[str, Any]:
    """A row whose words are drawn, but for its number in the title."""
    return {
        "id": BUSY if number == projects // 2 else new_id(),
        "title": f"{words(TITLE, rng)}，第{number}个",
        "story_text": words(STORY, rng),
        "style": "水墨",
        "status": ProjectStatus.READY,
        "description": words(DESCRIPTION, rng),
        "cover_image": "",
        **times(number),
    }


def a_shot(number: int, rng: random.Random) -> dict[str, Any]:
    """A shot with an image and a narration."""
    return {
        "id": f"shot-{number}",
        "project_id": BUSY,
        "order": number + 1,
        "title": words(TITLE, rng),
        "description": words(DESCRIPTION, rng),
        "prompt": words(DESCRIPTION, rng),
        "narration": words(DESCRIPTION, rng),
        "status": ShotStatus.COMPLETED,
        "image_path": f"projects/{BUSY}/shots/shot-{number}/image-1.png",
        "audio_path": f"projects/{BUSY}/shots/shot-{number}/audio-1.mp3",
        "created_at": FIRST,
        "updated_at": FIRST,
    }


def a_task(number: int, rng: random.Random) -> dict[str, Any]:
    """An image's task that has ended."""
    key = f"projects/{BUSY}/shots/shot-{number % SHOTS}/image-{number}.png"
    return {
        "id": new_id(),
        "project_id": BUSY,
        "shot_id": f"shot-{number % SHOTS}",
        "type": TaskType.IMAGE,
        "status": TaskStatus.FINISHED,
        "progress": 100,
        "message": "完成",
        "parameters": {
            "shot": {"shotId": f"shot-{number % SHOTS}", "prompt": words(DESCRIPTION, rng)},
            "depends_on": [],
        },
        "result": {"resource_type": "image", "resource_id": new_id(), "resource_url": key},
        **times(number),
    }


def times(number: int) -> dict[str, Any]:
    """A minute after the row before."""
    at = FIRST + timedelta(minutes=number)
    return {"created_at": at, "updated_at": at, "seq": next_sequence()}


def words(length: int, rng: random.Random) -> str:
    """A text of so many characters."""
    return "".join(rng.choices(CHARACTERS, k=length))


if __name__ == "__main__":
    sys.exit(main())
