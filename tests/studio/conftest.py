"""One browser and one server for each file of tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.e2e.client import Client
from tests.studio.browser import Studio, running_browser, studio
from tests.support.server_process import ServerUnderTest


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with running_browser() as running:
        yield running


@pytest.fixture(scope="module")
def server(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerUnderTest]:
    """With everything embedded, open to everybody; not started where there is no browser."""
    assert browser.is_connected()
    with ServerUnderTest(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture(scope="module")
def client(server: ServerUnderTest, tmp_path_factory: pytest.TempPathFactory) -> Client:
    return Client([server.url], tmp_path_factory.mktemp("files"))


@pytest.fixture
def window(browser: Browser, server: ServerUnderTest) -> Iterator[Studio]:
    with studio(browser, server.url) as opened:
        yield opened
