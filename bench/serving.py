"""A server as its users start it, with so many web processes, for benchmarks that ask it over HTTP."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import requests

from tests.support.servers.mariadb_server import fresh_database

HERE = Path(__file__).resolve().parents[1]
PATIENCE_S = 120.0


@dataclass(frozen=True)
class Serving:
    """Its address, and its parent's process id."""

    url: str
    pid: int

    def processes(self) -> dict[str, psutil.Process]:
        """The server's own processes: the parent, and those that it forked; the embedded parts are none of them."""
        parent = psutil.Process(self.pid)
        forked = [child for child in parent.children() if child.cmdline() == parent.cmdline()]
        names = ("one",) if len(forked) == 1 else ("processor", *(f"web-{number}" for number in range(1, len(forked))))
        by_start = sorted(forked, key=lambda child: child.pid)  # in the order in which they were forked
        return {"main": parent, **dict(zip(names, by_start, strict=True))}


@contextmanager
def serving(processes: int, settings: Mapping[str, object] | None = None) -> Iterator[Serving]:
    """A new server with everything embedded that no setting names, on the database server of S2V_TEST_MYSQL_DSN or on SQLite."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-"))
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=2048))
        values: dict[str, object] = {"data_dir": folder, "server.processes": processes, "log.level": "WARNING"}
        if given := os.environ.get("S2V_TEST_MYSQL_DSN"):
            values["mysql.dsn"] = stack.enter_context(fresh_database(given))
        process = _started(listener.fileno(), values | dict(settings or {}))
        stack.callback(process.wait)
        stack.callback(process.send_signal, signal.SIGTERM)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        requests.get(f"{url}/v1/api/health", timeout=PATIENCE_S).raise_for_status()  # waits in the socket's backlog
        yield Serving(url, process.pid)


def _started(fd: int, values: Mapping[str, object]) -> subprocess.Popen[bytes]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("S2V_")}
    ours = {f"S2V_{key.replace('.', '_').upper()}": str(value) for key, value in values.items()}
    command = [sys.executable, str(HERE / "main.py"), "serve", "--config", os.devnull, "--fd", str(fd)]
    return subprocess.Popen(command, env=kept | ours, pass_fds=[fd])
