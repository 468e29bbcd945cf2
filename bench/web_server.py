"""Threads or greenlets for the web server: what open task sockets cost, and what plain requests feel of them.

`python -m bench.web_server` starts each kind of gunicorn worker in turn, several times over, on loopback, and prints medians:

- memory that one idle socket adds to the worker process (KiB, unique set size);
- GET /v1/api/tasks/:id by 8 clients: requests per second alone and beside the idle sockets, the 99th percentile beside them;
- seconds from a change of the task to the last of the sockets that is told;
- the longest answer of /healthz while another request waits a second for SQLite's lock, in C.

gevent is measured where it is installed (`pip install gevent`); the server does not need it.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import signal
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil
import websocket

ROOT = Path(__file__).resolve().parent.parent
CLIENTS = 8
START_S = 120.0
FIGURES = {
    "KiB a socket": "{:.0f}",
    "threads": "{:.0f}",
    "requests/s alone": "{:.0f}",
    "requests/s beside sockets": "{:.0f}",
    "ratio": "{:.2f}",
    "p99 ms beside sockets": "{:.0f}",
    "s until all are told": "{:.2f}",
    "ms beside a held database": "{:.0f}",
}
HELD_S = 1.0


@contextlib.contextmanager
def server(kind: str, sockets: int) -> Iterator[tuple[str, psutil.Process, Path]]:
    """A running server: its address, its worker process, its database file."""
    with tempfile.TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0), backlog=2048) as listener:
        command = [sys.executable, "-m", "bench.web_server_child", kind, str(listener.fileno()), folder, str(sockets)]
        process = subprocess.Popen(command, cwd=ROOT, pass_fds=[listener.fileno()])
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        try:
            ask(address, "GET", "/healthz")
            children = psutil.Process(process.pid).children()
            worker = max(children, key=lambda child: child.memory_info().rss)  # the other ones keep Redis
            yield address, worker, Path(folder) / "storytovideo.db"
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def ask(address: str, method: str, path: str, body: Any = None, timeout_s: float = START_S) -> Any:
    """One request with a connection of its own."""
    connection = HTTPConnection(address, timeout=timeout_s)
    try:
        connection.request(method, path, json.dumps(body), {"Content-Type": "application/json"})
        return json.loads(connection.getresponse().read())
    finally:
        connection.close()


def load(address: str, path: str, seconds: float) -> tuple[float, float]:
    """Requests per second by `CLIENTS` kept connections, and the 99th percentile in ms."""
    taken: list[float] = []
    end = time.monotonic() + seconds

    def client() -> None:
        connection = HTTPConnection(address, timeout=START_S)
        while (began := time.monotonic()) < end:
            connection.request("GET", path)
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:
                raise AssertionError(f"{path} was answered {answer.status}")
            taken.append(time.monotonic() - began)
        connection.close()

    threads = [threading.Thread(target=client) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(taken) / seconds, 1000 * statistics.quantiles(taken, n=100)[98]


def told(clients: list[websocket.WebSocket], database: Path, task_id: str) -> float:
    """Seconds from a change of the row until every socket has its message."""
    began = time.monotonic()
    with contextlib.closing(sqlite3.connect(database, timeout=60)) as connection:
        connection.execute("UPDATE task SET progress = progress + 1 WHERE id = ?", [task_id])
        connection.commit()
    for client in clients:
        client.recv()
    return time.monotonic() - began


def beside_a_held_database(address: str, database: Path) -> float:
    """The longest answer of /healthz in ms, which asks nobody, while another request waits for SQLite's lock for `HELD_S`."""
    longest = 0.0
    story = {"StoryText": "从前有一只狐狸。", "ShotCount": 1}
    with contextlib.closing(sqlite3.connect(database, timeout=60, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        waiting = threading.Thread(target=ask, args=(address, "POST", "/v1/api/projects", story))
        waiting.start()
        end = time.monotonic() + HELD_S
        while (began := time.monotonic()) < end:
            with contextlib.suppress(TimeoutError):
                ask(address, "GET", "/healthz", timeout_s=HELD_S)
            longest = max(longest, time.monotonic() - began)
        connection.execute("ROLLBACK")
        waiting.join()
    return 1000 * longest


def measure(kind: str, sockets: int, seconds: float) -> dict[str, float]:
    """One run of one kind."""
    with server(kind, sockets) as (address, worker, database), contextlib.ExitStack() as opened:
        story = {"StoryText": "从前有一只狐狸。", "ShotCount": 1}
        task_id = ask(address, "POST", "/v1/api/projects", story)["shot_task_ids"][0]
        path = f"/v1/api/tasks/{task_id}"
        load(address, path, seconds / 4)  # what the first requests take once for all
        alone, _ = load(address, path, seconds)
        before = worker.memory_full_info().uss
        clients = []
        for _ in range(sockets):
            client = websocket.create_connection(f"ws://{address}/tasks/{task_id}/wss", timeout=START_S)
            opened.callback(client.shutdown)
            client.recv()
            clients.append(client)
        grown = worker.memory_full_info().uss - before
        beside, p99 = load(address, path, seconds)
        threads = worker.num_threads()
        last = told(clients, database, task_id), beside_a_held_database(address, database)
        return dict(
            zip(FIGURES, (grown / 1024 / sockets, threads, alone, beside, beside / alone, p99, *last), strict=True)
        )


def main() -> None:
    """Measure every kind in turn, so that what else the machine does meets all of them alike."""
    parser = argparse.ArgumentParser(description="Compare gunicorn's worker classes for this server.")
    parser.add_argument("--sockets", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=4.0, help="of load for each figure")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    kinds = ["gthread", *(["gevent"] if find_spec("gevent") else [])]
    if len(kinds) == 1:
        print("gevent is not installed: gthread alone")
    runs: dict[str, list[dict[str, float]]] = {kind: [] for kind in kinds}
    for turn in range(options.rounds):
        for kind in kinds if turn % 2 == 0 else reversed(kinds):
            runs[kind].append(measure(kind, options.sockets, options.seconds))
    print(f"{options.sockets} sockets, {CLIENTS} clients, medians of {options.rounds}, {os.cpu_count()} cores")
    print(f"{'':28}" + "".join(f"{kind:>12}" for kind in kinds))
    for name, form in FIGURES.items():
        medians = [statistics.median(run[name] for run in runs[kind]) for kind in kinds]
        print(f"{name:28}" + "".join(f"{form.format(value):>12}" for value in medians))


if __name__ == "__main__":
    main()
