"""One browser for each file of tests; two servers for all of them, one with the real node and one whose node paints at once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.e2e.client import Client
from tests.studio.browser import Studio, chromium, running_browser, studio
from tests.studio.story import painted
from tests.support.node.stand_in import StandInNode
from tests.support.server_process import ServerUnderTest


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with running_browser() as running:
        yield running


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerUnderTest]:
    """With everything embedded, open to everybody, making small films; not started where there is no browser."""
    assert chromium()
    with ServerUnderTest(tmp_path_factory.mktemp("server"), {"film.resolution": "640x360"}) as running:
        yield running


@pytest.fixture(scope="session")
def node() -> Iterator[StandInNode]:
    """What works for `quick_server`. A test that has it do otherwise lets it go on as before."""
    with StandInNode() as running:
        running.script("generate_shot", painted)
        yield running


@pytest.fixture(scope="session")
def quick_server(node: StandInNode, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerUnderTest]:
    """For tests that need pictures, and not what is on them: a module takes it for its `server`."""
    assert chromium()
    settings = {"worker.addr": node.addr, "film.resolution": "320x180"}
    with ServerUnderTest(tmp_path_factory.mktemp("quick"), settings) as running:
        yield running


@pytest.fixture(scope="module")
def client(server: ServerUnderTest, tmp_path_factory: pytest.TempPathFactory) -> Client:
    return Client([server.url], tmp_path_factory.mktemp("files"))


@pytest.fixture
def window(browser: Browser, server: ServerUnderTest) -> Iterator[Studio]:
    with studio(browser, server.url) as opened:
        yield opened
