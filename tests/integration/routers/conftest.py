"""The web application over real services."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from config.settings import Settings
from routers.app import create_app
from service.container import Services
from tests.support.openapi import CheckedClient
from tests.support.web_app import Connect, connecting, make_settings, open_services, serving


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return make_settings(tmp_path / "data")


@pytest.fixture
def services(settings: Settings, redis_url: str) -> Iterator[Services]:
    with open_services(settings, redis_url) as parts:
        yield parts


@pytest.fixture
def static_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "static"
    folder.mkdir()
    return folder


@pytest.fixture
def app(services: Services, static_folder: Path) -> Flask:
    made = create_app(services, static_folder)
    made.test_client_class = CheckedClient
    return made


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def connect(app: Flask) -> Iterator[Connect]:
    """Opens task sockets of a running server."""
    with serving(app) as address, connecting(address) as opener:
        yield opener
