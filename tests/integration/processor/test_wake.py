"""What a server hears from the node's webhook hurries a processor in another process."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.settings import Settings, WorkerSettings
from service import tasks
from tests.integration.processor.conftest import Backend, settings_over
from tests.support.columns import DATABASES
from tests.support.node.scripts import png, running
from tests.support.node.stand_in import StandInNode
from tests.support.soak import soaking
from tests.support.wait import wait_until

POLL_S = 60.0


@pytest.fixture(params=soaking(DATABASES, keep=1))
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """The database has no part in what is tried here."""
    return settings_over(request, tmp_path)


def test_a_wake_up_from_another_process_makes_the_poll_look_now(
    settings: Settings, redis_url: str, node: StandInNode
) -> None:
    patient = settings.model_copy(update={"worker": WorkerSettings(poll_seconds=POLL_S)})
    backend = Backend(patient, redis_url, node, "wakes")
    held = running(png())
    node.script("generate_shot", lambda _envelope: held)
    try:
        backend.start()  # with connections of its own, as in another process
        created = backend.create(1)
        backend.wait(created.text_task_id, "finished")
        [image] = created.shot_task_ids
        job = wait_until(lambda: tasks.get(backend.services, image).job_id, 60)
        wait_until(lambda: job in node.polled, 60, "the first look")
        held.gate.set()

        def done() -> bool:
            backend.services.events.wake(image)
            return backend.status(image) == "finished"

        wait_until(done, POLL_S / 2, "a look long before its time")
    finally:
        backend.close()
