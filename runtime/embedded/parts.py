"""The embedded parts as the server sees them."""

from __future__ import annotations

import json
import os
import secrets
import select
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from common.errors import DependencyError
from common.parent_death import guarded
from runtime.embedded.node import ROOT

if TYPE_CHECKING:
    from config.settings import Settings

STOP_S = 8.0  # longer than the supervisor takes to stop its children
NODE_FOLDER = "node"
NODE_USER = "storytovideo"  # any: it is the password that counts
WEBHOOK_PATH = "/api/webhook/task_complete"


@dataclass
class EmbeddedParts:
    """What runs beside the server because no address was configured. After `wait`, `settings` name the real addresses."""

    settings: Settings
    _supervisor: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    _secret: str = field(default="", repr=False)
    _token: str = field(default="", repr=False)  # without which the node answers nobody: others may be on this machine

    @classmethod
    def start(cls, settings: Settings, server_url: str) -> EmbeddedParts:
        """Start what has no address; returns at once. Call it from the main thread: the parts end with the calling one.

        `server_url` is where the node reports ended jobs.
        """
        log = settings.log.model_dump(include={"level", "format"})  # on a command line, which others can read
        wanted: dict[str, Any] = {"log": log, "redis": not settings.redis.addr}
        secret, token = settings.worker.webhook_secret, secrets.token_hex(32)
        if not settings.worker.nodes:
            secret = secret or secrets.token_hex(32)
            output = (settings.data_dir / NODE_FOLDER).absolute()
            wanted["node"] = {"output": str(output), "webhook_url": server_url + WEBHOOK_PATH}
        if not wanted["redis"] and "node" not in wanted:
            return cls(settings)
        supervisor = subprocess.Popen(  # noqa: S603 - our own words
            guarded([sys.executable, "-m", "runtime.embedded.supervisor", json.dumps(wanted)], signal.SIGTERM),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH")))),
                "S2V_NODE_WEBHOOK_SECRET": secret,
                "S2V_NODE_TOKEN": token,
                **_node_configuration(settings),
            },
            start_new_session=True,  # a terminal's Ctrl-C is for the server, which ends these in order
        )
        return cls(settings, supervisor, secret, token)

    def wait(self) -> EmbeddedParts:
        """Return once what was started serves. Raises `DependencyError` where it does not, and nothing of it is left."""
        if self._supervisor is None:
            return self
        try:
            addresses = _read(self._supervisor)
        except BaseException:
            self.stop()
            raise
        redis, node = self.settings.redis, self.settings.worker
        self.settings = self.settings.model_copy(
            update={
                "redis": redis.model_copy(update={"addr": addresses.get("redis", redis.addr)}),
                "worker": node.model_copy(
                    update={"addr": self._node_address(addresses) or node.addr, "webhook_secret": self._secret}
                ),
            }
        )
        return self

    def _node_address(self, addresses: dict[str, str]) -> str:
        """The embedded node's, with the token as its password; "" where there is none."""
        scheme, found, authority = addresses.get("node", "").partition("//")
        return f"{scheme}//{NODE_USER}:{self._token}@{authority}" if found else ""

    def exited(self) -> bool:
        """Whether what was started has exited by itself; a child of this process may ask, too."""
        said = self._supervisor.stdout if self._supervisor is not None else None
        return said is not None and bool(select.select([said], [], [], 0)[0])  # readable without output: end of file

    def stop(self) -> None:
        """End what was started; returns when it is gone."""
        if self._supervisor is None:
            return
        self._supervisor.terminate()
        try:
            self._supervisor.wait(STOP_S)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(self._supervisor.pid, signal.SIGKILL)
            self._supervisor.wait()
        if self._supervisor.stdout:
            self._supervisor.stdout.close()
        self._supervisor = None


def _node_configuration(settings: Settings) -> dict[str, str]:
    """The section `node`, in the environment since it may hold keys; a variable that somebody set himself goes before it."""
    if not settings.node or "S2V_NODE_CONFIG" in os.environ:
        return {}
    return {"S2V_NODE_CONFIG": json.dumps(settings.node, ensure_ascii=False, default=str)}


def _read(supervisor: subprocess.Popen[bytes]) -> dict[str, str]:
    line = supervisor.stdout.readline() if supervisor.stdout else b""  # returns when it exits, at the latest
    answer: dict[str, str] = (
        json.loads(line) if line else {"error": "the embedded parts do not start; the lines above say why"}
    )
    if "error" in answer:
        raise DependencyError(answer["error"])
    return answer
