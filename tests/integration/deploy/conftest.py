"""One nginx and one server for all tests of a worker process."""

from __future__ import annotations

import grp
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import leave_out
from tests.integration.deploy.gateway import Gateway, gateway
from tests.support.servers.nginx_server import USER
from tests.support.servers.node_server import NodeServer
from tests.support.servers.process import MissingServiceError

CHANGES = {"    # 192.168.0.0/16 1;": "    127.0.0.3 1;", "rate=120r/s": "rate=1r/s"}


@pytest.fixture(scope="session")
def node() -> Iterator[NodeServer]:
    """A model node whose log can be read."""
    server = NodeServer()
    yield server
    server.close()


@pytest.fixture(scope="session")
def real(node: NodeServer) -> Iterator[Gateway]:
    """The gateway. 127.0.0.1 is not counted, 127.0.0.2 is, and 127.0.0.3 is of a network that may go without TLS."""
    group = grp.getgrnam(USER).gr_gid if os.geteuid() == 0 else os.getegid()
    with tempfile.TemporaryDirectory(prefix="s2v-test-") as made:
        Path(made).chmod(0o711)  # nginx's user passes through
        settings: dict[str, object] = {"server.assets_group": group, "worker.addr": node.addr}
        try:
            with gateway(Path(made), settings, CHANGES) as running:
                yield running
        except MissingServiceError as error:
            leave_out(str(error))
