"""A PostgreSQL server."""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import psycopg

from config.postgresql_url import parse
from models.bootstrap import open_server
from tests.support.servers.process import ServerProcess, free_port, program

USER = "postgres"
UNPRIVILEGED = "nobody"  # the server refuses to run as root
PLACES = [f"/usr/lib/postgresql/{version}/bin" for version in range(18, 13, -1)]  # Debian's, in no PATH


class PostgresqlServer(ServerProcess):
    """A fresh PostgreSQL that trusts everybody; `stop` and `start_again` take it away and bring it back with its data."""

    def __init__(self) -> None:
        self._program = _program("postgres")
        initdb = _program("initdb")
        super().__init__("postgresql")
        self.port = 0
        self._data = self.folder / "data"
        if os.geteuid() == 0:
            os.chown(self.folder, pwd.getpwnam(UNPRIVILEGED).pw_uid, -1)
        settings = ["--auth=trust", f"--username={USER}", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"]
        subprocess.run(
            [*_unprivileged(), initdb, *settings, f"--pgdata={self._data}"], check=True, capture_output=True, cwd="/"
        )
        self.start(self._command_on_a_free_port, self._answers)

    def url(self, database: str = "postgres") -> str:
        """Its address."""
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{database}"

    def start_again(self) -> None:
        """Start it once more on its port and its data."""
        self.start(self._command, self._answers)

    def stop(self) -> None:
        """End the program, keep its folder. At a SIGTERM it would wait for its clients to leave."""
        if self.process and self.process.poll() is None:
            self.go_on()
            self.process.send_signal(signal.SIGINT)
            self.process.wait(30)

    def hang(self) -> None:
        """Stop the program, and those of its connections."""
        super().hang()
        self._tell_children(signal.SIGSTOP)

    def go_on(self) -> None:
        self._tell_children(signal.SIGCONT)
        super().go_on()

    def _tell_children(self, number: signal.Signals) -> None:
        assert self.process is not None
        for child in psutil.Process(self.process.pid).children():
            with suppress(psutil.NoSuchProcess):
                child.send_signal(number)

    def _command_on_a_free_port(self) -> list[str]:
        self.port = free_port()
        return self._command()

    def _command(self) -> list[str]:
        careless = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=400")
        options = [f"--{name}" for name in (*careless, f"unix_socket_directories={self.folder}", "shared_buffers=64MB")]
        return [
            *_unprivileged(),
            self._program,
            "-D",
            str(self._data),
            "-h",
            "127.0.0.1",
            "-p",
            str(self.port),
            *options,
        ]

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url(), connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True


def _program(name: str) -> str:
    return program(name, *(str(Path(place) / name) for place in PLACES))


def _unprivileged() -> list[str]:
    own = ["setpriv", f"--reuid={UNPRIVILEGED}", "--clear-groups", "--pdeathsig=INT"]  # it ends with the tests
    return own if os.geteuid() == 0 else []


@contextmanager
def template(server: str) -> Iterator[str]:
    """The name of a database with our tables, from which others are made quickly; dropped afterwards."""
    with fresh_database(server) as url:
        open_server(parse(url)).close()
        yield str(parse(url).database)


@contextmanager
def fresh_database(server: str, template: str = "template0") -> Iterator[str]:
    """The address of a new database on this server, empty or a copy of the template; dropped afterwards."""
    name = f"s2v_test_{uuid.uuid4().hex[:12]}"
    execute(server, f"CREATE DATABASE {name} TEMPLATE {template}")
    yield f"{server.rpartition('/')[0]}/{name}"
    execute(server, f"DROP DATABASE {name} WITH (FORCE)")


def execute(server: str, statement: str) -> None:
    """Run a statement outside of a transaction."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(statement)
