"""Services over each database, without a processor."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from service.container import Services
from tests.support.columns import DATABASES, address_of
from tests.support.web_app import make_settings, open_services


@pytest.fixture(params=DATABASES)
def services(request: pytest.FixtureRequest, tmp_path: Path, redis_url: str) -> Iterator[Services]:
    address = address_of(request.param, request)
    with open_services(make_settings(tmp_path, address), redis_url) as parts:
        yield parts
