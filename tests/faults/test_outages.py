"""Each service goes away in the middle of films, in each way, for a minute."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.faults import stories, world
from tests.faults.stories import PATIENCE_S
from tests.faults.world import World
from tests.support.wait import wait_until

pytestmark = pytest.mark.faults

OUTAGE_S = 60.0


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world.opened(tmp_path_factory.mktemp("outages"), OUTAGE_S) as opened:
        yield opened


@pytest.mark.parametrize("how", ["hangs", "dies"])
@pytest.mark.parametrize("name", ["database", "storage", "queue", "node"])
def test_all_work_is_done_after_an_outage(running: World, name: str, how: str) -> None:
    service = running.services.named(name)
    with stories.told(running):
        wait_until(lambda: stories.films_at_work(running), PATIENCE_S, "a film at work")
        if how == "hangs":
            service.hang()
        else:
            service.kill()
        time.sleep(running.outage_s)  # the outage's length is what is tried
        if how == "hangs":
            service.go_on()
        else:
            service.start_again()
