"""The embedded model node: `worker_node` on a loopback port of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from runtime.embedded.child import Child, ChildFailed

ROOT = Path(__file__).resolve().parent.parent.parent
HOST = "127.0.0.1"


class EmbeddedNode(Child):
    """Takes a free port at its first start and keeps it.

    The webhook's secret and the node's token come as S2V_NODE_WEBHOOK_SECRET and S2V_NODE_TOKEN in our environment.
    """

    name = "embedded model node"

    def __init__(self, output: Path, webhook_url: str, log: Mapping[str, str]) -> None:
        super().__init__()
        self._output, self._webhook_url, self._log = output, webhook_url, log
        self.port = 0

    def start(self) -> None:
        """See `Child.start`."""
        self._spawn(self._command(), env=self._environment(), stdout=subprocess.PIPE)

    def wait(self) -> str:
        """See `Child.wait`."""
        said = self._process.stdout if self._process else None
        line = said.readline() if said else b""  # ends with the node, so it cannot wait for ever
        try:
            self.port = int(json.loads(line)["listening"])
        except (ValueError, KeyError, TypeError) as error:
            raise ChildFailed(
                "the model node does not start (its own lines above say why); or name one by worker.addr"
            ) from error
        return f"http://{HOST}:{self.port}"

    def start_again(self) -> None:
        """See `Child.start_again`."""
        self._spawn(self._command(), env=self._environment())

    def _command(self) -> list[str]:
        return [
            *(
                sys.executable,
                "-m",
                "worker_node",
                "--host",
                HOST,
                "--port",
                str(self.port),
                "--output",
                str(self._output),
            ),
            *("--webhook-url", self._webhook_url, "--parent-pid", str(os.getpid())),
            *("--log-format", self._log["format"], "--log-level", self._log["level"]),
        ]

    def _environment(self) -> dict[str, str]:
        """The node's own variables only: it has no use for the server's secrets."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("S2V_") or name.startswith("S2V_NODE_")
        }
        return {**kept, "PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))}
