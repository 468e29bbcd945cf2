"""The command line, `python -m worker_node [doctor]`. Prints `{"listening": port}` on standard output once it serves."""

from __future__ import annotations

import json
import logging
import os
import signal
import socket
import sys
from collections.abc import Sequence

import uvicorn

from worker_node.app import create_app
from worker_node.files import FolderInUse
from worker_node.hidden_credentials import hide
from worker_node.lifeline import watch_parent
from worker_node.log import set_up_logging
from worker_node.node import Node
from worker_node.providers.settings import SettingsError
from worker_node.settings import NodeSettings, parse_settings

BACKLOG = 512
GRACE_S = 2
SETTINGS_WRONG, START_FAILED = 2, 1


class _Server(uvicorn.Server):
    """Says where it listens as soon as it does."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started and sockets:
            sys.stdout.write(json.dumps({"listening": sockets[0].getsockname()[1]}) + "\n")
            sys.stdout.flush()


def main(arguments: Sequence[str]) -> int:
    """Run the node until SIGTERM, SIGINT or its parent's end, or with `doctor` try what it would run with; returns the exit code."""
    looks = list(arguments[:1]) == ["doctor"]
    try:
        settings = parse_settings(arguments[looks:], os.environ)
    except SettingsError as error:
        return _complain(str(error), SETTINGS_WRONG)
    if looks:
        from worker_node.doctor import examine  # noqa: PLC0415 - a start of the node does without it

        return examine(settings, lambda line: sys.stdout.write(f"{line}\n"))
    hide(settings.secrets())
    set_up_logging(settings.log_format, logging.getLevelName(settings.log_level))
    if settings.parent_pid:
        watch_parent(settings.parent_pid, lambda: os.kill(os.getpid(), signal.SIGTERM))
    try:
        listener = _listen(settings)
        node = Node(settings)
    except (OSError, FolderInUse) as error:
        return _complain(f"cannot start: {error}", START_FAILED)
    config = uvicorn.Config(
        create_app(node), log_config=None, access_log=False, timeout_graceful_shutdown=GRACE_S, server_header=False
    )
    # uvicorn raises the signal that stopped it anew once it is done: by then that must be an orderly exit.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    _Server(config).run(sockets=[listener])
    return 0


def _listen(settings: NodeSettings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((settings.host, settings.port))
    listener.listen(BACKLOG)
    return listener


def _complain(text: str, code: int) -> int:
    sys.stderr.write(f"worker_node: {text}\n")
    return code
