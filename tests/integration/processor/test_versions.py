"""What is generated anew leaves what was there, and a film that is made notes what it was made of."""

from __future__ import annotations

import dataclasses

import pytest

from config.settings import KeepSettings
from models.asset import AssetKind
from service import films, shot_versions, shots
from service.schemas import FilmRequest, ShotChanges
from tests.integration.processor.conftest import Backend, others_by_soak
from tests.support.removals import swept


@pytest.mark.parametrize(("keep", "left"), [(0, [3, 2, 1]), (2, [3, 2])])
@others_by_soak
def test_an_image_painted_anew_leaves_the_others_as_far_as_is_set(backend: Backend, keep: int, left: list[int]) -> None:
    backend.settings = backend.settings.model_copy(update={"keep": KeepSettings(versions=keep)})
    backend.services = dataclasses.replace(backend.services, settings=backend.settings)
    backend.start()
    project_id = backend.drawn(1)
    [shot] = shots.of_project(backend.services, project_id)
    for prompt in ("hill", "lake"):
        backend.wait(
            shots.update(backend.services, project_id, shot.id, ShotChanges(prompt=prompt, seed=5)), "finished"
        )
    found = shot_versions.of_shot(backend.services, project_id, shot.id, AssetKind.IMAGE)
    assert [version.number for version in found] == left
    assert [(version.is_current, version.words, version.seed) for version in found[:2]] == [
        (True, "lake", 5),
        (False, "hill", 5),
    ]
    assert {(version.width, version.height) for version in found} == {(64, 64)}
    assert len(swept(backend.services, f"projects/{project_id}/shots")) == len(left)


@others_by_soak
def test_a_film_notes_what_it_shows_and_is_stale_once_that_is_painted_anew(backend: Backend) -> None:
    backend.start()
    project_id = backend.drawn(2)
    _, second = shots.of_project(backend.services, project_id)
    asked = FilmRequest(resolution="64x64", fps=5)
    backend.wait(films.request(backend.services, project_id, asked), "finished")
    [film] = films.of_project(backend.services, project_id)
    assert film.stale_shots == []
    backend.wait(shots.update(backend.services, project_id, second.id, ShotChanges(prompt="lake")), "finished")
    [film] = films.of_project(backend.services, project_id)
    assert film.stale_shots == [second.id]
    backend.wait(films.request(backend.services, project_id, asked), "finished")
    assert [one.stale_shots for one in films.of_project(backend.services, project_id)] == [[], [second.id]]
