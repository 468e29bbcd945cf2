"""Failed logins while Redis is away."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from redis import Redis

from common.errors import TooManyRequests
from config.settings import LimitsSettings, ServerSettings, Settings
from routers.access.rate_limits import RateLimits
from service.container import Services


@pytest.mark.parametrize(("processes", "expected"), [(1, 5), (2, 4), (5, 5), (8, 8)])
def test_several_processes_let_no_more_failed_logins_through_than_one(processes: int, expected: int) -> None:
    """Each counts for itself and has its part of them; one at least."""
    settings = Settings(
        server=ServerSettings(processes=processes), limits=LimitsSettings(enabled="true", failed_logins="5/hour")
    )
    queue = SimpleNamespace(redis=Redis(host="127.0.0.1", port=1), name="test")
    services: Any = SimpleNamespace(settings=settings, queue=queue)
    let_through = 0
    for limits in [RateLimits(cast(Services, services)) for _ in range(processes)]:
        for _ in range(6):
            try:
                limits.check_login("alice", "192.0.2.1")
            except TooManyRequests:
                break
            limits.note_failed_login("alice", "192.0.2.1")
            let_through += 1
    assert let_through == expected
