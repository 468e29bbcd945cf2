"""How many reads a second the server answers, beside a WSGI hello in the same web server: `python -m bench.http [--quick]`.

5,000 projects with 40,000 tasks (`--quick`: 500 and 4,000) on the MariaDB or MySQL of S2V_TEST_MYSQL_DSN, in a database of its own, or
with `--database sqlite` in a file. Three servers of so many worker processes each (`--processes`) listen on loopback: one answers hello,
one lets everybody in, one wants a key and counts requests; `--peer URL` is asked for its own projects beside them. In each round every
contender is asked for `--seconds` by 16 kept connections, in the order of the table or backwards. Reads are spread over all rows, and of
a hundred requests one writes (a shot's motion), but for the peer's. Writes alone come after all reads: a turn of them changes a quarter
of the projects. Load and servers share the machine's cores. Prints medians: good answers a second, their ratio to hello and to
`/v1/api/health` in the same round, times, processor time of the server by request. Ends with 1 where a read is slower than LEAST of hello,
or a list than its limit. The whole takes some five minutes for each number of processes.
Where a read's time goes: `bench.http_parts`.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, urlsplit

import psutil
from rich.console import Console
from rich.table import Table

from bench.harness import machine, note
from bench.http_load import Load, load, request
from bench.http_rows import Ids, fill
from common.clock import Clock
from config.settings import MysqlSettings, Settings
from models.account import Scope
from models.bootstrap import open_database
from service.access import accounts
from tests.support.servers.mariadb_server import fresh_database
from tests.support.servers.redis_server import RedisServer

ROOT = Path(__file__).resolve().parent.parent
PROJECTS, QUICK_PROJECTS = 5000, 500
CONNECTIONS = 16
WRITES = 100  # one request in so many
WARM_S = 60.0
LEAST = 0.8  # of hello's rate
LISTS = {"page": ("/v1/api/projects?page=3", 30.0), "q": (f"/v1/api/projects?q={quote('灯长')}", 50.0)}  # ms
ONLY_WRITES = "open write"
V1 = "/v1/api"


class Contender(NamedTuple):
    """`next_request` gives the bytes of one request after the other; `pid` is 0 for a peer, whose processor time nobody knows."""

    name: str
    host: str
    pid: int
    next_request: Callable[[], bytes]
    connections: int = CONNECTIONS
    reads: Sequence[bytes] = ()


class Turn(NamedTuple):
    """What one contender did in one round; `cpu_us` of the server's processor time for each request."""

    load: Load
    cpu_us: float


def main() -> int:
    """Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench.http", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the rows, one short round")
    parser.add_argument("--database", choices=("mysql", "sqlite"))
    parser.add_argument("--processes", type=int, default=1, help="of each server")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--seconds", type=float, help="of load by contender and round")
    parser.add_argument("--writes", type=int, default=WRITES, help="one request in so many writes; 0: none")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a setting of the servers")
    parser.add_argument("--only", default="", help="contenders whose names hold this; hello and health always run")
    parser.add_argument("--peer", default="", help="a server with the same routes, such as the Go backend")
    chosen = parser.parse_args()
    chosen.rounds = chosen.rounds or (1 if chosen.quick else 3)
    chosen.seconds = chosen.seconds or (3.0 if chosen.quick else 4.0)
    with running(chosen) as contenders:
        wanted = [one for one in contenders if chosen.only in one.name or one.name in ("hello", "health")]
        for one in wanted:
            note(f"warming up: {one.name}")
            warm_up(one)
        turns: dict[str, list[Turn]] = {one.name: [] for one in wanted}
        writes = [one for one in wanted if one.name == ONLY_WRITES]
        for group in ([one for one in wanted if one not in writes], writes):
            for number in range(chosen.rounds):
                for one in group if number % 2 == 0 else reversed(group):
                    done = turn(one, chosen.seconds)
                    turns[one.name].append(done)
                    said = f"{one.name}: {done.load.rate:.0f}/s {done.load.others or ''}"
                    note(f"  round {number + 1}/{chosen.rounds}  {said}")
    return report(turns, chosen)


def warm_up(one: Contender) -> None:
    """Until each of its rows was asked for, or for `WARM_S`."""
    request_, asked, end = itertools.cycle(one.reads or [one.next_request()]).__next__, 0, time.monotonic() + WARM_S
    while True:
        asked += len(load(one.host, request_, connections=CONNECTIONS, seconds=1.0).latencies)
        if asked >= len(one.reads) or time.monotonic() >= end:
            return


def turn(one: Contender, seconds: float) -> Turn:
    """One contender under load."""
    before = _cpu(one.pid)
    done = load(one.host, one.next_request, connections=one.connections, seconds=seconds)
    count = len(done.latencies) + sum(done.others.values())
    return Turn(done, 1e6 * (_cpu(one.pid) - before) / count)


def _cpu(pid: int) -> float:
    if not pid:
        return float("nan")
    tree = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    return sum(one.cpu_times().user + one.cpu_times().system for one in tree)


def report(turns: dict[str, list[Turn]], chosen: argparse.Namespace) -> int:
    """Print the table; returns the exit status."""
    title = f"{CONNECTIONS} connections, {chosen.processes} processes, {chosen.database or 'mysql'}; {machine()}"
    table = Table(title=title)
    for heading in ("read", "good/s", "of hello", "of health", "median ms", "p99 ms", "µs of server", "other answers"):
        table.add_column(heading, justify="left" if heading == "read" else "right")
    missed = []
    for name, done in turns.items():
        hello, health = (_ratio(done, turns[base]) for base in ("hello", "health"))
        middle, late = (statistics.median(one.load.percentile(share) for one in done) for share in (0.5, 0.99))
        others: dict[str, int] = {}
        for one in done:
            for status, count in one.load.others.items():
                others[status.decode()] = others.get(status.decode(), 0) + count
        table.add_row(
            name,
            f"{statistics.median(one.load.rate for one in done):.0f}",
            f"{hello:.2f}",
            f"{health:.2f}",
            f"{middle:.1f}",
            f"{late:.1f}",
            f"{statistics.median(one.cpu_us for one in done):.0f}",
            str(others or ""),
        )
        limit = LISTS.get(name.partition(" ")[2])
        is_read = name.partition(" ")[0] in ("open", "closed") and limit is None and name != ONLY_WRITES
        if (limit and middle > limit[1]) or (is_read and hello < LEAST):
            missed.append(name)
    Console(width=None if sys.stdout.isatty() else 140).print(table)
    print(f"missed: {', '.join(missed)}" if missed else "every limit holds")
    return 1 if missed else 0


def _ratio(ours: list[Turn], theirs: list[Turn]) -> float:
    return statistics.median(a.load.rate / b.load.rate for a, b in zip(ours, theirs, strict=True))


@contextmanager
def running(chosen: argparse.Namespace) -> Iterator[list[Contender]]:
    """The servers over a full database, and who asks them for what."""
    server = os.environ.get("S2V_TEST_MYSQL_DSN", "") if chosen.database != "sqlite" else ""
    chosen.database = "mysql" if server else "sqlite"
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="http-bench-")))
        dsn = stack.enter_context(fresh_database(server)) if server else ""
        database = open_database(Settings(data_dir=folder, mysql=MysqlSettings(dsn=dsn)))
        stack.callback(database.close)
        accounts.add(database, "bench", "a long password", admin=False, now=Clock().now())
        _, key = accounts.add_key(database, "bench", "bench", Scope.WRITE, days=0, now=Clock().now())
        owner = accounts.everybody(database)[0].id
        note(f"filling {database.check()}")
        ids = fill(database, QUICK_PROJECTS if chosen.quick else PROJECTS, owner)
        redis = RedisServer()
        stack.callback(redis.close)
        common = {
            "data_dir": folder,
            "mysql.dsn": dsn,
            "redis.addr": f"127.0.0.1:{redis.port}",
            "worker.addr": "127.0.0.1:9",
            **{f"limits.{cost}": "10000/second" for cost in ("read", "write", "expensive")},
            **dict(one.split("=", 1) for one in chosen.set),
        }
        serve = partial(_serve, stack, common, chosen.processes)
        hello, open_, closed = serve("bare"), serve("ours"), serve("ours", {"auth.required": "true"})
        made = [Contender("hello", *hello, _always(request("GET", hello[0], "/")))]
        made.append(Contender("health", *open_, _always(request("GET", open_[0], f"{V1}/health"))))
        for name, place, with_key in (("open", open_, ""), ("closed", closed, key)):
            made += _reads(name, place, with_key, ids, chosen.writes)
        made += _beside(open_, ids)
        yield [*made, *(_peer(chosen.peer) if chosen.peer else [])]


def _serve(
    stack: ExitStack, common: dict[str, object], processes: int, kind: str, more: dict[str, str] | None = None
) -> tuple[str, int]:
    """A server's address and its process."""
    values = {f"S2V_{name.replace('.', '_').upper()}": str(value) for name, value in {**common, **(more or {})}.items()}
    with socket.create_server(("127.0.0.1", 0), backlog=2048) as listener:  # the child's alone, so that its end is seen
        host = f"127.0.0.1:{listener.getsockname()[1]}"
        command = [sys.executable, "-m", "bench.http_child", kind, str(listener.fileno()), str(processes)]
        process = subprocess.Popen(command, cwd=ROOT, env=_clean_environment() | values, pass_fds=[listener.fileno()])
    stack.callback(process.wait, 60)
    stack.callback(process.send_signal, signal.SIGTERM)
    with urllib.request.urlopen(f"http://{host}{V1}/health", timeout=60):  # comes once it is up: it listens already
        return host, process.pid


def _clean_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("S2V_")}


def _always(data: bytes) -> Callable[[], bytes]:
    return lambda: data


def _reads(name: str, place: tuple[str, int], key: str, ids: Ids, one_in: int = 0) -> list[Contender]:
    host, pid = place
    paths = {
        "task": [f"{V1}/tasks/{id_}" for id_ in ids.tasks],
        "project": [f"{V1}/projects/{id_}" for id_ in ids.projects],
        "shots": [f"{V1}/projects/{id_}/shots" for id_ in ids.projects],
    }
    writes = [_write(host, project, shot, key) for project, shot in ids.shots]
    asked = {what: [request("GET", host, path, key) for path in of_kind] for what, of_kind in paths.items()}
    return [
        Contender(f"{name} {what}", host, pid, _mixed(reads, writes, one_in), reads=reads)
        for what, reads in asked.items()
    ]


def _write(host: str, project: str, shot: str, key: str) -> bytes:
    motion = random.choice(("auto", "none"))
    return request("POST", host, f"{V1}/projects/{project}/shots/{shot}", key, json.dumps({"motion": motion}).encode())


def _mixed(reads: list[bytes], writes: list[bytes], one_in: int) -> Callable[[], bytes]:
    """One write among so many requests; none where that is 0."""
    rng = random.Random(2)

    def one() -> bytes:
        return rng.choice(writes) if one_in and rng.randrange(one_in) == 0 else rng.choice(reads)

    return one


def _beside(place: tuple[str, int], ids: Ids) -> list[Contender]:
    """Writes alone, and the lists, by one connection: how long they take."""
    host, pid = place
    writes = [_write(host, project, shot, "") for project, shot in ids.shots]
    made = [Contender(ONLY_WRITES, host, pid, _mixed(writes, [], 0))]
    for name, (path, _) in LISTS.items():
        made.append(Contender(f"open {name}", host, pid, _always(request("GET", host, path)), connections=1))
    return made


def _peer(url: str) -> list[Contender]:
    """Another server, asked for what it says that it has."""
    host = urlsplit(url).netloc

    def get(path: str) -> dict[str, list[dict[str, str]]]:
        with urllib.request.urlopen(f"http://{host}{V1}{path}", timeout=60) as answer:
            found: dict[str, list[dict[str, str]]] = json.load(answer)
            return found

    pages = (get(f"/projects?page={page}&page_size=50").get("items") or [] for page in range(1, 11))
    projects = [row["id"] for page in pages for row in page]
    tasks = [row["id"] for project in projects[:100] for row in get(f"/projects/{project}/tasks").get("tasks") or []]
    found = _reads("peer", (host, 0), "", Ids(projects, [], tasks))
    return [one for one in found if tasks or "task" not in one.name]


if __name__ == "__main__":
    sys.exit(main())
