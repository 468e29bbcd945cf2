"""Two servers for all of these tests: one as it comes, one with few threads behind a public address."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.server_process import ServerUnderTest

PUBLIC_URL = "https://film.example"


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerUnderTest]:
    """Everything embedded, the settings that come."""
    with ServerUnderTest(tmp_path_factory.mktemp("as-it-comes")) as running:
        yield running


@pytest.fixture(scope="package")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerUnderTest]:
    """Four threads, a client's silence borne for ten minutes, and a trusted proxy on loopback in front of a public address."""
    settings = {
        "server.threads": 4,
        "server.max_sockets": 4,
        "server.client_timeout_s": 600,
        "server.public_url": PUBLIC_URL,
        "server.trusted_proxies": "127.0.0.1",
    }
    with ServerUnderTest(tmp_path_factory.mktemp("narrow"), settings) as running:
        yield running
