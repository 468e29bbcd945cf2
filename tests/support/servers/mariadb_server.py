"""A MariaDB server."""

from __future__ import annotations

import os
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pymysql

from config.go_dsn import parse
from tests.support.servers.process import ServerProcess, free_port, program

USER, PASSWORD = "root", ""


class MariadbServer(ServerProcess):
    """A fresh MariaDB with a root user without a password; `stop` and `start_again` take it away and bring it back with its data."""

    def __init__(self) -> None:
        self._program = program("mariadbd", "/usr/sbin/mariadbd", "mysqld", "/usr/sbin/mysqld")
        install = program("mariadb-install-db", "mysql_install_db")
        super().__init__("mariadb")
        self.port = 0
        self._data = self.folder / "data"
        subprocess.run(
            [
                install,
                "--no-defaults",
                "--auth-root-authentication-method=normal",
                "--skip-test-db",
                f"--datadir={self._data}",
                *self._user(),
            ],
            check=True,
            capture_output=True,
        )
        self.start(self._command_on_a_free_port, self._answers)

    def dsn(self, database: str = "") -> str:
        """Its address in the Go driver's form."""
        return f"{USER}:{PASSWORD}@tcp(127.0.0.1:{self.port})/{database}?charset=utf8mb4&parseTime=True&loc=UTC"

    def start_again(self) -> None:
        """Start it once more on its port and its data."""
        self.start(self._command, self._answers)

    def _user(self) -> list[str]:
        return ["--user=root"] if os.geteuid() == 0 else []

    def _command_on_a_free_port(self) -> list[str]:
        self.port = free_port()
        return self._command()

    def _command(self) -> list[str]:
        return [
            self._program,
            "--no-defaults",
            *self._user(),
            f"--datadir={self._data}",
            f"--socket={self.folder / 'sock'}",
            f"--pid-file={self.folder / 'pid'}",
            f"--tmpdir={self.folder}",
            "--bind-address=127.0.0.1",
            f"--port={self.port}",
            "--skip-networking=0",
            "--innodb-buffer-pool-size=32M",
            "--innodb-log-file-size=16M",
            "--innodb-flush-log-at-trx-commit=0",
            "--max-connections=400",
            "--skip-name-resolve",
        ]

    def _answers(self) -> bool:
        try:
            pymysql.connect(host="127.0.0.1", port=self.port, user=USER, password=PASSWORD, connect_timeout=5).close()
        except pymysql.OperationalError:
            return False
        return True


@contextmanager
def fresh_database(server: str) -> Iterator[str]:
    """The address, in the Go driver's form, of an empty database on this server; dropped afterwards."""
    before, _, after = server.rpartition("/")
    name = f"s2v_test_{uuid.uuid4().hex[:12]}"
    _execute(server, f"CREATE DATABASE {name} CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci")
    yield f"{before}/{name}?{after.partition('?')[2]}"
    _execute(server, f"DROP DATABASE {name}")


def _execute(server: str, statement: str) -> None:
    before, _, after = server.rpartition("/")
    url = parse(f"{before}/mysql?{after.partition('?')[2]}").url
    connection = pymysql.connect(
        host=url.host,
        port=url.port or 3306,
        user=url.username,
        password=url.password or "",
        ssl_disabled=True,  # for TLS PyMySQL would read all certificates of the system first
    )
    with connection, connection.cursor() as cursor:
        cursor.execute(statement)
