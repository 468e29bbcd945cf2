"""The model node as a process of its own, with its offline providers."""

from __future__ import annotations

import sys
from pathlib import Path

import requests

from tests.support.servers.process import ServerProcess, free_port

ROOT = Path(__file__).resolve().parents[3]
ENVIRONMENT = {"PYTHONPATH": str(ROOT), "S2V_NODE_TTS_PROVIDER": "offline"}


class NodeServer(ServerProcess):
    """`addr` is its address; `more` are variables of its environment."""

    def __init__(self, more: dict[str, str] | None = None) -> None:
        super().__init__("node")
        self.port, self._environment = 0, ENVIRONMENT | (more or {})
        self.start(self._command_on_a_free_port, self._answers, self._environment)

    def start_again(self) -> None:
        """Start it once more on its port and its folder."""
        self.start(self._command, self._answers, self._environment)

    @property
    def addr(self) -> str:
        return f"127.0.0.1:{self.port}"

    def _command_on_a_free_port(self) -> list[str]:
        self.port = free_port()
        return self._command()

    def _command(self) -> list[str]:
        arguments = ["--host", "127.0.0.1", "--port", str(self.port), "--output", str(self.folder / "output")]
        return [sys.executable, "-m", "worker_node", *arguments]

    def _answers(self) -> bool:
        try:
            return requests.get(f"http://{self.addr}/health", timeout=5).status_code in (200, 401)
        except requests.ConnectionError:
            return False
