"""A task that runs while it is tidied loses nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest

from config.settings import KeepSettings
from service import shots, tidying
from service.tidying import Stores, tidy
from tests.integration.processor.conftest import Backend, others_by_soak


@others_by_soak
def test_a_task_that_runs_while_it_is_tidied_loses_nothing(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tidying, "YOUNG", timedelta(days=-1))  # what was made a moment ago is old
    keep = KeepSettings().model_copy(update={"tasks_days": -1})
    services = backend.new_services()
    stores = Stores(backend.settings.model_copy(update={"keep": keep}), services.database, services.store)
    backend.start()
    made = backend.create(6)
    rounds = 0
    while [shot.status for shot in shots.of_project(backend.services, made.project_id)] != ["completed"] * 6:
        found = {each.kind: each for each in tidy(stores, rows=True, objects=True)}
        assert found["objects without a row"].found == 0, found
        rounds += 1
        assert rounds < 10_000
    assert rounds > 1
    for shot in shots.of_project(backend.services, made.project_id):
        assert backend.stored(shot.image_path)
    services.close()
