"""Where a read's time goes, inside one process and without a network: `python -m bench.http_parts [--database sqlite] [--profile PART]`.

The application over 200 projects on the MariaDB or MySQL of S2V_TEST_MYSQL_DSN, or on SQLite, set up as `bench.http` sets up its servers,
with the log as `main.py serve` writes it. Each part is done `--times` times by one thread. Prints microseconds of each, by the clock and of
this thread's processor time, in medians; with `--profile` the functions in which one part spends it.
"""

from __future__ import annotations

import argparse
import cProfile
import io
import json
import os
import pstats
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from flask import Flask
from gunicorn.config import Config
from rich.console import Console
from rich.table import Table

from bench.harness import machine, note
from bench.http_load import request
from bench.http_rows import Ids, fill
from common.clock import Clock
from common.request_id import Served, trace_of
from config.settings import AuthSettings, LimitsSettings, MysqlSettings, RedisSettings, Settings, WorkerSettings
from models import reads
from models.account import Scope
from models.row_versions import slot_of, task_slot_of
from routers import access_log
from routers.access_log import Answered
from routers.app import create_app
from runtime import at_once
from runtime.logging_setup import flush, set_up_logging
from runtime.wiring import open_services
from service.access import accounts
from service.container import Services
from tests.support.servers.mariadb_server import fresh_database
from tests.support.servers.redis_server import RedisServer
from tests.support.wait import wait_until

PROJECTS = 200
WARM = 50
SHOWN = 45  # lines of a profile
V1 = "/v1/api"

Part = tuple[Callable[[], object], Callable[[], object]]
"""What is measured, and what is done before it each time."""


def main() -> int:
    """Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench.http_parts", description=__doc__)
    parser.add_argument("--database", choices=("mysql", "sqlite"))
    parser.add_argument("--times", type=int, default=1000)
    parser.add_argument("--log-format", choices=("text", "json"), default="text")
    parser.add_argument("--profile", default="", help="the part whose functions are shown")
    chosen = parser.parse_args()
    with applications(chosen) as (services, apps, ids, key):
        parts = _parts(services, apps, ids, key)
        if chosen.profile:
            print(profiled(parts[chosen.profile], chosen.times))
            return 0
        table = Table(title=f"{chosen.database or 'mysql'}, {chosen.times} times; {machine()}")
        for heading in ("part", "µs", "µs of the processor"):
            table.add_column(heading, justify="left" if heading == "part" else "right")
        for name, part in parts.items():
            wall, cpu = measured(part, chosen.times)
            table.add_row(name, f"{wall:.0f}", f"{cpu:.0f}")
        Console(width=None if sys.stdout.isatty() else 140).print(table)
    return 0


def measured(part: Part, times: int) -> tuple[float, float]:
    """Median microseconds of one, by the clock and of the processor."""
    work, before = part
    walls, cpus = [], []
    for number in range(-WARM, times):
        before()
        wall, cpu = time.perf_counter(), time.thread_time()
        work()
        if number >= 0:
            cpus.append(time.thread_time() - cpu)
            walls.append(time.perf_counter() - wall)
    return 1e6 * statistics.median(walls), 1e6 * statistics.median(cpus)


def profiled(part: Part, times: int) -> str:
    """The functions of one part, by their own time."""
    work, before = part
    for _ in range(WARM):
        before()
        work()
    profile = cProfile.Profile()
    for _ in range(times):
        before()
        profile.enable()
        work()
        profile.disable()
    text = io.StringIO()
    pstats.Stats(profile, stream=text).sort_stats("tottime").print_stats(SHOWN)
    return text.getvalue()


@contextmanager
def applications(chosen: argparse.Namespace) -> Iterator[tuple[Services, Mapping[str, Flask], Ids, str]]:
    """The services, the application that lets everybody in (`open`) and the one that does not (`closed`), its rows and a key."""
    server = os.environ.get("S2V_TEST_MYSQL_DSN", "") if chosen.database != "sqlite" else ""
    chosen.database = "mysql" if server else "sqlite"
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="http-parts-")))
        dsn = stack.enter_context(fresh_database(server)) if server else ""
        redis = RedisServer()
        stack.callback(redis.close)
        settings = Settings(
            data_dir=folder,
            mysql=MysqlSettings(dsn=dsn),
            redis=RedisSettings(addr=f"127.0.0.1:{redis.port}"),
            worker=WorkerSettings(addr="127.0.0.1:9"),
            limits=LimitsSettings(read="10000/second", write="10000/second", expensive="10000/second"),
        )
        stack.callback(set_up_logging, "INFO", "text")  # the file is gone then
        set_up_logging("INFO", chosen.log_format, stack.enter_context((folder / "log").open("w")))
        services = open_services(settings)
        stack.callback(services.close)
        accounts.add(services.database, "bench", "a long password", admin=False, now=Clock().now())
        _, key = accounts.add_key(services.database, "bench", "bench", Scope.WRITE, days=0, now=Clock().now())
        note(f"filling {services.database.check()}")
        ids = fill(services.database, PROJECTS, accounts.everybody(services.database)[0].id)
        closed = replace(services, settings=settings.model_copy(update={"auth": AuthSettings(required="true")}))
        for each in (services, closed):
            stack.callback(each.changes.close)
            each.changes.listen()
            wait_until(each.changes.reliable, 30, "news of other hosts")
        yield services, {"open": create_app(services), "closed": create_app(closed)}, ids, key


def _parts(services: Services, apps: Mapping[str, Flask], ids: Ids, key: str) -> dict[str, Part]:
    project, shot = ids.shots[0]
    paths = {
        "task": f"{V1}/tasks/{ids.tasks[0]}",
        "project": f"{V1}/projects/{project}",
        "shots": f"{V1}/projects/{project}/shots",
    }
    database, versions = services.database, services.database.versions
    slots = [slot_of(project), task_slot_of(project)]

    def anew() -> None:
        if versions is not None:
            versions.renew(slots)

    made: dict[str, Part] = {"health": (_asks(apps["open"], f"{V1}/health"), _nothing)}
    for name, app in apps.items():
        for what, path in paths.items():
            made[f"{name} {what}, given again"] = (_asks(app, path, key), services.changes.reliable)
            made[f"{name} {what}, by the main loop"] = (_at_once(app, path, key), services.changes.reliable)
    for what, path in paths.items():
        made[f"open {what}, made anew"] = (_asks(apps["open"], path, key), anew)
    made["its line in the log"] = (lambda: _lines(paths["task"]), _nothing)
    made["task's row alone"] = (lambda: reads.task(database, ids.tasks[0]), _nothing)
    made["shots' rows alone"] = (lambda: reads.shots(database, project), _nothing)
    made["project's rows alone"] = (lambda: reads.whole_project(database, project), _nothing)
    write = f"{V1}/projects/{project}/shots/{shot}"
    for name, app in apps.items():
        made[f"{name} write"] = (_asks(app, write, key, lambda: {"motion": random.choice(("auto", "none"))}), _nothing)
    return made


def _lines(path: str) -> None:
    """One, written at once."""
    id_ = "1790d25c45dfaacae169b693e81be636"
    answered = Answered("/v1/api/tasks/<task_id>", 200, 0.00123, 1234)
    said = {"REQUEST_METHOD": "GET", "PATH_INFO": path, "REMOTE_ADDR": "127.0.0.1"}
    access_log.write(said, answered, Served(id_, trace_of(id_), 0.001))
    flush()


def _nothing() -> None:
    return


def _asks(app: Flask, path: str, key: str = "", body: Callable[[], dict[str, str]] | None = None) -> Callable[[], None]:
    """Ask the application as gunicorn does."""
    fixed = {
        "REQUEST_METHOD": "POST" if body else "GET",
        "PATH_INFO": path,
        "RAW_URI": path,
        "QUERY_STRING": "",
        "SCRIPT_NAME": "",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "127.0.0.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_AUTHORIZATION": f"Bearer {key}",
        "CONTENT_TYPE": "application/json",
        "wsgi.url_scheme": "http",
        "wsgi.errors": sys.stderr,
    }
    said = [""]

    def start(status: str, _headers: object, _error: object = None, /) -> Callable[[bytes], object]:
        said[0] = status
        return lambda _data: None

    def ask() -> None:
        data = json.dumps(body()).encode() if body else b""
        environ: dict[str, Any] = {**fixed, "CONTENT_LENGTH": str(len(data)), "wsgi.input": io.BytesIO(data)}
        answer = app.wsgi_app(environ, start)
        b"".join(answer)
        close = getattr(answer, "close", None)
        if close is not None:
            close()
        if not said[0].startswith("200"):
            raise AssertionError(f"{path} was answered {said[0]}")

    return ask


def _at_once(app: Flask, path: str, key: str) -> Callable[[], None]:
    """Answer as the web server's main loop does, with gunicorn's reading and writing of heads."""
    ask, cfg = _asks(app, path, key), Config()
    head = SimpleNamespace(data=request("GET", "127.0.0.1", path, key))
    conn: Any = SimpleNamespace(head=head, client=("127.0.0.1", 4242), server=("127.0.0.1", 80))

    def answer() -> None:
        if at_once.answer(cfg, app, conn, stays=True) is None:
            ask()  # Redis had to count it
            if at_once.answer(cfg, app, conn, stays=True) is None:
                raise AssertionError(f"{path} was not answered at once")

    return answer


if __name__ == "__main__":
    sys.exit(main())
