"""A redis-server."""

from __future__ import annotations

import redis

from tests.servers.process import ServerProcess, free_port, program


class RedisServer(ServerProcess):
    """`url` is the database 0 of a fresh redis-server; `stop` and `start_again` take it away and bring it back on the same port, empty."""

    def __init__(self) -> None:
        self._program = program("redis-server")
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
