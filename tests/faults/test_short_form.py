"""The short form: while films are made, every service hangs for a few seconds and dies, and a processor is killed."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from tests.faults import stories, world
from tests.faults.stories import PATIENCE_S
from tests.support.columns import DATABASES
from tests.support.wait import wait_until

OUTAGE_S = 2.0


@pytest.mark.parametrize("database", DATABASES[1:])
def test_all_work_is_done_after_short_outages_of_everything(tmp_path: Path, database: str) -> None:
    with world.opened(tmp_path, OUTAGE_S, database) as running, stories.told(running):
        wait_until(lambda: stories.films_at_work(running), PATIENCE_S, "a film at work")
        for name in ("storage", "database", "queue", "node"):
            running.services.named(name).hang()
            time.sleep(OUTAGE_S)  # the outage's length is what is tried
            running.services.named(name).go_on()
            running.services.named(name).kill()
            time.sleep(OUTAGE_S)  # as above
            running.services.named(name).start_again()
        running.deployment.processors[0].end(signal.SIGKILL)
        running.deployment.processors[0] = running.deployment.start_processor(0)
