"""A running `serve --no-processor`, for tests of the web server in front of the real application."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from config.settings import RedisSettings
from tests.conftest import ROOT
from tests.support.wait import wait_until

MAX_SOCKETS = 2


@dataclass
class Server:
    """Its address, its process and its data directory."""

    address: str
    process: subprocess.Popen[bytes]
    data: Path

    def ask(self, method: str, path: str, **params: str) -> tuple[int, dict[str, Any]]:
        """Ask with the parameters in the query string, and a JSON content type without a body, as the phone does."""
        with closing(HTTPConnection(self.address, timeout=60)) as connection:
            target = f"{path}?{urlencode(params)}" if params else path
            connection.request(method, target, headers={"Content-Type": "application/json"})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())

    def is_alive(self) -> bool:
        assert self.process.poll() is None, "the server has ended"
        try:
            return self.ask("GET", "/healthz")[0] == 200
        except OSError:
            return False


@contextmanager
def running_server(
    folder: Path, redis: RedisSettings, *, files: tuple[int, int] | None = None, **settings: str
) -> Iterator[Server]:
    """`files` are its limits on open files, `settings` what goes into its environment (`server_max_body` is S2V_SERVER_MAX_BODY)."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        fd = listener.fileno()
        given = {
            "data_dir": str(folder / "data"),
            "redis_addr": redis.addr,
            "redis_password": redis.password,
            "redis_db": str(redis.db),
            "worker_addr": "127.0.0.1:9",
            "server_max_sockets": str(MAX_SOCKETS),
            **settings,
        }
        environment = {**os.environ, **{f"S2V_{name.upper()}": value for name, value in given.items()}}
        command = [sys.executable, str(ROOT / "main.py"), "serve", "--no-processor", "--fd", str(fd)]
        if files:
            command = ["prlimit", f"--nofile={files[0]}:{files[1]}", *command]
        process = subprocess.Popen(command, env=environment, cwd=folder, pass_fds=[fd])
        server = Server(f"127.0.0.1:{listener.getsockname()[1]}", process, folder / "data")
    try:
        wait_until(server.is_alive, timeout=60)
        yield server
    finally:
        process.terminate()
        process.wait(60)


def is_open(client: socket.socket) -> bool:
    """Whether the server has not closed it; of one that was answered the answer was read."""
    client.setblocking(False)
    try:
        return client.recv(1) != b""
    except BlockingIOError:
        return True
    except ConnectionError:
        return False
